// Lists of a bucket and their pages, and many keys that are removed at once.
#include "net/md5.h"
#include "support/expect.h"
#include "support/s3_signed.h"
#include "support/s3_world.h"

using namespace agent;
using namespace test;
using tape::ErrorKind;
using tape::failed;
using tape::says;

namespace {

constexpr std::size_t kAsOftenAsThat = 50;  // far more pages than any of these lists has

std::string object(const std::string& key) {
  return "<Contents><Key>" + key + "</Key><Size>5</Size><ETag>&quot;e&quot;</ETag></Contents>";
}

Reply list_of(const std::string& content, const std::string& next = "") {
  const std::string more = next.empty() ? "<IsTruncated>false</IsTruncated>"
                                        : "<IsTruncated>true</IsTruncated><NextContinuationToken>" +
                                              next + "</NextContinuationToken>";
  return {.body = "<ListBucketResult><EncodingType>url</EncodingType>" + more + content +
                  "</ListBucketResult>"};
}

std::string upload(const std::string& key, const std::string& id) {
  return "<Upload><Key>" + key + "</Key><UploadId>" + id +
         "</UploadId><Initiated>2026-01-02T03:04:05.000Z</Initiated></Upload>";
}

Reply uploads_of(const std::string& content, bool more = false, bool says_encoded = true) {
  return {.body = std::string("<ListMultipartUploadsResult>") +
                  (says_encoded ? "<EncodingType>url</EncodingType>" : "") + "<IsTruncated>" +
                  (more ? "true" : "false") + "</IsTruncated>" + content +
                  "</ListMultipartUploadsResult>"};
}

std::string part(int number) {
  return "<Part><PartNumber>" + std::to_string(number) +
         "</PartNumber><ETag>&quot;e&quot;</ETag><Size>5</Size></Part>";
}

Reply parts_of(const std::string& content, int next = 0) {
  return {.body = "<ListPartsResult><IsTruncated>" + std::string(next > 0 ? "true" : "false") +
                  "</IsTruncated><NextPartNumberMarker>" + std::to_string(next) +
                  "</NextPartNumberMarker>" + content + "</ListPartsResult>"};
}

std::vector<std::string> keys_in(ObjectStore& store, const std::string& prefix) {
  std::vector<std::string> out;
  store.list(prefix, [&](const ObjectInfo& info) { out.push_back(info.key); });
  return out;
}

}  // namespace

TEST_CASE("s3_store: a list is read page by page, below the prefix of the store") {
  World world([](const Request& request) {
    const std::string token = query_of(request, "continuation-token");
    if (token.empty()) return list_of(object("a/b/s/1") + object("a/b/s/2+x"), "t/1+==");
    return token == "t/1+==" ? list_of("", "t2") : list_of(object("a/b/s/%C3%A9"));
  });
  world.options.location.prefix = "a/b";
  CHECK(keys_in(world.store(), "s/") == std::vector<std::string>{"s/1", "s/2 x", "s/\xC3\xA9"});
  const auto requests = world.server.requests();
  REQUIRE(requests.size() == 3);
  for (const Request& request : requests) {
    CHECK(request.path() == "/bucket/");
    CHECK(query_of(request, "list-type") == "2");
    CHECK(query_of(request, "encoding-type") == "url");
    CHECK(query_of(request, "prefix") == "a/b/s/");
    CHECK(query_of(request, "delimiter").empty());
    CHECK(is_signed_by(request, kKeys));
  }
  CHECK(query_of(requests[2], "continuation-token") == "t2");
  world.server.forget_requests();
  keys_in(world.store(), "");
  CHECK(query_of(world.server.requests()[0], "prefix") == "a/b/");
  World bare([](const Request&) { return list_of(object("k")); });
  CHECK(keys_in(bare.store(), "") == std::vector<std::string>{"k"});
  CHECK(query_of(bare.server.requests()[0], "prefix").empty());
}

