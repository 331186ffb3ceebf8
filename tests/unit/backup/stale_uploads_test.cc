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

}  // namespace

TEST_CASE("stale_uploads: those that were begun before the window go, others stay") {
  MemoryStore store;
  const std::string id = store.begin_upload("s/a/x");
  store.begun_at = kNow - 100;
  StaleOptions options;
  options.older_than = std::chrono::seconds(101);
  CHECK(removed(store, options).empty());
  options.older_than = std::chrono::seconds(100);
  options.dry_run = true;
  CHECK(removed(store, options) == std::vector<std::string>{"s/a/x"});
  CHECK(store.uploads() == 1);
  options.dry_run = false;
  CHECK(removed(store, options) == std::vector<std::string>{"s/a/x"});
  CHECK(store.uploads() == 0);
}

TEST_CASE("stale_uploads: of one set only its own") {
  MemoryStore store;
  store.begin_upload("s/a/x");
  store.begin_upload("t/a/x");
  StaleOptions options;
  options.set = "t";
  CHECK(removed(store, options) == std::vector<std::string>{"t/a/x"});
}

TEST_CASE("stale_uploads: what a run of this machine continues stays, however old") {
  const TemporaryFolder folder;
  MemoryStore store;
  store.begin_upload("s/kept/x");
  store.begin_upload("s/gone/x");
  StaleOptions options;
  options.state = folder / "state";
  {
    const auto set = agent::SetFolder::lock(options.state, store.identity(), "s");
    REQUIRE(set);
    agent::JournalRun run;
    run.store = store.identity();
    run.set = "s";
    run.snapshot = "kept";
    agent::Journal::create(set->journal(), run);
    // Under way: all of the set stays.
    CHECK(removed(store, options).empty());
  }
  CHECK(removed(store, options) == std::vector<std::string>{"s/gone/x"});
  CHECK(store.uploads() == 1);
}
