// A backup whose store fails at the k-th call, for every k: no snapshot that is not whole is there,
// and the next run ends with the volumes of an untroubled one.
#include "backup/backup.h"

#include <map>

#include "backup/forget.h"
#include "restore/snapshot_reader.h"
#include "store/file_store.h"
#include "store/snapshots.h"
#include "support/expect.h"
#include "support/memory_store.h"
#include "support/samples.h"
#include "support/temporary_folder.h"
#include "tape/files.h"

using namespace test;
using tape::Error;
using tape::ErrorKind;
using tape::failed;
using tape::Faults;

namespace {

void fill(const TemporaryFolder& folder) {
  make_folder(folder / "tree");
  make_folder(folder / "tree/dir");
  for (int i = 0; i < 9; ++i)
    write_file(folder / ("tree/dir/f" + std::to_string(i)),
               tape::as_text(tape::mixed_bytes(90'000, static_cast<std::uint64_t>(i))));
  write_file(folder / "tree/empty", "");
}

agent::BackupOptions small_backup(const TemporaryFolder& folder) {
  agent::BackupOptions options;
  options.source.path = folder / "tree";
  options.source.metadata = tape::Metadata::full;
  options.ragzip.engine = tape::Engine::zlib;
  options.ragzip.level = 1;
  options.ragzip.page_bits = 13;
  options.ragzip.workers = 2;
  options.volume_size = 1 << 18;
  options.part_size = 1 << 16;
  options.set = "s";
  options.set_typed = true;
  options.host = "h";
  return options;
}

agent::BackupSummary run(agent::ObjectStore& store,
                         const TemporaryFolder& folder,
                         const agent::BackupOptions& options) {
  const auto set = agent::SetFolder::lock(folder / "state", "memory:", "s");
  REQUIRE(set);
  return agent::backup({store, *set, options, {}});
}

// By their names without the snapshot's.
std::map<std::string, tape::Bytes> volumes(const MemoryStore& store) {
  std::map<std::string, tape::Bytes> out;
  for (const auto& [key, bytes] : store.objects()) {
    const std::string name = key.substr(key.rfind('/') + 1);
    if (name.starts_with("s.tar.gz")) out[name] = bytes;
  }
  return out;
}

bool has_manifest(MemoryStore& store) {
  return !agent::snapshots_of(store, "s").empty();
}

// Every snapshot that is visible holds all of its volumes, sound.
void is_whole(MemoryStore& store) {
  for (const std::string& id : agent::snapshots_of(store, "s")) {
    tape::ReadCounts counts;
    agent::open_snapshot(store, agent::read_manifest(store, "s", id), counts)->check_all({});
  }
}

}  // namespace

TEST_CASE("backup: whichever call of the store fails, the next run completes it", "[fault]") {
  std::map<std::string, tape::Bytes> expected;
  const TemporaryFolder folder;
  fill(folder);
  const agent::BackupOptions options = small_backup(folder);
  std::uint64_t calls = 0;
  {
    MemoryStore store;
    Faults counting = Faults::none();
    FaultyStore counted(store, counting, Lost::request);
    run(counted, folder, options);
    expected = volumes(store);
    calls = counting.calls();
    is_whole(store);
    CHECK(store.uploads() == 0);
  }
  REQUIRE(expected.size() > 3);
  REQUIRE(calls > 20);
  for (const Lost lost : {Lost::request, Lost::answer}) {
    for (const bool once : {true, false}) {
      for (std::uint64_t k = 1; k <= calls; ++k) {
        INFO("call " << k << " of " << calls << (lost == Lost::answer ? ", its answer" : "")
                     << (once ? "" : ", and all behind it"));
        std::filesystem::remove_all(folder / "state");
        MemoryStore store;
        const Error planted(ErrorKind::transient, "planted failure");
        Faults faults = once ? Faults::at_call(k, planted) : Faults::from_call(k, planted);
        FaultyStore faulty(store, faults, lost);
        const auto failure = tape::failure_of([&] { run(faulty, folder, options); });
        if (failure) CHECK(failure->kind() == ErrorKind::transient);
        is_whole(store);
        const bool visible = has_manifest(store);
        if (!failure) CHECK(visible);
        run(store, folder, options);
        is_whole(store);
        REQUIRE(volumes(store) == expected);
      }
    }
  }
}

TEST_CASE("backup: an upload that the store has lost is begun again", "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  const agent::BackupOptions options = small_backup(folder);
  MemoryStore untroubled;
  run(untroubled, folder, options);
  std::uint64_t begun_again = 0;
  for (std::uint64_t k = 5; k < 40; ++k) {
    std::filesystem::remove_all(folder / "state");
    MemoryStore first;
    Faults faults = Faults::from_call(k, Error(ErrorKind::transient, "planted failure"));
    FaultyStore faulty(first, faults, Lost::request);
    if (!tape::failure_of([&] { run(faulty, folder, options); })) break;
    if (first.uploads() == 0) continue;
    // Its parts went with the first store, its finished volumes did not.
    MemoryStore second;
    for (const auto& [key, bytes] : first.objects())
      second.put(key, bytes, agent::ObjectStore::Put::replace);
    run(second, folder, options);
    is_whole(second);
    REQUIRE(volumes(second) == volumes(untroubled));
    ++begun_again;
  }
  CHECK(begun_again > 5);
}

TEST_CASE("backup: a run given up leaves nothing in the store", "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  agent::BackupOptions options = small_backup(folder);
  std::uint64_t with_volumes = 0;
  for (std::uint64_t k = 5; k < 40; ++k) {
    INFO(k);
    std::filesystem::remove_all(folder / "state");
    MemoryStore store;
    options.restart = false;
    Faults faults = Faults::from_call(k, Error(ErrorKind::transient, "planted failure"));
    FaultyStore faulty(store, faults, k % 2 == 0 ? Lost::request : Lost::answer);
    if (!tape::failure_of([&] { run(faulty, folder, options); })) break;
    // The last call of all puts the manifest; with only its answer lost the snapshot is made.
    if (has_manifest(store)) break;
    const std::size_t left = volumes(store).size();
    if (left > 0) ++with_volumes;
    options.restart = true;
    const agent::BackupSummary summary = run(store, folder, options);
    CHECK(store.uploads() == 0);
    for (const auto& [key, bytes] : store.objects())
      CHECK((key == "README.txt" || key.starts_with("s/" + summary.snapshot + "/")));
  }
  CHECK(with_volumes > 3);
}

TEST_CASE("backup: --restart leaves a snapshot that was made", "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  agent::BackupOptions options = small_backup(folder);
  MemoryStore store;
  // The last call of all is the manifest's; its answer is lost.
  Faults counting = Faults::none();
  FaultyStore counted(store, counting, Lost::request);
  run(counted, folder, options);
  std::filesystem::remove_all(folder / "state");
  MemoryStore second;
  Faults faults = Faults::at_call(counting.calls(), Error(ErrorKind::transient, "planted failure"));
  FaultyStore faulty(second, faults, Lost::answer);
  REQUIRE(tape::failure_of([&] { run(faulty, folder, options); }));
  REQUIRE(agent::snapshots_of(second, "s").size() == 1);
  options.restart = true;
  run(second, folder, options);
  CHECK(agent::snapshots_of(second, "s").size() >= 1);
  is_whole(second);
}

TEST_CASE("backup: a finished volume that is gone is missed before the source is read", "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  const agent::BackupOptions options = small_backup(folder);
  MemoryStore store;
  Faults faults = Faults::from_call(25, Error(ErrorKind::transient, "planted failure"));
  FaultyStore faulty(store, faults, Lost::request);
  REQUIRE(tape::failure_of([&] { run(faulty, folder, options); }));
  std::string gone;
  for (const auto& [key, bytes] : store.objects()) {
    if (key.find(".tar.gz") != std::string::npos) gone = key;
  }
  REQUIRE_FALSE(gone.empty());
  store.remove(gone);
  const std::size_t objects = store.objects().size();
  const Error error = failed([&] { run(store, folder, options); });
  CHECK(error.kind() == ErrorKind::corrupt);
  CHECK(tape::says(error, gone));
  CHECK(store.objects().size() == objects);
}

TEST_CASE("backup: an open upload that lost a part is begun again before anything is sent",
          "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  const agent::BackupOptions options = small_backup(folder);
  MemoryStore untroubled;
  run(untroubled, folder, options);
  std::uint64_t tried = 0;
  for (std::uint64_t k = 5; k < 40; ++k) {
    INFO(k);
    std::filesystem::remove_all(folder / "state");
    bool made = false;
    std::filesystem::remove_all(folder / "store");
    const auto store = agent::create_file_store(folder / "store", made);
    Faults faults = Faults::from_call(k, Error(ErrorKind::transient, "planted failure"));
    FaultyStore faulty(*store, faults, Lost::request);
    const auto once = [&](agent::ObjectStore& to) {
      const auto set = agent::SetFolder::lock(folder / "state", store->name(), "s");
      REQUIRE(set);
      return agent::backup({to, *set, options, {}});
    };
    if (!tape::failure_of([&] { once(faulty); })) break;
    bool cut = false;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "store")) {
      const std::string name = entry.path().filename();
      if (!name.starts_with(".part-") || name.ends_with(".parts") || entry.file_size() == 0)
        continue;
      std::filesystem::resize_file(entry.path(), entry.file_size() - 1);
      cut = true;
    }
    if (!cut) continue;
    once(*store);
    ++tried;
    std::map<std::string, tape::Bytes> found;
    store->list("s/", [&](const agent::ObjectInfo& object) {
      const std::string name = object.key.substr(object.key.rfind('/') + 1);
      if (name.starts_with("s.tar.gz"))
        found[name] = agent::read_object(*store, object.key, 1 << 24);
    });
    REQUIRE(found == volumes(untroubled));
  }
  CHECK(tried > 3);
}

TEST_CASE("backup: a damaged tail is made again, of the volume's first page", "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  const agent::BackupOptions options = small_backup(folder);
  MemoryStore untroubled;
  run(untroubled, folder, options);
  std::uint64_t damaged = 0;
  for (std::uint64_t k = 5; k < 40; ++k) {
    std::filesystem::remove_all(folder / "state");
    MemoryStore store;
    Faults faults = Faults::from_call(k, Error(ErrorKind::transient, "planted failure"));
    FaultyStore faulty(store, faults, Lost::request);
    if (!tape::failure_of([&] { run(faulty, folder, options); })) break;
    const std::string tail = agent::SetFolder::lock(folder / "state", "memory:", "s")->tail();
    if (!std::filesystem::exists(tail)) continue;
    std::string bytes = read_file(tail);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    write_file(tail, bytes);
    run(store, folder, options);
    is_whole(store);
    REQUIRE(volumes(store) == volumes(untroubled));
    CHECK(store.uploads() == 0);
    ++damaged;
  }
  CHECK(damaged > 3);
}

TEST_CASE("backup: a second run at once is refused, and a dry run makes nothing", "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  agent::BackupOptions options = small_backup(folder);
  MemoryStore store;
  {
    const auto held = agent::SetFolder::lock(folder / "state", "memory:", "s");
    REQUIRE(held);
    CHECK_FALSE(agent::SetFolder::lock(folder / "state", "memory:", "s"));
    CHECK(agent::SetFolder::lock(folder / "state", "memory:", "other"));
  }
  options.dry_run = true;
  CHECK(run(store, folder, options).outcome == agent::BackupSummary::Outcome::dry_run);
  CHECK(store.objects().empty());
}

namespace {

// Two snapshots that share a volume, as one that borrows would; and a third by itself.
std::vector<std::string> three_snapshots(MemoryStore& store, const TemporaryFolder& folder) {
  const agent::BackupOptions options = small_backup(folder);
  for (const char* name : {"tree/one", "tree/two", "tree/three"}) {
    write_file(folder / name, name);
    run(store, folder, options);
  }
  const std::vector<std::string> ids = agent::snapshots_of(store, "s");
  REQUIRE(ids.size() == 3);
  tape::Manifest second = agent::read_manifest(store, "s", ids[1]);
  const tape::Manifest first = agent::read_manifest(store, "s", ids[0]);
  second.volumes.front().key = first.volumes.front().key;
  store.put(agent::manifest_key("s", ids[1]), tape::as_bytes(tape::encode_manifest(second)),
            agent::ObjectStore::Put::replace);
  store.remove("s/" + ids[1] + "/s.tar.gz.00000");
  return ids;
}

}  // namespace

TEST_CASE("forget: whichever call fails, what is visible is whole, and the same call completes it",
          "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  MemoryStore made;
  const auto ids = three_snapshots(made, folder);
  const agent::ForgetOptions first_two{"s", {ids[0], ids[1]}, false, {}};
  MemoryStore expected;
  const auto copy_to = [&](MemoryStore& store) {
    for (const auto& [key, bytes] : made.objects())
      store.put(key, bytes, agent::ObjectStore::Put::replace);
  };
  copy_to(expected);
  Faults counting = Faults::none();
  FaultyStore counted(expected, counting, Lost::request);
  const agent::ForgetReport report = agent::forget(counted, first_two);
  {
    // The second borrows a volume of the first: to name one twice is to name it once.
    MemoryStore store;
    copy_to(store);
    agent::forget(store, {"s", {ids[1], ids[1]}, false, {}});
    CHECK(store.head("s/" + ids[0] + "/s.tar.gz.00000"));
  }
  CHECK(report.snapshots == first_two.snapshots);
  CHECK(agent::snapshots_of(expected, "s") == std::vector<std::string>{ids[2]});
  for (const auto& [key, bytes] : expected.objects())
    CHECK((key == "README.txt" || key.starts_with("s/" + ids[2] + "/")));
  for (const Lost lost : {Lost::request, Lost::answer}) {
    for (std::uint64_t k = 1; k <= counting.calls(); ++k) {
      INFO("call " << k << " of " << counting.calls());
      MemoryStore store;
      copy_to(store);
      Faults faults = Faults::from_call(k, Error(ErrorKind::io, "planted failure"));
      FaultyStore faulty(store, faults, lost);
      CHECK(tape::failure_of([&] { agent::forget(faulty, first_two); }).has_value());
      for (const std::string& id : agent::snapshots_of(store, "s")) {
        for (const auto& volume : agent::read_manifest(store, "s", id).volumes)
          CHECK(store.head("s/" + volume.key));
      }
      // What is left of them, one by one: those that are all gone are not found any more.
      for (const std::string& id : first_two.snapshots) {
        const auto failure = tape::failure_of([&] {
          agent::forget(store, {"s", {id}, false, {}});
        });
        if (failure) CHECK(failure->kind() == ErrorKind::not_found);
      }
      CHECK(store.objects() == expected.objects());
    }
  }
}

TEST_CASE("forget: stops between two deletions, and a damaged manifest goes with its folder",
          "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  MemoryStore store;
  const auto ids = three_snapshots(store, folder);
  int left = 3;
  const agent::ForgetOptions stopped{"s", {ids[2]}, false, [&] {
                                       if (--left == 0)
                                         throw Error(ErrorKind::canceled, "interrupted");
                                     }};
  const Error error = failed([&] { agent::forget(store, stopped); });
  CHECK(error.kind() == ErrorKind::canceled);
  CHECK(error.hint().find("the same command") != std::string::npos);
  CHECK(agent::unfinished_in(store, "s") == std::vector<std::string>{ids[2]});
  // Another's damaged manifest may name anything.
  store.put(agent::manifest_key("s", ids[0]), tape::as_bytes("{}"),
            agent::ObjectStore::Put::replace);
  CHECK(failed([&] {
          agent::forget(store, {"s", {ids[2]}, false, {}});
        }).kind() == ErrorKind::corrupt);
  agent::forget(store, {"s", {ids[0], ids[2]}, false, {}});
  // What the second borrows from the first is kept.
  CHECK(store.head("s/" + ids[0] + "/s.tar.gz.00000"));
  CHECK_FALSE(store.head("s/" + ids[0] + "/s.tar.gz.00001"));
  CHECK(agent::snapshots_of(store, "s") == std::vector<std::string>{ids[1]});
}

TEST_CASE("forget: a backup that commits meanwhile keeps its volumes", "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  MemoryStore store;
  const auto ids = three_snapshots(store, folder);
  const std::string key = agent::manifest_key("s", ids[2]);
  const tape::Bytes manifest = agent::read_object(store, key, 1 << 20);
  store.remove(key);
  const auto before = store.objects().size();
  const auto commits = [&] { store.put(key, manifest, agent::ObjectStore::Put::if_absent); };
  const Error error = failed([&] { agent::forget(store, {"s", {ids[2]}, false, commits}); });
  CHECK(error.kind() == ErrorKind::usage);
  CHECK(store.objects().size() == before + 1);
  tape::ReadCounts counts;
  agent::open_snapshot(store, agent::read_manifest(store, "s", ids[2]), counts)->check_all({});
}