TEST_CASE(
    "s3_store: objects that other tools call folders, and what is elsewhere, are passed over") {
  World world([](const Request&) {
    return list_of(object("p/") + object("p/s/") + object("p/s/1") + object("p/s/sub/") +
                   object("p/s//2") + object("p/s/../3") + object("q/s/4") + object("p/s/5"));
  });
  world.options.location.prefix = "p";
  CHECK(keys_in(world.store(), "s/") == std::vector<std::string>{"s/1", "s/5"});
}

TEST_CASE("s3_store: folders are the next parts of keys, sorted") {
  World world([](const Request&) {
    return list_of(
        "<CommonPrefixes><Prefix>p/z+1/</Prefix></CommonPrefixes>"
        "<CommonPrefixes><Prefix>p/a/</Prefix></CommonPrefixes>"
        "<CommonPrefixes><Prefix>p//</Prefix></CommonPrefixes>" +
        object("p/k"));
  });
  world.options.location.prefix = "p";
  CHECK(world.store().folders("") == std::vector<std::string>{"a", "z 1"});
  CHECK(query_of(world.server.requests()[0], "delimiter") == "/");
  CHECK(query_of(world.server.requests()[0], "prefix") == "p/");
}

TEST_CASE("s3_store: a list that leads back to where it was ends with a failure") {
  for (const int round : {1, 2, 3}) {
    INFO(round);
    int count = 0;
    World world([&](const Request&) {
      if (++count > static_cast<int>(kAsOftenAsThat)) return list_of("");
      return list_of(object("k"), "t" + std::to_string(count % round));
    });
    CHECK(failed([&] { keys_in(world.store(), ""); }).kind() == ErrorKind::io);
    CHECK(failed([&] { world.store().folders(""); }).kind() == ErrorKind::io);
    CHECK(world.server.request_count() < kAsOftenAsThat);
  }
}

TEST_CASE("s3_store: parts are listed page by page, by their numbers") {
  World world([](const Request& request) {
    const std::string marker = query_of(request, "part-number-marker");
    if (marker.empty()) return parts_of(part(1) + part(2), 2);
    return marker == "2" ? parts_of(part(7), 7) : parts_of(part(9500));
  });
  const auto parts = world.store().list_parts("s/v", "a/b+c==");
  REQUIRE(parts.size() == 4);
  CHECK(parts[2].number == 7);
  CHECK(parts[3].number == 9500);
  CHECK(parts[3].size == 5);
  CHECK(parts[3].etag == "e");
  for (const Request& request : world.server.requests()) {
    CHECK(request.path() == "/bucket/s/v");
    CHECK(query_of(request, "uploadId") == "a/b+c==");
  }
}

TEST_CASE("s3_store: parts that lead back to where they were end with a failure") {
  for (const auto& nexts : {std::vector<int>{2, 2}, {2, 1}, {2, 3, 2}, {5, 4, 5}}) {
    std::size_t count = 0;
    World world([&](const Request&) {
      return count == kAsOftenAsThat ? parts_of("")
                                     : parts_of(part(1), nexts[count++ % nexts.size()]);
    });
    CHECK(failed([&] { world.store().list_parts("k", "u"); }).kind() == ErrorKind::io);
    CHECK(world.server.request_count() < kAsOftenAsThat);
  }
}

TEST_CASE("s3_store: parts of an upload that is gone are not found") {
  for (const char* code : {"NoSuchUpload", "NoSuchKey"}) {
    World world([&](const Request&) { return s3_error(404, code); });
    CHECK(failed([&] { world.store().list_parts("k", "u"); }).kind() == ErrorKind::not_found);
  }
}

