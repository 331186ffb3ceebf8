// What a user says about a store is in each request that needs it, signed, and in no other. Real
// servers take much of it without a word, so the requests themselves are looked at.
#include <map>

#include "net/md5.h"
#include "support/expect.h"
#include "support/s3_signed.h"
#include "support/s3_world.h"
#include "tape/digest.h"

using namespace agent;
using namespace test;
using namespace std::chrono_literals;
using Put = ObjectStore::Put;

namespace {

const std::string kContent = "content";

std::string quoted_md5(std::string_view bytes) {
  return "\"" + tape::hex(md5(tape::as_bytes(bytes))) + "\"";
}

// A store in which everything goes well. Of keys that end in "absent" there is none yet.
Reply goes_well(const Request& request) {
  const std::string part = tape::as_text(md5(tape::as_bytes(kContent)));
  const std::string object = "\"" + tape::hex(md5(tape::as_bytes(part))) + "-1\"";
  const bool of_upload = !query_of(request, "uploadId").empty();
  if (request.method == "HEAD") {
    if (request.path().ends_with("absent")) return {.status = 404};
    return {.headers = {{"ETag", object}}, .body = kContent};
  }
  if (request.method == "PUT") return {.headers = {{"ETag", quoted_md5(request.body)}}};
  if (request.method == "DELETE") return {.status = 204};
  if (request.method == "POST" && request.query() == "uploads=")
    return {.body =
                "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                "</InitiateMultipartUploadResult>"};
  if (request.method == "POST" && request.query() == "delete=") return {.body = "<DeleteResult/>"};
  if (request.method == "POST") return {.body = "<CompleteMultipartUploadResult/>"};
  if (of_upload) return {.body = "<ListPartsResult/>"};
  if (request.query().find("uploads=") != std::string::npos)
    return {.body = "<ListMultipartUploadsResult/>"};
  if (request.query().find("list-type=2") != std::string::npos)
    return {.body = "<ListBucketResult/>"};
  if (request.has("Range"))
    return {.status = 206,
            .headers = {{"Content-Range", "bytes 0-1/7"}, {"ETag", object}},
            .body = kContent.substr(0, 2)};
  return {.headers = {{"ETag", object}}, .body = kContent};
}

// The last request of each thing that a store can do.
std::map<std::string, Request> requests_of(World& world) {
  std::map<std::string, Request> out;
  ObjectStore& store = world.store();
  const tape::ByteView bytes = tape::as_bytes(kContent);
  const auto keep = [&](const std::string& name, const auto& step) {
    world.server.forget_requests();
    step();
    out[name] = world.server.requests().back();
    for (const Request& request : world.server.requests())
      CHECK(is_signed_by(request, kKeys));
  };
  PartInfo part;
  keep("put", [&] { store.put("s/list.txt", bytes, Put::replace); });
  keep("put_absent", [&] { store.put("s/m.json.absent", bytes, Put::if_absent); });
  keep("begin", [&] { store.begin_upload("s/v.tar.gz"); });
  keep("part", [&] { part = store.put_part("s/v", "u", {1, 0, bytes, tape::sha256(bytes)}); });
  keep("parts", [&] { store.list_parts("s/v", "u"); });
  keep("complete_head", [&] { store.complete_upload("s/v", "u", {part}); });
  out["complete"] = world.server.requests().at(0);
  keep("abort", [&] { store.abort_upload("s/v", "u"); });
  keep("uploads", [&] { store.list_uploads("s/"); });
  keep("head", [&] { store.head("s/v"); });
  keep("range", [&] {
    tape::Bytes two(2);
    store.open("s/v")->read_at(tape::GzOffset(0), two);
  });
  keep("get", [&] { store.get("s/v", 100); });
  keep("list", [&] { store.list("s/", [](const ObjectInfo&) {}); });
  keep("folders", [&] { store.folders(""); });
  keep("remove", [&] { store.remove("s/v"); });
  keep("remove_all", [&] { store.remove_all({"s/v", "s/w"}); });
  return out;
}

struct Row {
  const char* header;
  std::string value;
  std::set<std::string> where;
};

void check_headers(World& world, const std::vector<Row>& rows) {
  const auto requests = requests_of(world);
  CHECK(requests.size() == 16);
  for (const Row& row : rows) {
    for (const auto& [name, request] : requests) {
      INFO(row.header << " of " << name);
      CHECK(request.header(row.header) == (row.where.contains(name) ? row.value : ""));
      CHECK(request.has(row.header) == row.where.contains(name));
    }
  }
}

const std::set<std::string> kWrites{"put", "put_absent", "begin"};
const std::set<std::string> kContents{"put",           "put_absent", "begin", "part", "complete",
                                      "complete_head", "head",       "range", "get"};
const std::set<std::string> kAll{
    "put",  "put_absent", "begin", "part", "parts",   "complete", "abort",      "uploads",
    "head", "range",      "get",   "list", "folders", "remove",   "remove_all", "complete_head"};

}  // namespace

TEST_CASE("s3_store: without options no request says more than it has to") {
  World world(goes_well);
  std::vector<Row> rows;
  for (const char* header :
       {"x-amz-storage-class", "x-amz-acl", "x-amz-tagging", "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption-customer-algorithm",
        "x-amz-server-side-encryption-customer-key",
        "x-amz-server-side-encryption-customer-key-MD5", "x-amz-object-lock-mode",
        "x-amz-object-lock-retain-until-date", "x-amz-request-payer", "x-amz-security-token"})
    rows.push_back({header, "", {}});
  check_headers(world, rows);
}

TEST_CASE("s3_store: bodies carry their MD5, and objects their type") {
  World world(goes_well);
  const auto requests = requests_of(world);
  for (const char* name : {"put", "put_absent", "part", "remove_all"}) {
    INFO(name);
    const Request& request = requests.at(name);
    CHECK(request.header("Content-MD5") == md5_base64(md5(tape::as_bytes(request.body))));
  }
  CHECK(requests.at("begin").header("Content-Type") == "application/gzip");
  CHECK(requests.at("put").header("Content-Type") == "text/plain; charset=utf-8");
  world.server.forget_requests();
  world.store().put("s/m.json", tape::as_bytes("{}"), Put::replace);
  CHECK(world.server.requests().back().header("Content-Type") == "application/json");
}

TEST_CASE("s3_store: a storage class is that of volumes, not of manifests") {
  World world(goes_well);
  world.options.storage_class = "STANDARD_IA";
  check_headers(world, {{"x-amz-storage-class", "STANDARD_IA", {"put", "begin"}}});
}

TEST_CASE("s3_store: an ACL and tags are those of all objects") {
  World world(goes_well);
  world.options.acl = "bucket-owner-full-control";
  world.options.tags = {{"cost", "a b&c=d"}, {"\xC3\xA9", ""}, {"x", "+/"}};
  check_headers(world, {{"x-amz-acl", "bucket-owner-full-control", kWrites},
                        {"x-amz-tagging", "cost=a%20b%26c%3Dd&%C3%A9=&x=%2B%2F", kWrites}});
}

TEST_CASE("s3_store: the server's encryption is said when an object begins") {
  World aes(goes_well);
  aes.options.encryption.kind = ServerSideEncryption::Kind::aes256;
  check_headers(aes, {{"x-amz-server-side-encryption", "AES256", kWrites},
                      {"x-amz-server-side-encryption-aws-kms-key-id", "", {}}});
  World kms(goes_well);
  kms.options.encryption.kind = ServerSideEncryption::Kind::kms;
  check_headers(kms, {{"x-amz-server-side-encryption", "aws:kms", kWrites},
                      {"x-amz-server-side-encryption-aws-kms-key-id", "", {}}});
  World key(goes_well);
  key.options.encryption = {ServerSideEncryption::Kind::kms, "arn:aws:kms:eu-west-1:1:key/k", ""};
  check_headers(key, {{"x-amz-server-side-encryption", "aws:kms", kWrites},
                      {"x-amz-server-side-encryption-aws-kms-key-id",
                       "arn:aws:kms:eu-west-1:1:key/k", kWrites}});
}

TEST_CASE("s3_store: a customer's key is said in each request that touches a content") {
  World world(goes_well);
  const std::string key = "0123456789abcdefghijklmnopqrst\xFF\n";
  REQUIRE(key.size() == 32);
  world.options.encryption = {ServerSideEncryption::Kind::customer, "", key};
  check_headers(world, {{"x-amz-server-side-encryption-customer-algorithm", "AES256", kContents},
                        {"x-amz-server-side-encryption-customer-key",
                         "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0/wo=", kContents},
                        {"x-amz-server-side-encryption-customer-key-MD5",
                         md5_base64(md5(tape::as_bytes(key))), kContents},
                        {"x-amz-server-side-encryption", "", {}}});
}

TEST_CASE("s3_store: a lock has a mode and a time, and is said when an object begins") {
  World world(goes_well);
  world.options.lock = ObjectLock{"COMPLIANCE", world.clock.now() + 24h * 30};
  check_headers(world, {{"x-amz-object-lock-mode", "COMPLIANCE", kWrites},
                        {"x-amz-object-lock-retain-until-date", "2023-12-14T22:13:20Z", kWrites}});
}

TEST_CASE("s3_store: who pays is said in every request") {
  World world(goes_well);
  world.options.requester_pays = true;
  check_headers(world, {{"x-amz-request-payer", "requester", kAll}});
}

TEST_CASE("s3_store: no error of a store names a customer's key") {
  World world([](const Request& request) {
    const std::string key = request.header("x-amz-server-side-encryption-customer-key");
    return Reply{.status = 400,
                 .body = "<Error><Code>InvalidArgument</Code><Message>The key " + key +
                         " is bad</Message><ArgumentValue>" + key + "</ArgumentValue></Error>"};
  });
  const std::string key = "0123456789abcdef0123456789abcdef";
  world.options.encryption = {ServerSideEncryption::Kind::customer, "", key};
  ObjectStore& store = world.store();
  const std::function<void()> steps[] = {
      [&] { store.put("k", tape::as_bytes("x"), Put::replace); },
      [&] { store.head("k"); },
      [&] { store.get("k", 10); },
      [&] {
        store.complete_upload("k", "u", {{1, 1, "e"}});
      },
  };
  for (const auto& step : steps) {
    const tape::Error error = tape::failed(step);
    CHECK(tape::says(error, "InvalidArgument"));
    CHECK_FALSE(tape::says(error, tape::base64(key)));
    CHECK_FALSE(tape::says(error, key));
  }
}
