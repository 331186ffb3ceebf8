#include "store/s3_store.h"

#include "net/md5.h"
#include "support/expect.h"
#include "support/s3_signed.h"
#include "support/s3_world.h"
#include "tape/digest.h"

using namespace agent;
using namespace test;
using tape::ErrorKind;
using tape::failed;
using tape::says;
using Put = ObjectStore::Put;

namespace {

const std::string kContent = "hello";
const std::string kMd5 = "5d41402abc4b2a76b9719d911017c592";
// Two parts of kContent: the MD5 of both MD5s.
const std::string kOfParts = [] {
  const std::string one = tape::as_text(md5(tape::as_bytes(kContent)));
  return tape::hex(md5(tape::as_bytes(one + one))) + "-2";
}();
const std::vector<PartInfo> kParts{{1, 5, kMd5}, {2, 5, kMd5}};

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

Reply with_etag(const std::string& etag, const std::string& body = "") {
  return {.headers = {{"ETag", quoted(etag)}}, .body = body};
}

UploadedPart part_of(std::string_view text) {
  return {1, 0, tape::as_bytes(text), tape::sha256(tape::as_bytes(text))};
}

}  // namespace

TEST_CASE("s3_store: an object is put where none is, by one condition, and only then") {
  bool there = false;
  World world([&](const Request& request) {
    if (request.method == "HEAD") return there ? with_etag(kMd5, kContent) : Reply{.status = 404};
    if (request.header("If-None-Match") != "*") return s3_error(400, "NoCondition");
    return there ? s3_error(412, "PreconditionFailed") : with_etag(kMd5);
  });
  const auto made = world.store().put("k", tape::as_bytes(kContent), Put::if_absent);
  REQUIRE(made);
  CHECK(made->key == "k");
  CHECK(made->size == 5);
  CHECK(made->etag == kMd5);
  // One that came meanwhile.
  World race([](const Request& request) {
    return request.method == "HEAD" ? Reply{.status = 404} : s3_error(412, "PreconditionFailed");
  });
  CHECK_FALSE(race.store().put("k", tape::as_bytes(kContent), Put::if_absent));
  there = true;
  world.server.forget_requests();
  CHECK_FALSE(world.store().put("k", tape::as_bytes(kContent), Put::if_absent));
  for (const Request& request : world.server.requests())
    CHECK(request.method == "HEAD");
}

TEST_CASE("s3_store: a store that knows no conditions is asked once, and then without") {
  World world([&](const Request& request) {
    if (request.method == "HEAD") return Reply{.status = 404};
    return request.has("If-None-Match") ? s3_error(501, "NotImplemented") : with_etag(kMd5);
  });
  CHECK(world.store().put("k", tape::as_bytes(kContent), Put::if_absent));
  world.server.forget_requests();
  CHECK(world.store().put("l", tape::as_bytes(kContent), Put::if_absent));
  REQUIRE(world.server.request_count() == 2);
  CHECK_FALSE(world.server.requests()[1].has("If-None-Match"));
  // One that knows nothing at all is not asked for ever.
  World never([&](const Request& request) {
    return request.method == "HEAD" ? Reply{.status = 404} : s3_error(501, "NotImplemented");
  });
  CHECK(failed([&] { never.store().put("k", {}, Put::if_absent); }).kind() == ErrorKind::io);
  CHECK(never.server.request_count() <= 4);
}

TEST_CASE("s3_store: a store that passes over conditions keeps what is there all the same") {
  World world([&](const Request& request) {
    return request.method == "HEAD" ? with_etag(kMd5, kContent) : with_etag(kMd5);
  });
  CHECK_FALSE(world.store().put("k", tape::as_bytes("other"), Put::if_absent));
  for (const Request& request : world.server.requests())
    CHECK(request.method == "HEAD");
}

TEST_CASE("s3_store: to replace has no condition, and a 412 is its failure") {
  World world([&](const Request&) { return with_etag(kMd5); });
  world.store().put("k", tape::as_bytes(kContent), Put::replace);
  CHECK(world.server.request_count() == 1);
  CHECK_FALSE(world.server.requests()[0].has("If-None-Match"));
  World odd([&](const Request&) { return s3_error(412, "PreconditionFailed"); });
  CHECK(failed([&] { odd.store().put("k", {}, Put::replace); }).kind() ==
        ErrorKind::object_changed);
}

