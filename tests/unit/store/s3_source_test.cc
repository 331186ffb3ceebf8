#include "store/s3_source.h"

#include <atomic>
#include <thread>

#include "support/expect.h"
#include "support/s3_signed.h"
#include "support/s3_world.h"

using namespace agent;
using namespace test;
using tape::ErrorKind;
using tape::failed;
using tape::says;

namespace {

constexpr std::size_t kSize = 1000;

// The first and last byte of the range that was asked for.
std::pair<std::size_t, std::size_t> range_of(const Request& request) {
  const std::string text = request.header("Range");
  return {std::stoul(text.substr(6)), std::stoul(text.substr(text.find('-') + 1))};
}

// A server's right answer.
Reply part_of(const std::string& object, const Request& request, const std::string& etag) {
  const auto [first, last] = range_of(request);
  Reply out{.status = 206, .body = object.substr(first, last - first + 1)};
  out.headers = {{"Content-Range", "bytes " + std::to_string(first) + "-" + std::to_string(last) +
                                       "/" + std::to_string(object.size())}};
  if (!etag.empty()) out.headers.emplace_back("ETag", etag);
  return out;
}

S3Source source_of(World& world, const std::string& etag, std::vector<HttpHeader> headers = {}) {
  return S3Source(world.client(), "p/k", {"k", kSize, etag}, std::move(headers));
}

std::string bytes_of(const S3Source& source, std::uint64_t at, std::size_t size) {
  tape::Bytes out(size);
  source.read_at(tape::GzOffset(at), out);
  return tape::as_text(out);
}

}  // namespace

TEST_CASE("s3_source: a range is asked for by its first and last byte, and comes as it is") {
  const std::string object = text_of_size(kSize);
  World world([&](const Request& request) { return part_of(object, request, "\"e\""); });
  const S3Source source = source_of(world, "e");
  CHECK(source.size() == kSize);
  CHECK(source.name() == "s3://bucket/p/k");
  struct Row {
    std::uint64_t at;
    std::size_t size;
    const char* range;
  };
  const Row rows[] = {{0, 1, "bytes=0-0"},
                      {0, kSize, "bytes=0-999"},
                      {999, 1, "bytes=999-999"},
                      {10, 500, "bytes=10-509"}};
  for (const Row& row : rows) {
    INFO(row.range);
    CHECK((bytes_of(source, row.at, row.size) == object.substr(row.at, row.size)));
    const Request seen = world.server.requests().back();
    CHECK(seen.header("Range") == row.range);
    CHECK(seen.header("If-Match") == "\"e\"");
    CHECK(seen.header("Accept-Encoding") == "identity");
    CHECK_FALSE(seen.has("If-Range"));
    CHECK(is_signed_by(seen, kKeys));
  }
}

TEST_CASE("s3_source: a read of nothing asks nothing") {
  World world([](const Request&) { return Reply{.status = 500}; });
  CHECK(bytes_of(source_of(world, "e"), 0, 0).empty());
  CHECK(bytes_of(source_of(world, ""), kSize, 0).empty());
  CHECK(world.server.request_count() == 0);
}

TEST_CASE("s3_source: what opens an object goes along with each range") {
  const std::string object = text_of_size(kSize);
  World world([&](const Request& request) { return part_of(object, request, "\"e\""); });
  const S3Source source =
      source_of(world, "e", {{"x-amz-server-side-encryption-customer-key", "k=="}});
  bytes_of(source, 0, 10);
  bytes_of(source, 10, 10);
  for (const Request& request : world.server.requests()) {
    CHECK(request.header("x-amz-server-side-encryption-customer-key") == "k==");
    CHECK(is_signed_by(request, kKeys));
  }
}