TEST_CASE("s3_store: uploads are listed page by page, and go on behind the last of each") {
  World world([](const Request& request) {
    const std::string marker =
        query_of(request, "key-marker") + "|" + query_of(request, "upload-id-marker");
    if (marker == "|") return uploads_of(upload("p/s/a+%2B", "u2") + upload("p/s/b", "u9"), true);
    // Many of one key, by their age: their names go up and down.
    if (marker == "p/s/b|u9") return uploads_of(upload("p/s/b", "u3"), true);
    return marker == "p/s/b|u3" ? uploads_of(upload("p/s/b", "u5") + upload("q/s/x", "u") +
                                             upload("p/s/folder/", "u"))
                                : uploads_of("");
  });
  world.options.location.prefix = "p";
  const auto uploads = world.store().list_uploads("s/");
  REQUIRE(uploads.size() == 4);
  CHECK(uploads[0].key == "s/a +");
  CHECK(uploads[0].upload == "u2");
  CHECK(uploads[0].begun == 1'767'323'045);
  CHECK(uploads[2].upload == "u3");
  CHECK(uploads[3].upload == "u5");
  for (const Request& request : world.server.requests()) {
    CHECK(request.path() == "/bucket/");
    CHECK(request.query().find("uploads=") != std::string::npos);
    CHECK(query_of(request, "prefix") == "p/s/");
  }
}

TEST_CASE("s3_store: uploads of a store that encodes keys and does not say so have their keys") {
  World world([](const Request& request) {
    const bool encodes = query_of(request, "encoding-type") == "url";
    return uploads_of(upload(encodes ? "s/a%20b%2541" : "s/a b%41", "u"), false, false);
  });
  const auto uploads = world.store().list_uploads("");
  REQUIRE(uploads.size() == 1);
  CHECK(uploads[0].key == "s/a b%41");
  World empty([](const Request&) { return uploads_of("", false, false); });
  CHECK(empty.store().list_uploads("").empty());
  CHECK(empty.server.request_count() == 1);
}

TEST_CASE("s3_store: uploads that lead back to where they were end with a failure") {
  for (const int round : {1, 2, 3}) {
    INFO(round);
    int count = 0;
    World world([&](const Request&) {
      if (++count > static_cast<int>(kAsOftenAsThat)) return uploads_of("");
      return uploads_of(upload("k", "u" + std::to_string(count % round)), true);
    });
    CHECK(failed([&] { world.store().list_uploads(""); }).kind() == ErrorKind::io);
    CHECK(world.server.request_count() < kAsOftenAsThat);
  }
}

TEST_CASE("s3_store: all uploads below a prefix are aborted, each by its own key and name") {
  World world([](const Request& request) {
    if (request.method == "GET") return uploads_of(upload("p/s/a", "u1") + upload("p/s/b+c", "u2"));
    return Reply{.status = 204};
  });
  world.options.location.prefix = "p";
  world.store().abort_uploads("s/");
  const auto requests = world.server.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[1].method == "DELETE");
  CHECK(requests[1].target == "/bucket/p/s/a?uploadId=u1");
  CHECK(requests[2].target == "/bucket/p/s/b%20c?uploadId=u2");
}

TEST_CASE("s3_store: many keys are removed a thousand at a time, with the MD5 of their list") {
  World world([](const Request&) { return Reply{.body = "<DeleteResult/>"}; });
  world.options.location.prefix = "p";
  std::vector<std::string> keys;
  for (int i = 0; i < 2001; ++i)
    keys.push_back("s/" + std::to_string(i) + " &<\"");
  world.store().remove_all(keys);
  const auto requests = world.server.requests();
  REQUIRE(requests.size() == 3);
  std::size_t found = 0;
  for (const Request& request : requests) {
    CHECK(request.method == "POST");
    CHECK(request.target == "/bucket/?delete=");
    CHECK(request.header("Content-MD5") == md5_base64(md5(tape::as_bytes(request.body))));
    CHECK(is_signed_by(request, kKeys));
    for (std::size_t at = 0; (at = request.body.find("<Key>", at)) != std::string::npos; ++at)
      ++found;
  }
  CHECK(found == 2001);
  CHECK(requests[0].body == delete_document([&] {
          std::vector<std::string> whole;
          for (int i = 0; i < 1000; ++i)
            whole.push_back("p/" + keys[static_cast<std::size_t>(i)]);
          return whole;
        }()));
  world.server.forget_requests();
  world.store().remove_all({});
  CHECK(world.server.request_count() == 0);
}

