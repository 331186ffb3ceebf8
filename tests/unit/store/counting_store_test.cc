#include "store/counting_store.h"

#include "conformance/object_store.h"
#include "support/memory_store.h"

using namespace agent;
using namespace test;

TEST_CASE("counting_store: conforms") {
  TransferCounts counts;
  MemoryStore memory;
  conforms([&] { return std::make_unique<CountingStore>(memory, counts); }, 1000);
}

TEST_CASE("counting_store: a call is a request, and bytes count as they went") {
  struct Row {
    const char* call;
    std::function<void(ObjectStore&)> make;
    std::uint64_t sent = 0;
    std::uint64_t read = 0;
  };
  const std::string upload = "1";
  const Row rows[] = {
      {"begin", [](ObjectStore& s) { s.begin_upload("p"); }},
      {"put", [](ObjectStore& s) { s.put("k", bytes_of("hello"), ObjectStore::Put::replace); }, 5},
      {"part", [&](ObjectStore& s) { send_part(s, "p", upload, 1, 0, bytes_of("part")); }, 4},
      {"get", [](ObjectStore& s) { s.get("k", 10); }, 0, 5},
      {"head", [](ObjectStore& s) { s.head("k"); }},
      {"open", [](ObjectStore& s) { s.open("k"); }},
      {"list", [](ObjectStore& s) { keys_in(s, ""); }},
      {"remove",
       [](ObjectStore& s) {
         s.remove_all({"x", "y"});
       }},
  };
  MemoryStore memory;
  for (const Row& row : rows) {
    INFO(row.call);
    TransferCounts counts;
    CountingStore store(memory, counts);
    row.make(store);
    CHECK(counts.requests == 1);
    CHECK(counts.bytes_sent == row.sent);
    CHECK(counts.bytes_read == row.read);
    CHECK(counts.retries == 0);
  }
}

TEST_CASE("counting_store: reads of what was opened count") {
  TransferCounts counts;
  MemoryStore memory;
  memory.put("k", tape::as_bytes("hello"), ObjectStore::Put::replace);
  CountingStore store(memory, counts);
  const auto source = store.open("k");
  tape::Bytes bytes(3);
  source->read_at(tape::GzOffset(0), bytes);
  source->read_at(tape::GzOffset(2), bytes);
  CHECK(counts.requests == 3);
  CHECK(counts.bytes_read == 6);
}

TEST_CASE("counting_store: a call that fails is a request without bytes") {
  TransferCounts counts;
  MemoryStore memory;
  auto faults = tape::Faults::from_call(1, tape::Error(tape::ErrorKind::io, "planted failure"));
  FaultyStore faulty(memory, faults, Lost::request);
  CountingStore store(faulty, counts);
  tape::failed([&] { store.put("k", tape::as_bytes("hello"), ObjectStore::Put::replace); });
  tape::failed([&] { store.get("k", 10); });
  CHECK(counts.requests == 2);
  CHECK(counts.bytes_sent == 0);
  CHECK(counts.bytes_read == 0);
}