TEST_CASE("s3_source: an ETag that is not known is the first answer's, and held on to") {
  const std::string object = text_of_size(kSize);
  std::string etag = "\"first\"";
  World world([&](const Request& request) { return part_of(object, request, etag); });
  const S3Source source = source_of(world, "");
  bytes_of(source, 0, 10);
  bytes_of(source, 10, 10);
  CHECK_FALSE(world.server.requests()[0].has("If-Match"));
  CHECK(world.server.requests()[1].header("If-Match") == "\"first\"");
  // A server that passes over If-Match.
  etag = "\"second\"";
  const tape::Error error = failed([&] { bytes_of(source, 20, 10); });
  CHECK(error.kind() == ErrorKind::object_changed);
  CHECK(says(error, "s3://bucket/p/k"));
  CHECK(failed([&] { bytes_of(source, 0, kSize); }).kind() == ErrorKind::object_changed);
}

TEST_CASE("s3_source: an object that was replaced is not mixed with the one that was opened") {
  const std::string object = text_of_size(kSize);
  World world([&](const Request& request) { return part_of(object, request, "\"other\""); });
  CHECK(failed([&] { bytes_of(source_of(world, "e"), 0, 10); }).kind() ==
        ErrorKind::object_changed);
  CHECK(failed([&] { bytes_of(source_of(world, "e"), 0, kSize); }).kind() ==
        ErrorKind::object_changed);
}

TEST_CASE("s3_source: a weak ETag is sent to nobody, but it and the time have to stay") {
  const std::string object = text_of_size(kSize);
  std::string etag = "W/\"e\"";
  std::string time = "Wed, 25 Nov 2026 04:04:20 GMT";
  World world([&](const Request& request) {
    return with_header(part_of(object, request, etag), "Last-Modified", time);
  });
  for (const char* first : {"W/\"e\"", "", "\"", "\"\"", "W/"}) {
    INFO(first);
    etag = first;
    time = "Wed, 25 Nov 2026 04:04:20 GMT";
    const S3Source source = source_of(world, "");
    for (int i = 0; i < 2; ++i) {
      bytes_of(source, 0, 10);
      CHECK_FALSE(world.server.requests().back().has("If-Match"));
    }
    time = "Wed, 25 Nov 2026 04:04:21 GMT";
    CHECK(failed([&] { bytes_of(source, 0, 10); }).kind() == ErrorKind::object_changed);
    time = "Wed, 25 Nov 2026 04:04:20 GMT";
    etag = "W/\"f\"";
    CHECK(failed([&] { bytes_of(source, 0, 10); }).kind() == ErrorKind::object_changed);
    // A file that rests gets a strong one: the same object.
    etag = "\"e\"";
    CHECK(bytes_of(source, 0, 10) == object.substr(0, 10));
    bytes_of(source, 0, 10);
    CHECK(world.server.requests().back().header("If-Match") == "\"e\"");
  }
}

TEST_CASE("s3_source: statuses say what became of the object") {
  struct Row {
    int status;
    const char* code;
    ErrorKind kind;
  };
  const Row rows[] = {
      {412, "PreconditionFailed", ErrorKind::object_changed},
      {416, "InvalidRange", ErrorKind::object_changed},
      {404, "NoSuchKey", ErrorKind::not_found},
      {403, "AccessDenied", ErrorKind::denied},
      {403, "InvalidObjectState", ErrorKind::denied},
      {503, "SlowDown", ErrorKind::transient},
      {500, "InternalError", ErrorKind::transient},
      {304, "NotModified", ErrorKind::io},
  };
  for (const Row& row : rows) {
    INFO(row.code);
    World world([&](const Request&) { return s3_error(row.status, row.code); });
    CHECK(failed([&] { bytes_of(source_of(world, "e"), 0, 10); }).kind() == row.kind);
  }
}

