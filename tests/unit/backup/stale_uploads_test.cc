#include "backup/stale_uploads.h"

#include "backup/journal.h"
#include "backup/set_folder.h"
#include "support/catch.h"
#include "support/fake_clock.h"
#include "support/memory_store.h"
#include "support/temporary_folder.h"

using agent::StaleOptions;
using test::MemoryStore;
using test::TemporaryFolder;

namespace {

constexpr std::int64_t kNow = 1'800'000'000;

std::vector<std::string> removed(MemoryStore& store, const StaleOptions& options) {
  test::FakeClock clock;
  clock.set_now(agent::Clock::Time::clock::from_time_t(kNow));
  std::vector<std::string> out;
  for (const agent::UploadInfo& upload : agent::remove_stale_uploads(store, clock, options))
    out.push_back(upload.key);
  return out;
}

// On this machine.
void begin_run(const agent::SetFolder& set, MemoryStore& store, const std::string& snapshot) {
  agent::JournalRun run;
  run.store = store.identity();
  run.set = "s";
  run.snapshot = snapshot;
  agent::Journal::create(set.journal(), run);
}

}  // namespace

TEST_CASE("stale_uploads: those that were begun before the window go, others stay") {
  MemoryStore store;
  const std::string id = store.begin_upload("s/20260102T030405Z-0123abcd/s.tar.gz");
  store.begun_at = kNow - 100;
  StaleOptions options;
  options.older_than = std::chrono::seconds(101);
  CHECK(removed(store, options).empty());
  options.older_than = std::chrono::seconds(100);
  options.dry_run = true;
  CHECK(removed(store, options) ==
        std::vector<std::string>{"s/20260102T030405Z-0123abcd/s.tar.gz"});
  CHECK(store.uploads() == 1);
  options.dry_run = false;
  CHECK(removed(store, options) ==
        std::vector<std::string>{"s/20260102T030405Z-0123abcd/s.tar.gz"});
  CHECK(store.uploads() == 0);
}

TEST_CASE("stale_uploads: of one set only its own") {
  MemoryStore store;
  store.begin_upload("s/20260102T030405Z-0123abcd/s.tar.gz");
  store.begin_upload("t/20260102T030405Z-0123abcd/t.tar.gz.00001");
  StaleOptions options;
  options.set = "t";
  CHECK(removed(store, options) ==
        std::vector<std::string>{"t/20260102T030405Z-0123abcd/t.tar.gz.00001"});
}

TEST_CASE("stale_uploads: what a run of this machine continues stays, however old") {
  const TemporaryFolder folder;
  MemoryStore store;
  store.begin_upload("s/20260102T030405Z-0123abcd/s.tar.gz");
  store.begin_upload("s/20260103T030405Z-0123abcd/s.tar.gz");
  StaleOptions options;
  options.state = folder / "state";
  {
    const auto set = agent::SetFolder::lock(options.state, store.identity(), "s");
    REQUIRE(set);
    begin_run(*set, store, "20260102T030405Z-0123abcd");
    // Under way: all of the set stays.
    CHECK(removed(store, options).empty());
  }
  CHECK(removed(store, options) ==
        std::vector<std::string>{"s/20260103T030405Z-0123abcd/s.tar.gz"});
  CHECK(store.uploads() == 1);
}

TEST_CASE("stale_uploads: what other programs upload stays") {
  MemoryStore store;
  for (const char* key : {"other/app/file.bin", "file", "s/20260102T030405Z-0123abcd/other.tar.gz",
                          "s/20260102T030405Z-0123abcd/s.tar.gz/x", "s/videos/s.tar.gz",
                          ".x/20260102T030405Z-0123abcd/.x.tar.gz"})
    store.begin_upload(key);
  CHECK(removed(store, {}).empty());
}

namespace {

std::vector<std::string> stale(MemoryStore& store, const StaleOptions& options) {
  test::FakeClock clock;
  clock.set_now(agent::Clock::Time::clock::from_time_t(kNow));
  return agent::stale_snapshots(store, clock, options);
}

const std::string kOld = "20260102T030405Z-0123abcd";

void put(MemoryStore& store, const std::string& key) {
  store.put(key, tape::as_bytes("x"), agent::ObjectStore::Put::replace);
}

}  // namespace

TEST_CASE("stale_snapshots: what has no manifest and was left long ago, and nothing else") {
  MemoryStore store;
  store.modified_at = kNow - 100;
  put(store, "s/" + kOld + "/s.tar.gz");
  put(store, "s/20260103T030405Z-0123abcd/s.tar.gz");
  put(store, "s/20260103T030405Z-0123abcd/manifest.json");
  put(store, "s/20270115T075959Z-0123abcd/s.tar.gz");  // a second in front of now
  put(store, "t/" + kOld + "/t.tar.gz");
  StaleOptions options;
  options.set = "s";
  options.older_than = std::chrono::seconds(100);
  CHECK(stale(store, options) == std::vector<std::string>{kOld});
  // Something came into it within the time: somebody is at it.
  options.older_than = std::chrono::seconds(101);
  CHECK(stale(store, options).empty());
}

TEST_CASE("stale_snapshots: one whose age nobody knows, or that something is sent to, stays") {
  MemoryStore store;
  put(store, "s/" + kOld + "/s.tar.gz");
  StaleOptions options;
  options.set = "s";
  CHECK(stale(store, options).empty());
  store.modified_at = 1;
  CHECK(stale(store, options) == std::vector<std::string>{kOld});
  store.begun_at = kNow - 1;
  store.begin_upload("s/" + kOld + "/s.tar.gz.00001");
  CHECK(stale(store, options).empty());
}

TEST_CASE("stale_snapshots: what a run of this machine continues stays, however old") {
  const TemporaryFolder folder;
  MemoryStore store;
  store.modified_at = 1;
  put(store, "s/" + kOld + "/s.tar.gz");
  StaleOptions options;
  options.set = "s";
  options.state = folder / "state";
  {
    const auto set = agent::SetFolder::lock(options.state, store.identity(), "s");
    REQUIRE(set);
    begin_run(*set, store, kOld);
  }
  CHECK(stale(store, options).empty());
}