TEST_CASE("s3_store: an ETag that is not the MD5 of what was sent or read is a try that failed") {
  const std::string other = "0123456789abcdef0123456789abcdef";
  Reply reply = with_etag(other, kContent);
  World world([&](const Request&) { return reply; });
  ObjectStore& store = world.store();
  const auto kinds = [&] {
    std::vector<std::optional<tape::Error>> out;
    out.push_back(
        tape::failure_of([&] { store.put("k", tape::as_bytes(kContent), Put::replace); }));
    out.push_back(tape::failure_of([&] { store.put_part("k", "u", part_of(kContent)); }));
    out.push_back(tape::failure_of([&] { store.get("k", 10); }));
    return out;
  };
  for (const auto& failure : kinds()) {
    REQUIRE(failure);
    CHECK(failure->kind() == ErrorKind::transient);
    CHECK(says(*failure, "s3://bucket/k"));
  }
  // Where the ETag is no MD5 of the content.
  const std::vector<std::pair<std::string, std::string>> hiding[] = {
      {{"x-amz-server-side-encryption", "aws:kms"}},
      {{"x-amz-server-side-encryption", "aws:kms:dsse"}},
      {{"x-amz-server-side-encryption-customer-algorithm", "AES256"}}};
  for (const auto& headers : hiding) {
    reply = with_etag(other, kContent);
    reply.headers.insert(reply.headers.end(), headers.begin(), headers.end());
    for (const auto& failure : kinds())
      CHECK_FALSE(failure);
  }
  for (const std::string& etag :
       {other + "-2", std::string("x"), std::string("0123456789ABCDEF0123456789ABCDEF"), kMd5}) {
    INFO(etag);
    reply = with_etag(etag, kContent);
    for (const auto& failure : kinds())
      CHECK_FALSE(failure);
  }
  // Every store gives one: an answer without is somebody else's.
  reply = {.body = kContent};
  for (const auto& failure : kinds()) {
    REQUIRE(failure);
    CHECK(failure->kind() == ErrorKind::transient);
  }
  World encrypted([&](const Request&) { return with_etag(other, kContent); });
  encrypted.options.encryption.kind = ServerSideEncryption::Kind::kms;
  CHECK(encrypted.store().put_part("k", "u", part_of(kContent)).etag == other);
}

TEST_CASE("s3_store: an upload has the name that the store gave, and parts have their numbers") {
  World world([&](const Request& request) {
    if (request.method == "POST")
      return Reply{.body =
                       "<InitiateMultipartUploadResult><UploadId>a/b+c==&amp;</UploadId>"
                       "</InitiateMultipartUploadResult>"};
    return with_etag(kMd5);
  });
  ObjectStore& store = world.store();
  const std::string upload = store.begin_upload("s/v");
  CHECK(upload == "a/b+c==&");
  CHECK(world.server.requests()[0].target == "/bucket/s/v?uploads=");
  UploadedPart part = part_of(kContent);
  part.number = 9500;
  const PartInfo sent = store.put_part("s/v", upload, part);
  CHECK(sent.number == 9500);
  CHECK(sent.size == 5);
  CHECK(sent.etag == kMd5);
  const Request seen = world.server.requests()[1];
  CHECK(seen.path() == "/bucket/s/v");
  CHECK(query_of(seen, "partNumber") == "9500");
  CHECK(query_of(seen, "uploadId") == upload);
  CHECK(store.part_size_min() == 5 << 20);
  // What the caller knows of the content is what is signed.
  part.sha256 = tape::sha256(tape::as_bytes("another"));
  store.put_part("s/v", upload, part);
  CHECK(world.server.requests()[2].header("x-amz-content-sha256") == tape::hex(part.sha256));
}

TEST_CASE("s3_store: an answer that cannot be read is a try that failed") {
  World world([&](const Request&) { return Reply{.body = "<InitiateMultipartUpl"}; });
  ObjectStore& store = world.store();
  const std::function<void()> steps[] = {
      [&] { store.begin_upload("k"); }, [&] { store.list_parts("k", "u"); },
      [&] { store.list_uploads(""); },  [&] { store.list("", [](const ObjectInfo&) {}); },
      [&] { store.folders(""); },       [&] { store.remove_all({"k"}); },
  };
  for (const auto& step : steps)
    CHECK(failed(step).kind() == ErrorKind::transient);
}