TEST_CASE("s3_source: all of an object may come with 200, a part of it may not") {
  const std::string object = text_of_size(kSize);
  World world([&](const Request&) {
    return Reply{.headers = {{"ETag", "\"e\""}}, .body = object};
  });
  const S3Source source = source_of(world, "e");
  CHECK((bytes_of(source, 0, kSize) == object));
  struct Row {
    std::uint64_t at;
    std::size_t size;
  };
  for (const Row& row : {Row{0, 10}, Row{10, 990}, Row{0, 999}}) {
    INFO(row.at << " " << row.size);
    const tape::Error error = failed([&] { bytes_of(source, row.at, row.size); });
    CHECK(error.kind() == ErrorKind::unsupported);
    CHECK_FALSE(error.hint().empty());
  }
  // As long as was asked for, but from the beginning.
  World short_one([&](const Request&) { return Reply{.body = object.substr(0, 10)}; });
  CHECK(failed([&] { bytes_of(source_of(short_one, "e"), 50, 10); }).kind() ==
        ErrorKind::transient);
  // Somebody's page of an error.
  World page([&](const Request&) { return Reply{.body = "<Error/>" + text_of_size(300)}; });
  CHECK(failed([&] { bytes_of(source_of(page, "e"), 50, 10); }).kind() == ErrorKind::transient);
  CHECK(failed([&] { bytes_of(source_of(page, "e"), 0, kSize); }).kind() == ErrorKind::transient);
}

TEST_CASE("s3_source: a range that is not the one asked for is refused, of equal length too") {
  const std::string object = text_of_size(kSize);
  for (const char* said :
       {"bytes 10-19/1001", "bytes 10-19/999", "bytes 11-20/1000", "bytes 9-18/1000",
        "bytes 10-18/1000", "bytes 10-20/1000", "bytes */1000", "10-19/1000", "bytes=10-19/1000",
        "bytes 10-19", "", "bytes 0-9/1000, bytes 10-19/1000"}) {
    INFO(said);
    World world([&](const Request& request) {
      Reply reply = part_of(object, request, "\"e\"");
      reply.headers[0].second = said;
      return reply;
    });
    CHECK(failed([&] { bytes_of(source_of(world, "e"), 10, 10); }).kind() ==
          ErrorKind::object_changed);
  }
  World silent([&](const Request&) {
    return Reply{.status = 206, .headers = {{"ETag", "\"e\""}}, .body = object.substr(10, 10)};
  });
  CHECK(failed([&] { bytes_of(source_of(silent, "e"), 10, 10); }).kind() ==
        ErrorKind::object_changed);
}

TEST_CASE("s3_source: a body shorter or longer than its range is a try that failed") {
  const std::string object = text_of_size(kSize);
  for (const int more : {-10, -1, 1, 10, 500}) {
    INFO(more);
    World world([&](const Request& request) {
      Reply reply = part_of(object, request, "\"e\"");
      reply.body = object.substr(10, static_cast<std::size_t>(10 + more));
      return reply;
    });
    const tape::Error error = failed([&] { bytes_of(source_of(world, "e"), 10, 10); });
    CHECK(error.kind() == ErrorKind::transient);
  }
}

TEST_CASE("s3_source: nothing is written behind the bytes that were asked for") {
  const std::string object = text_of_size(kSize);
  World world([&](const Request&) { return Reply{.status = 206, .body = object}; });
  tape::Bytes out(100, 0x5A);
  failed(
      [&] { source_of(world, "e").read_at(tape::GzOffset(0), tape::MutableBytes(out).first(10)); });
  CHECK(std::all_of(out.begin() + 10, out.end(), [](std::uint8_t byte) { return byte == 0x5A; }));
}

TEST_CASE("s3_source: of many readers each gets its own bytes, of one object") {
  const std::string object = text_of_size(kSize);
  World world([&](const Request& request) { return part_of(object, request, "\"e\""); });
  const S3Source source = source_of(world, "");
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> readers;
    for (std::size_t i = 0; i < 8; ++i)
      readers.emplace_back([&, i] {
        for (std::size_t at = i; at < kSize - 100; at += 97) {
          if (bytes_of(source, at, 100) == object.substr(at, 100)) ++right;
        }
      });
  }
  int expected = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    for (std::size_t at = i; at < kSize - 100; at += 97)
      ++expected;
  }
  CHECK(right == expected);
}
