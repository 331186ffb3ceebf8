// What a store behind plain HTTP must do, on a real nginx, which with_server.py starts: files are
// put below its root as a directory store would.
#include "store/http_store.h"

#include <atomic>
#include <cstdlib>

#include "conformance/object_store.h"
#include "net/http_error.h"
#include "store/file_store.h"
#include "store/listing.h"
#include "store/snapshots.h"
#include "support/catch.h"

using agent::ObjectStore;
using tape::ErrorKind;
using tape::failed;

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
  REQUIRE(value != nullptr);
  return value;
}

struct Served {
  Served() {
    static int count = 0;
    const std::string name = "store" + std::to_string(++count);
    bool made = false;
    files = agent::create_file_store(environment("HTTP_ROOT") + "/" + name, made);
    store = agent::open_http_store(http, environment("HTTP_URL") + "/" + name + "/");
  }
  void put(const std::string& key, const std::string& content) const {
    files->put(key, tape::as_bytes(content), ObjectStore::Put::replace);
  }
  agent::HttpClient http{{}};
  std::unique_ptr<ObjectStore> files;
  std::unique_ptr<ObjectStore> store;
};

}  // namespace

TEST_CASE("http_store: what is served is read, whole and in ranges") {
  const Served served;
  const std::vector<std::string> odd = {"a/b",
                                        "odd/ space",
                                        "odd/%41",
                                        "odd/+plus+",
                                        "odd/<a&b>\"'",
                                        "odd/=?#;:@,$!*()[]~",
                                        "odd/\xC3\xA9\xE2\x82\xAC"};
  for (const std::string& key : odd) {
    INFO(key);
    served.put(key, "hello " + key);
    CHECK(test::content(*served.store, key) == "hello " + key);
    CHECK(served.store->head(key)->size == key.size() + 6);
    tape::Bytes middle(3);
    served.store->open(key)->read_at(tape::GzOffset(1), middle);
    CHECK(tape::as_text(middle) == "ell");
    const tape::ByteCount size = key.size() + 6;
    served.store->open_known({key, size, ""})->read_at(tape::GzOffset(size - 3), middle);
    CHECK(tape::as_text(middle) == ("hello " + key).substr(size - 3));
  }
}

TEST_CASE("http_store: what is not there is none, what is larger than it may be is not got") {
  const Served served;
  served.put("a", "hello");
  CHECK_FALSE(served.store->head("b"));
  CHECK(failed([&] { served.store->open("b"); }).kind() == ErrorKind::not_found);
  CHECK(failed([&] { served.store->get("b", 10); }).kind() == ErrorKind::not_found);
  CHECK(served.store->get("a", 5).size() == 5);
  CHECK(failed([&] { served.store->get("a", 4); }).kind() == ErrorKind::corrupt);
}

TEST_CASE("http_store: an object that is replaced is noticed by the next read") {
  const Served served;
  served.put("a", "hello");
  const auto source = served.store->open("a");
  tape::Bytes bytes(2);
  source->read_at(tape::GzOffset(0), bytes);
  served.put("a", "other, and longer");
  CHECK(failed([&] { source->read_at(tape::GzOffset(2), bytes); }).kind() ==
        ErrorKind::object_changed);
  CHECK(failed([&] {
          served.store->open_known({"a", 5, ""})->read_at(tape::GzOffset(0), bytes);
        }).kind() == ErrorKind::object_changed);
}

TEST_CASE("http_store: it is found by its listing, and not without") {
  const Served served;
  const std::string id = "20260102T030405Z-0123abcd";
  served.put(agent::manifest_key("s", id), "{}");
  const tape::Error error = failed([&] { agent::sets_in(*served.store); });
  CHECK(error.kind() == ErrorKind::not_found);
  CHECK(error.hint().find("--listing") != std::string::npos);
  agent::write_listing(*served.files, "s");
  CHECK(agent::sets_in(*served.store) == std::vector<std::string>{"s"});
  CHECK(agent::snapshots_of(*served.store, "s") == std::vector<std::string>{id});
  CHECK(agent::settled_snapshot(*served.store, "s", "") == id);
}

TEST_CASE("http_store: it is read-only") {
  const Served served;
  ObjectStore& store = *served.store;
  const auto unsupported = [](const auto& step) {
    CHECK(failed(step).kind() == ErrorKind::unsupported);
  };
  unsupported([&] { store.put("a", {}, ObjectStore::Put::replace); });
  unsupported([&] { store.begin_upload("a"); });
  unsupported([&] { store.remove("a"); });
  unsupported([&] { store.list_uploads(""); });
}
