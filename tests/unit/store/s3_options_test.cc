#include "store/s3_options.h"

#include "support/expect.h"
#include "support/temporary_folder.h"
#include "tape/manifest.h"

using namespace agent;
using namespace test;
using namespace std::chrono_literals;
using tape::ErrorKind;
using tape::failed;
using tape::says;

namespace {

const Clock::Time kNow{1'700'000'000s};  // 2023-11-14T22:13:20Z

std::string text_of(Clock::Time time) {
  return tape::utc_text({Clock::Time::clock::to_time_t(time), 0});
}

}  // namespace

TEST_CASE("s3_options: a location is a bucket and a prefix") {
  struct Row {
    const char* url;
    const char* bucket;
    const char* prefix;
  };
  const Row rows[] = {
      {"s3://bucket", "bucket", ""},
      {"s3://bucket/", "bucket", ""},
      {"s3://bucket///", "bucket", ""},
      {"s3://bucket/a", "bucket", "a"},
      {"s3://bucket/a/b.c/d/", "bucket", "a/b.c/d"},
      {"s3://my-bucket.example.com/a", "my-bucket.example.com", "a"},
      {"s3://Old_Bucket/ a+b%20", "Old_Bucket", " a+b%20"},
      {"s3://123/\xC3\xA9", "123", "\xC3\xA9"},
      {"s3://bucket/...", "bucket", "..."},
      {"s3://bucket/a?b#c", "bucket", "a?b#c"},
  };
  for (const Row& row : rows) {
    INFO(row.url);
    const S3Location found = parse_s3_location(row.url);
    CHECK(found.bucket == row.bucket);
    CHECK(found.prefix == row.prefix);
  }
  CHECK(parse_s3_location("s3://" + std::string(255, 'b')).bucket.size() == 255);
}

TEST_CASE("s3_options: what is no location is a usage error") {
  for (const std::string& url :
       {std::string("s3://"), std::string("s3:///a"), std::string("s3://ab"),
        "s3://" + std::string(256, 'b'), std::string("s3://b cket"), std::string("s3://b@cket"),
        std::string("s3://bucket:80/a"), std::string("s3://.bucket"), std::string("s3://..."),
        std::string("s3://buck\xC3\xA9t"), std::string("s3://bucket//a"),
        std::string("s3://bucket/a//b"), std::string("s3://bucket/./a"),
        std::string("s3://bucket/a/.."), std::string("s3://bucket/a/../b"),
        std::string("s3://bucket/\xFF"), std::string("s3://bucket/a\nb"),
        std::string("s3://bucket/a\0b", 15)}) {
    INFO(tape::shown(url));
    const tape::Error error = failed([&] { return parse_s3_location(url); });
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(says(error, tape::shown(url)));
  }
}

TEST_CASE("s3_options: an endpoint is a scheme, a host and perhaps a port") {
  struct Row {
    const char* typed;
    const char* scheme;
    const char* host;
    bool is_aws;
  };
  const Row rows[] = {
      {"", "https", "s3.eu-west-1.amazonaws.com", true},
      {"https://s3.example.com", "https", "s3.example.com", false},
      {"https://s3.example.com/", "https", "s3.example.com", false},
      {"http://127.0.0.1:9000", "http", "127.0.0.1:9000", false},
      {"s3.example.com", "https", "s3.example.com", false},
      {"localhost:9000/", "https", "localhost:9000", false},
      {"http://host:80", "http", "host", false},
      {"https://host:443", "https", "host", false},
      {"http://host:443", "http", "host:443", false},
      {"https://host:80", "https", "host:80", false},
      {"https://host:8443", "https", "host:8443", false},
      {"https://host:65535", "https", "host:65535", false},
      {"http://[::1]", "http", "[::1]", false},
      {"http://[::1]:9000", "http", "[::1]:9000", false},
      {"http://[::1]:80", "http", "[::1]", false},
      {"https://s3.us-west-2.amazonaws.com", "https", "s3.us-west-2.amazonaws.com", true},
      {"https://s3.cn-north-1.amazonaws.com.cn", "https", "s3.cn-north-1.amazonaws.com.cn", true},
      {"https://s3.amazonaws.com.example.com", "https", "s3.amazonaws.com.example.com", false},
      {"https://evilamazonaws.com", "https", "evilamazonaws.com", false},
      {"https://xn--bcher-kva.example", "https", "xn--bcher-kva.example", false},
      {"https://my_host", "https", "my_host", false},
  };
  for (const Row& row : rows) {
    INFO(row.typed);
    const S3Endpoint found = parse_endpoint(row.typed, "eu-west-1");
    CHECK(found.scheme == row.scheme);
    CHECK(found.host == row.host);
    CHECK(found.is_aws == row.is_aws);
  }
  CHECK(parse_endpoint("", "cn-north-1").host == "s3.cn-north-1.amazonaws.com.cn");
}

TEST_CASE("s3_options: what is no endpoint is a usage error") {
  for (const char* typed : {"ftp://host",
                            "s3://bucket",
                            "://host",
                            "https://",
                            "https:///",
                            "http://:80",
                            "https://:443",
                            "https://:9000",
                            "host:",
                            "host:x",
                            "host:0",
                            "host:65536",
                            "host:-1",
                            "host:1:2",
                            "https://host/bucket",
                            "https://host?x",
                            "https://host#x",
                            "https://user@host",
                            "https://user:word@host",
                            "https://ho st",
                            "https://ho\tst",
                            "https://ho\nst",
                            "https://h%6fst",
                            "https://[::1",
                            "https://::1",
                            "https://[]",
                            "https://h[::1]",
                            "https://host\\x",
                            "https://h\xC3\xB6st",
                            "/",
                            "."}) {
    INFO(tape::shown(typed));
    const tape::Error error = failed([&] { return parse_endpoint(typed, "us-east-1"); });
    CHECK(error.kind() == ErrorKind::usage);
    CHECK_FALSE(says(error, "\n"));
  }
  // Of a region that is none there is no host.
  for (const char* region : {"", "a/b", "evil.example", "a@b", "a b"})
    CHECK(failed([&] { return parse_endpoint("", region); }).kind() == ErrorKind::usage);
}

TEST_CASE("s3_options: encryption is by the store's key, by one of KMS, or by the customer's") {
  using Kind = ServerSideEncryption::Kind;
  CHECK(parse_encryption("").kind == Kind::none);
  CHECK(parse_encryption("AES256").kind == Kind::aes256);
  CHECK(parse_encryption("aws:kms").kind == Kind::kms);
  CHECK(parse_encryption("aws:kms").kms_key.empty());
  CHECK(parse_encryption("aws:kms:arn:aws:kms:eu-west-1:1:key/k").kms_key ==
        "arn:aws:kms:eu-west-1:1:key/k");
  const TemporaryFolder folder;
  const std::string raw = std::string("0123456789abcdefghijklmnopqr\xFF\n\0z", 32);
  const std::string base64 = tape::base64(raw);
  for (const std::string& content : {raw, base64, base64 + "\n", base64 + "\r\n"}) {
    write_file(folder / "key", content);
    const ServerSideEncryption found = parse_encryption("customer:" + (folder / "key"));
    CHECK(found.kind == Kind::customer);
    CHECK(found.customer_key == raw);
  }
}

TEST_CASE("s3_options: what is no encryption is a usage error, and names no key") {
  const TemporaryFolder folder;
  for (const char* typed :
       {"aes256", "AES128", "kms", "aws:kms:", "aws:kmsx", "customer", "customer:"})
    CHECK(failed([&] { return parse_encryption(typed); }).kind() == ErrorKind::usage);
  const std::string good = tape::base64(std::string(32, 'k'));
  for (const std::string& content :
       {std::string(), std::string(31, 'k'), std::string(33, 'k'), std::string(64, 'k'),
        good.substr(1), good + "A", "A" + good, good + good,
        good.substr(0, 20) + "!" + good.substr(21), good.substr(0, 20) + "=" + good.substr(20),
        good.substr(0, 43), good + "x", std::string(300, 'k'),
        good.substr(0, 10) + " " + good.substr(10), tape::base64(std::string(31, 'k'))}) {
    INFO(content);
    write_file(folder / "key", content);
    const tape::Error error =
        failed([&] { return parse_encryption("customer:" + (folder / "key")); });
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(says(error, folder / "key"));
    CHECK_FALSE(says(error, "kkk"));
    CHECK_FALSE(says(error, "a2tr"));
  }
  // Nothing large is read for a key.
  for (const std::size_t size : {256u, 257u}) {
    write_file(folder / "key", std::string(size, 'k'));
    const tape::Error error =
        failed([&] { return parse_encryption("customer:" + (folder / "key")); });
    CHECK(says(error, "too large") == (size == 257));
  }
  CHECK(failed([&] { return parse_encryption("customer:" + (folder / "none")); }).kind() ==
        ErrorKind::not_found);
}

TEST_CASE("s3_options: a lock has a mode, and a length or an end") {
  struct Row {
    const char* typed;
    const char* mode;
    const char* until;
  };
  const Row rows[] = {
      {"governance:30d", "GOVERNANCE", "2023-12-14T22:13:20Z"},
      {"COMPLIANCE:1d", "COMPLIANCE", "2023-11-15T22:13:20Z"},
      {"Compliance:36500d", "COMPLIANCE", "2123-10-21T22:13:20Z"},
      {"compliance:2027-01-31", "COMPLIANCE", "2027-01-31T00:00:00Z"},
      {"compliance:2024-02-29", "COMPLIANCE", "2024-02-29T00:00:00Z"},
      {"governance:2027-01-31T12:34:56Z", "GOVERNANCE", "2027-01-31T12:34:56Z"},
      {"governance:2023-11-14T22:13:21Z", "GOVERNANCE", "2023-11-14T22:13:21Z"},
  };
  for (const Row& row : rows) {
    INFO(row.typed);
    const ObjectLock found = parse_object_lock(row.typed, kNow);
    CHECK(found.mode == row.mode);
    CHECK(text_of(found.retain_until) == row.until);
  }
}

TEST_CASE("s3_options: what is no lock is a usage error") {
  for (const char* typed : {"",
                            "30d",
                            ":30d",
                            "governance",
                            "governance:",
                            "governance:0d",
                            "governance:-1d",
                            "governance:30",
                            "governance:30h",
                            "governance:30dd",
                            "governance: 30d",
                            "governance:36501d",
                            "governance:99999999999d",
                            "governance:9223372036854775807d",
                            "governance:-9223372036854775807d",
                            "legal:30d",
                            "governance:2027",
                            "governance:2027-01",
                            "governance:2027-13-01",
                            "governance:2027-02-29",
                            "governance:2027-04-31",
                            "governance:2027-01-31T",
                            "governance:2027-01-31T12:00",
                            "governance:2027-01-31T12:00:00",
                            "governance:2027-01-31T25:00:00Z",
                            "governance:2027-01-31T12:00:60Z",
                            "governance:2027-01-31x",
                            "governance:2023-11-14",
                            "governance:2023-11-14T22:13:20Z",
                            "governance:1970-01-01",
                            "governance:2200-01-01",
                            "governance:9999-12-31",
                            "governance:99999-01-01",
                            "governance:27-01-31",
                            "governance:2027-1-31"}) {
    INFO(typed);
    CHECK(failed([&] { return parse_object_lock(typed, kNow); }).kind() == ErrorKind::usage);
  }
}
