#include "store/dry_run_store.h"

#include "conformance/object_store.h"
#include "support/memory_store.h"

using namespace agent;
using namespace test;
using What = DryRunCall::What;

namespace {

struct Told {
  What what;
  std::string key;
  tape::ByteCount bytes;
  bool operator==(const Told&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Told& told) {
  return out << static_cast<int>(told.what) << " " << told.key << " " << told.bytes;
}

}  // namespace

TEST_CASE("dry_run_store: what would be written or deleted is told, and not done") {
  MemoryStore memory;
  memory.put("a/b", tape::as_bytes("hello"), ObjectStore::Put::replace);
  const std::string there = memory.begin_upload("a/u");
  const auto before = memory.objects();
  std::vector<Told> told;
  DryRunStore store(memory, [&](const DryRunCall& call) {
    told.push_back({call.what, call.key, call.bytes});
  });

  const auto put = store.put("a/b", tape::as_bytes("other one"), ObjectStore::Put::replace);
  REQUIRE(put);
  CHECK(put->key == "a/b");
  CHECK(put->size == 9);
  CHECK(store.put("new", tape::as_bytes("n"), ObjectStore::Put::if_absent)->size == 1);
  const std::string upload = store.begin_upload("p");
  const tape::Bytes bytes = bytes_of("part");
  const PartInfo one = send_part(store, "p", upload, 1, 0, bytes);
  CHECK(one.number == 1);
  CHECK(one.size == 4);
  CHECK(one.etag == tape::hex(tape::sha256(bytes)));
  const PartInfo two = send_part(store, "p", upload, 2, 4, bytes_of("end"));
  CHECK(store.complete_upload("p", upload, {one, two}).size == 7);
  store.abort_upload("a/u", there);
  store.abort_uploads("a/");
  store.remove("a/b");
  store.remove_all({"x", "y"});

  CHECK(memory.objects() == before);
  CHECK(memory.list_parts("a/u", there).empty());
  CHECK(memory.uploads() == 1);
  CHECK(told == std::vector<Told>{
                    {What::put, "a/b", 9},
                    {What::put, "new", 1},
                    {What::begin_upload, "p", 0},
                    {What::put_part, "p", 4},
                    {What::put_part, "p", 3},
                    {What::complete_upload, "p", 7},
                    {What::abort_upload, "a/u", 0},
                    {What::abort_uploads, "a/", 0},
                    {What::remove, "a/b", 0},
                    {What::remove, "x", 0},
                    {What::remove, "y", 0},
                });
}

TEST_CASE("dry_run_store: reads go through") {
  MemoryStore memory;
  memory.put("a/b", tape::as_bytes("hello"), ObjectStore::Put::replace);
  memory.begin_upload("u");
  DryRunStore store(memory, [](const DryRunCall&) { FAIL("a read was told"); });
  CHECK(content(store, "a/b") == "hello");
  CHECK(store.open("a/b")->size() == 5);
  CHECK(store.open_known(*store.head("a/b"))->size() == 5);
  CHECK(keys_in(store, "") == std::vector<std::string>{"a/b"});
  CHECK(store.folders("") == std::vector<std::string>{"a"});
  CHECK(store.list_uploads("").size() == 1);
  CHECK(store.list_parts("u", "1").empty());
}

TEST_CASE("dry_run_store: a key that is taken, or is none, is nothing that would be written") {
  MemoryStore memory;
  memory.put("k", tape::as_bytes("hello"), ObjectStore::Put::replace);
  DryRunStore store(memory, [](const DryRunCall&) { FAIL("it was told"); });
  CHECK_FALSE(store.put("k", tape::as_bytes("x"), ObjectStore::Put::if_absent));
  const std::function<void()> calls[] = {
      [&] { store.put("/k", {}, ObjectStore::Put::replace); },
      [&] { store.begin_upload("../k"); },
      [&] { store.remove("a//b"); },
      [&] { store.remove_all({"a/"}); },
  };
  for (const auto& call : calls)
    CHECK(tape::failed(call).kind() == tape::ErrorKind::usage);
}