TEST_CASE("s3_store: a key that was not removed is a failure, one that is not there is none") {
  struct Row {
    const char* code;
    std::optional<ErrorKind> kind;
  };
  const Row rows[] = {{"AccessDenied", ErrorKind::denied},
                      {"InternalError", ErrorKind::transient},
                      {"SlowDown", ErrorKind::transient},
                      {"Odd", ErrorKind::transient},
                      {"NoSuchKey", std::nullopt}};
  for (const Row& row : rows) {
    INFO(row.code);
    World world([&](const Request&) {
      return Reply{.body =
                       "<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>s/b&amp;</Key>"
                       "<Code>" +
                       std::string(row.code) +
                       "</Code><Message>why</Message></Error></DeleteResult>"};
    });
    const auto failure = tape::failure_of([&] { world.store().remove_all({"a", "s/b&"}); });
    CHECK(failure.has_value() == row.kind.has_value());
    if (!failure) continue;
    CHECK(failure->kind() == row.kind);
    CHECK(says(*failure, "s/b&: " + std::string(row.code) + ": why"));
    CHECK(failure->hint().empty() == (row.kind != ErrorKind::denied));
  }
}

TEST_CASE("s3_store: where many cannot be removed at once, each is") {
  for (const int status : {501, 405}) {
    INFO(status);
    World world([&](const Request& request) {
      if (request.method == "POST") return s3_error(status, "NotImplemented");
      return Reply{.status = request.target.ends_with("gone") ? 404 : 204};
    });
    world.store().remove_all({"s/1", "s/gone", "s/2"});
    const auto requests = world.server.requests();
    REQUIRE(requests.size() == 4);
    CHECK(requests[1].target == "/bucket/s/1");
    CHECK(requests[3].target == "/bucket/s/2");
    world.server.forget_requests();
    world.store().remove_all({"s/3", "s/4"});
    for (const Request& request : world.server.requests())
      CHECK(request.method == "DELETE");
  }
}

TEST_CASE("s3_store: keys that XML cannot hold are removed one by one, the others together") {
  World world([](const Request& request) {
    return request.method == "POST" ? Reply{.body = "<DeleteResult/>"} : Reply{.status = 204};
  });
  world.store().remove_all({"a", "b\n", "c\x01", "d\xFF", "e\xEF\xBF\xBF", "f"});
  const auto requests = world.server.requests();
  REQUIRE(requests.size() == 5);
  CHECK(requests[0].target == "/bucket/b%0A");
  CHECK(requests[1].target == "/bucket/c%01");
  CHECK(requests[2].target == "/bucket/d%FF");
  CHECK(requests[3].target == "/bucket/e%EF%BF%BF");
  CHECK(requests[4].body == delete_document({"a", "f"}));
  World below([](const Request&) { return Reply{.status = 204}; });
  below.options.location.prefix = "p\n";
  below.store().remove_all({"a", "b"});
  CHECK(below.server.request_count() == 2);
}

TEST_CASE("s3_store: what is no key is refused, and nothing is sent") {
  World world([](const Request&) { return Reply{}; });
  ObjectStore& store = world.store();
  for (const char* key : {"", "/a", "a/", "a//b", "../a", "a/..", "."}) {
    INFO(key);
    const std::function<void()> steps[] = {
        [&] { store.put(key, {}, ObjectStore::Put::replace); },
        [&] { store.begin_upload(key); },
        [&] {
          store.put_part(key, "u", {1, 0, {}, {}});
        },
        [&] { store.list_parts(key, "u"); },
        [&] { store.complete_upload(key, "u", {}); },
        [&] { store.abort_upload(key, "u"); },
        [&] { store.head(key); },
        [&] { store.open(key); },
        [&] { store.get(key, 1); },
        [&] { store.remove(key); },
        [&] {
          store.remove_all({"good", key});
        },
    };
    for (const auto& step : steps)
      CHECK(failed(step).kind() == ErrorKind::usage);
  }
  CHECK(world.server.request_count() == 0);
}
