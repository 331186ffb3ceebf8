#include "store/limited_store.h"

#include "conformance/object_store.h"
#include "support/fake_clock.h"
#include "support/memory_store.h"

using namespace agent;
using namespace test;
using namespace std::chrono_literals;

TEST_CASE("limited_store: conforms") {
  FakeClock clock;
  RateLimit limit(1'000'000, clock);
  MemoryStore memory;
  conforms(
      [&] {
        return std::make_unique<LimitedStore>(memory, LimitedStore::Limits{&limit, &limit});
      },
      1000);
}

TEST_CASE("limited_store: what is sent takes its time, what is read its own") {
  FakeClock clock;
  RateLimit upload(1000, clock);
  RateLimit download(100, clock);
  MemoryStore memory;
  LimitedStore store(memory, {&upload, &download});
  Clock::Duration before{0};
  const auto took = [&] { return clock.elapsed() - std::exchange(before, clock.elapsed()); };

  store.put("k", tape::Bytes(2000, 'x'), ObjectStore::Put::replace);
  CHECK(took() == 2s);
  const std::string upload_id = store.begin_upload("p");
  CHECK(took() == 0s);
  send_part(store, "p", upload_id, 1, 0, tape::Bytes(3000, 'p'));
  CHECK(took() == 3s);
  // 10 bytes' worth is saved up of the time that went by.
  CHECK(store.get("k", 5000).size() == 2000);
  CHECK(took() == 19'900ms);
  const auto source = store.open("k");
  CHECK(took() == 0s);
  tape::Bytes bytes(500);
  source->read_at(tape::GzOffset(7), bytes);
  CHECK(took() == 5s);
  store.open_known(*store.head("k"))->read_at(tape::GzOffset(7), bytes);
  CHECK(took() == 5s);
}

TEST_CASE("limited_store: bytes wait in front of the call") {
  MemoryStore memory;
  FakeClock clock([&] {
    CHECK(memory.objects().empty());
    throw tape::Error(tape::ErrorKind::canceled, "stop");
  });
  RateLimit upload(1000, clock);
  LimitedStore store(memory, {&upload, nullptr});
  CHECK(tape::failed([&] {
          store.put("k", tape::Bytes(2000, 'x'), ObjectStore::Put::replace);
        }).kind() == tape::ErrorKind::canceled);
  CHECK(memory.objects().empty());
}

TEST_CASE("limited_store: without a limit nothing waits") {
  MemoryStore memory;
  LimitedStore store(memory, {});
  store.put("k", tape::Bytes(2000, 'x'), ObjectStore::Put::replace);
  CHECK(store.get("k", 5000).size() == 2000);
}