TEST_CASE("s3_store: an upload is completed when the object is that of its parts") {
  struct Row {
    const char* what;
    Reply complete;
    Reply head;
    std::optional<ErrorKind> kind;
  };
  const Reply right = with_etag(kOfParts, "hellohello");
  const Reply good{.body = "<CompleteMultipartUploadResult><ETag>&quot;" + kOfParts +
                           "&quot;</ETag></CompleteMultipartUploadResult>"};
  const Reply silent{.body =
                         "<CompleteMultipartUploadResult><ETag></ETag>"
                         "</CompleteMultipartUploadResult>"};
  const auto in_200 = [](const std::string& code) {
    Reply out = s3_error(200, code);
    out.body = " \n\n  " + out.body;
    return out;
  };
  Reply hidden = with_etag("a-1", "hellohello");
  hidden.headers.emplace_back("x-amz-server-side-encryption", "aws:kms");
  const Row rows[] = {
      {"as it should be", good, right, std::nullopt},
      {"an empty ETag, as of RGW", silent, right, std::nullopt},
      {"an answer that was cut", {.body = "<CompleteMu"}, right, std::nullopt},
      {"encrypted, so that its ETag says nothing", good, hidden, std::nullopt},
      {"an ETag of other parts", good,
       with_etag("0123456789abcdef0123456789abcdef-2", "hellohello"), ErrorKind::object_changed},
      {"another size", good, with_etag(kOfParts, "hellohell"), ErrorKind::object_changed},
      {"said, but not there", good, {.status = 404}, ErrorKind::object_changed},
      {"an error in a 200", in_200("InternalError"), right, ErrorKind::transient},
      {"another error in a 200", in_200("SlowDown"), right, ErrorKind::transient},
      {"an unknown error in a 200", in_200("Odd"), right, ErrorKind::transient},
      {"denied in a 200", in_200("AccessDenied"), right, ErrorKind::denied},
      {"a part is not there, in a 200", in_200("InvalidPart"), right, ErrorKind::corrupt},
      {"its answer was lost: no such upload, but the object", s3_error(404, "NoSuchUpload"), right,
       std::nullopt},
      {"no such upload, and another object", s3_error(404, "NoSuchUpload"),
       with_etag(kMd5, kContent), ErrorKind::not_found},
      {"no such upload, and no object",
       s3_error(404, "NoSuchUpload"),
       {.status = 404},
       ErrorKind::not_found},
      {"no such key, as of RGW", s3_error(404, "NoSuchKey"), right, std::nullopt},
      {"a part is not there", s3_error(400, "InvalidPart"), right, ErrorKind::corrupt},
      {"parts in another order", s3_error(400, "InvalidPartOrder"), right, ErrorKind::corrupt},
      {"parts that are too small", s3_error(400, "EntityTooSmall"), right, ErrorKind::usage},
      {"another refusal", s3_error(400, "InvalidRequest"), right, ErrorKind::io},
      {"denied", s3_error(403, "AccessDenied"), right, ErrorKind::denied},
      {"busy", s3_error(503, "SlowDown"), right, ErrorKind::transient},
      {"completed, but busy", good, {.status = 503}, ErrorKind::transient},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    World world(
        [&](const Request& request) { return request.method == "HEAD" ? row.head : row.complete; });
    std::optional<ObjectInfo> made;
    const auto failure =
        tape::failure_of([&] { made = world.store().complete_upload("s/v", "u", kParts); });
    CHECK(failure.has_value() == row.kind.has_value());
    if (failure) {
      INFO(failure->what());
      CHECK(failure->kind() == row.kind);
      CHECK(says(*failure, "s3://bucket/s/v"));
    } else {
      CHECK(made->key == "s/v");
      CHECK(made->size == 10);
    }
    const Request sent = world.server.requests().at(0);
    CHECK(sent.method == "POST");
    CHECK(sent.target == "/bucket/s/v?uploadId=u");
    CHECK(sent.body == complete_document(kParts));
  }
}

TEST_CASE("s3_store: parts whose ETags are no MD5 are compared by their size") {
  World world([&](const Request& request) {
    return request.method == "HEAD" ? with_etag("whatever", "hellohello") : Reply{};
  });
  CHECK(world.store().complete_upload("k", "u", {{1, 5, "x"}, {2, 5, kMd5}}).size == 10);
  CHECK(failed([&] {
          world.store().complete_upload("k", "u", {{1, 5, "x"}, {2, 6, kMd5}});
        }).kind() == ErrorKind::object_changed);
}

TEST_CASE("s3_store: to abort an upload that is gone is no failure") {
  int status = 204;
  World world([&](const Request&) { return s3_error(status, "NoSuchUpload"); });
  for (const int good : {204, 404}) {
    status = good;
    world.store().abort_upload("s/v", "u");
  }
  CHECK(world.server.requests()[0].method == "DELETE");
  CHECK(world.server.requests()[0].target == "/bucket/s/v?uploadId=u");
  status = 403;
  CHECK(failed([&] { world.store().abort_upload("s/v", "u"); }).kind() == ErrorKind::denied);
}

