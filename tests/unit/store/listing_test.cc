#include "store/listing.h"

#include "support/catch.h"
#include "support/expect.h"
#include "support/memory_store.h"
#include "tape/error.h"

using tape::ErrorKind;
using tape::failed;

namespace {

std::vector<std::string> sets_of(const std::string& document) {
  return agent::parse_sets(tape::as_bytes(document));
}

}  // namespace

TEST_CASE("listing: what is written is read") {
  const std::vector<std::string> names = {"a", "b-c", "z"};
  CHECK(sets_of(agent::sets_document(names)) == names);
  CHECK(agent::parse_snapshots(tape::as_bytes(agent::snapshots_document({}))).empty());
  CHECK(agent::sets_document({"a"}) == R"({"format":"ragtape-sets","sets":["a"],"version":1})");
}

TEST_CASE("listing: a name that would lead elsewhere is passed over, and they come sorted") {
  const std::string document =
      R"({"format":"ragtape-sets","sets":["z","..","a/b","","/x",".","a"],"version":1})";
  CHECK(sets_of(document) == std::vector<std::string>{"a", "z"});
}

TEST_CASE("listing: another document is corrupt, and every cut of a sound one") {
  for (const char* bad : {"", "[]", "{}", R"({"format":"ragtape-sets","version":1})",
                          R"({"format":"ragtape-sets","sets":["a"],"version":2})",
                          R"({"format":"ragtape-snapshots","sets":["a"],"version":1})",
                          R"({"format":"ragtape-sets","sets":[1],"version":1})",
                          R"({"format":"ragtape-sets","sets":"a","version":1})"}) {
    INFO(bad);
    CHECK(failed([&] { sets_of(bad); }).kind() == ErrorKind::corrupt);
  }
  const std::string whole = agent::sets_document({"a", "b"});
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK(failed([&] { sets_of(whole.substr(0, size)); }).kind() == ErrorKind::corrupt);
}

TEST_CASE("listing: it names the sets and the snapshots that the store holds") {
  test::MemoryStore store;
  const auto put = [&](const std::string& key) {
    store.put(key, {}, agent::ObjectStore::Put::replace);
  };
  put("s/20260102T030405Z-0123abcd/manifest.json");
  put("s/20260103T030405Z-0123abcd/s.tar.gz");  // unfinished
  put("t/20260102T030405Z-0123abcd/manifest.json");
  agent::write_listing(store, "s");
  CHECK(agent::parse_sets(store.get("sets.json", 1000)) == std::vector<std::string>{"s", "t"});
  CHECK(agent::parse_snapshots(store.get("s/snapshots.json", 1000)) ==
        std::vector<std::string>{"20260102T030405Z-0123abcd"});
}