TEST_CASE("s3_store: a HEAD tells of an object, of none, or of an answer that says nothing") {
  World world([&](const Request&) { return with_etag(kMd5, kContent); });
  const auto found = world.store().head("k");
  REQUIRE(found);
  CHECK(found->size == 5);
  CHECK(found->etag == kMd5);
  World none([&](const Request&) { return Reply{.status = 404}; });
  CHECK_FALSE(none.store().head("k"));
  CHECK(failed([&] { none.store().open("k"); }).kind() == ErrorKind::not_found);
  CHECK(failed([&] { none.store().get("k", 10); }).kind() == ErrorKind::not_found);
  World silent([&](const Request&) { return Reply{.framing = Reply::Framing::chunked}; });
  CHECK(failed([&] { silent.store().head("k"); }).kind() == ErrorKind::io);
  World weak([&](const Request&) {
    return Reply{.headers = {{"ETag", "W/\"a\""}}, .body = kContent};
  });
  CHECK(weak.store().head("k")->etag.empty());
}

TEST_CASE("s3_store: an object that is known is opened without a word") {
  World world([&](const Request&) {
    return Reply{.status = 206,
                 .headers = {{"ETag", quoted(kMd5)}, {"Content-Range", "bytes 1-3/5"}},
                 .body = "ell"};
  });
  const auto source = world.store().open_known({"s/v", 5, kMd5});
  CHECK(world.server.request_count() == 0);
  tape::Bytes out(3);
  source->read_at(tape::GzOffset(1), out);
  CHECK(tape::as_text(out) == "ell");
  CHECK(world.server.requests()[0].header("If-Match") == quoted(kMd5));
}

TEST_CASE("s3_store: an object larger than it may be is not got") {
  World world([&](const Request&) { return with_etag(kMd5, kContent); });
  CHECK(tape::as_text(world.store().get("k", 5)) == kContent);
  CHECK(failed([&] { world.store().get("k", 4); }).kind() == ErrorKind::corrupt);
}

TEST_CASE("s3_store: a store is named by its bucket, and told from others by its server") {
  World world([](const Request&) { return Reply{}; });
  world.options.location = {"bucket", "a/b"};
  CHECK(world.store().name() == "s3://bucket/a/b");
  CHECK(world.store().identity() == world.server.url() + " s3://bucket/a/b");
  World aws([](const Request&) { return Reply{}; });
  aws.options.endpoint.is_aws = true;
  CHECK(aws.store().identity() == "s3://bucket");
}

TEST_CASE("s3_store: a URL for others is of a key below the prefix") {
  World world([](const Request&) { return Reply{}; });
  world.options.location.prefix = "a/b";
  const std::string url = world.store().presigned("GET", "s/v w", 60);
  CHECK(url.starts_with(world.server.url("/bucket/a/b/s/v%20w?X-Amz-Algorithm=")));
  CHECK(failed([&] { return world.store().presigned("GET", "../v", 60); }).kind() ==
        ErrorKind::usage);
  CHECK(failed([&] { return world.store().presigned("DELETE", "v", 60); }).kind() ==
        ErrorKind::usage);
  CHECK(world.server.request_count() == 0);
}

TEST_CASE("s3_store: who may list only below a prefix is told by a list that nothing is there") {
  std::string listed;
  int list_status = 200;
  World world([&](const Request& request) {
    const bool lists = request.query().find("list-type=2") != std::string::npos;
    if (!lists) return Reply{.status = 403, .body = "<Error><Code>AccessDenied</Code></Error>"};
    return Reply{.status = list_status,
                 .body = list_status == 200 ? "<ListBucketResult>" + listed + "</ListBucketResult>"
                                            : "<Error><Code>AccessDenied</Code></Error>"};
  });
  CHECK_FALSE(world.store().head("k"));
  listed = "<Contents><Key>k2</Key><Size>1</Size></Contents>";
  CHECK_FALSE(world.store().head("k"));
  listed = "<Contents><Key>k</Key><Size>1</Size></Contents>";
  CHECK(failed([&] { world.store().head("k"); }).kind() == ErrorKind::denied);
  list_status = 403;
  CHECK(failed([&] { world.store().head("k"); }).kind() == ErrorKind::denied);
}
