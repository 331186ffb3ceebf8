// A backup whose store fails at the k-th call, for every k: no snapshot that is not whole is there,
// and the next run ends with the volumes of an untroubled one.
#include "backup/backup.h"

#include <functional>
#include <map>

#include "restore/verify.h"
#include "store/file_store.h"
#include "store/snapshots.h"
#include "support/expect.h"
#include "support/small_backup.h"
#include "tape/files.h"

using namespace test;
using tape::Error;
using tape::ErrorKind;
using tape::failed;
using tape::Faults;

TEST_CASE("backup: whichever call of the store fails, the next run completes it", "[fault]") {
  std::map<std::string, tape::Bytes> expected;
  const TemporaryFolder folder;
  fill(folder);
  const agent::BackupOptions options = small_backup(folder);
  std::uint64_t calls = 0;
  {
    MemoryStore store;
    Faults counting = Faults::none();
    FaultyStore counted(store, counting, Lost::request, true);
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
        FaultyStore faulty(store, faults, lost, true);
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
    FaultyStore faulty(first, faults, Lost::request, true);
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
    FaultyStore faulty(store, faults, k % 2 == 0 ? Lost::request : Lost::answer, true);
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
  FaultyStore counted(store, counting, Lost::request, true);
  run(counted, folder, options);
  std::filesystem::remove_all(folder / "state");
  MemoryStore second;
  Faults faults = Faults::at_call(counting.calls(), Error(ErrorKind::transient, "planted failure"));
  FaultyStore faulty(second, faults, Lost::answer, true);
  REQUIRE(tape::failure_of([&] { run(faulty, folder, options); }));
  const auto made = agent::snapshots_of(second, "s");
  REQUIRE(made.size() == 1);
  options.restart = true;
  run(second, folder, options);
  CHECK(agent::snapshots_of(second, "s").front() == made.front());
  is_whole(second);
}

TEST_CASE("backup: a finished volume that is gone is missed before the source is read", "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  const agent::BackupOptions options = small_backup(folder);
  MemoryStore store;
  Faults faults = Faults::from_call(25, Error(ErrorKind::transient, "planted failure"));
  FaultyStore faulty(store, faults, Lost::request, true);
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
    FaultyStore faulty(*store, faults, Lost::request, true);
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
      if (name.starts_with("s.tar.gz")) found[name] = store->get(object.key, 1 << 24);
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
    FaultyStore faulty(store, faults, Lost::request, true);
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

TEST_CASE("backup: 1, 2 and 7 uploads at once over a slow store give the same volumes",
          "[fault][threads]") {
  const TemporaryFolder folder;
  fill(folder);
  agent::BackupOptions options = small_backup(folder);
  std::map<std::string, tape::Bytes> expected;
  for (const std::size_t workers : {1U, 2U, 7U}) {
    options.upload_workers = workers;
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      INFO(workers << " uploads, seed " << seed);
      std::filesystem::remove_all(folder / "state");
      MemoryStore store;
      SlowStore slow(store, seed);
      // One call in the middle fails: what is under way then is not lost.
      Faults faults = Faults::at_call(9 + 4 * seed, Error(ErrorKind::transient, "planted failure"));
      FaultyStore faulty(slow, faults, Lost::request, true);
      static_cast<void>(tape::failure_of([&] { run(faulty, folder, options); }));
      CHECK(faults.failures() == 1);
      run(slow, folder, options);
      if (expected.empty()) expected = volumes(store);
      REQUIRE(expected.size() > 3);
      REQUIRE(volumes(store) == expected);
      CHECK(store.uploads() == 0);
    }
  }
}

TEST_CASE("backup: a --restart that dies on the way is completed by the plain command", "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  agent::BackupOptions options = small_backup(folder);
  std::uint64_t tried = 0;
  for (std::uint64_t k = 1;; ++k) {
    INFO(k);
    std::filesystem::remove_all(folder / "state");
    MemoryStore store;
    options.restart = false;
    Faults first = Faults::from_call(20, Error(ErrorKind::transient, "planted failure"));
    FaultyStore interrupted(store, first, Lost::request, true);
    REQUIRE(tape::failure_of([&] { run(interrupted, folder, options); }));
    const auto held = agent::unfinished_in(store, "s");
    REQUIRE(held.size() == 1);
    options.restart = true;
    Faults second = Faults::from_call(k, Error(ErrorKind::transient, "planted failure"));
    FaultyStore dying(store, second, Lost::answer, true);
    static_cast<void>(tape::failure_of([&] { run(dying, folder, options); }));
    const bool given_up = volumes(store).empty();
    options.restart = false;
    const agent::BackupSummary summary = run(store, folder, options);
    is_whole(store);
    CHECK(store.uploads() == 0);
    for (const auto& [key, bytes] : store.objects())
      CHECK((key == "README.txt" || key.starts_with("s/" + summary.snapshot + "/")));
    ++tried;
    if (given_up && summary.snapshot != held.front()) break;
  }
  CHECK(tried > 5);
}

TEST_CASE("backup: --restart does not give up the run of another tree", "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  agent::BackupOptions options = small_backup(folder);
  MemoryStore store;
  Faults faults = Faults::from_call(20, Error(ErrorKind::transient, "planted failure"));
  FaultyStore interrupted(store, faults, Lost::request, true);
  REQUIRE(tape::failure_of([&] { run(interrupted, folder, options); }));
  make_folder(folder / "other");
  make_folder(folder / "other/tree");
  agent::BackupOptions other = options;
  other.source.path = folder / "other/tree";
  other.restart = true;
  other.set_typed = false;
  const auto before = store.objects();
  const Error error = failed([&] { run(store, folder, other); });
  CHECK(error.kind() == ErrorKind::usage);
  CHECK(error.hint().find("--set") != std::string::npos);
  CHECK(store.objects() == before);
  // The first one's goes on.
  CHECK(run(store, folder, options).bytes_resumed_at.value_or(0) > 0);
  is_whole(store);
}

namespace {

// A store that does something of its own when a manifest is put or got.
class MeddlingStore final : public agent::WrappedStore {
 public:
  explicit MeddlingStore(agent::ObjectStore& store) : WrappedStore(store) {}
  std::optional<agent::ObjectInfo> put(const std::string& key,
                                       tape::ByteView bytes,
                                       Put how) override {
    auto out = WrappedStore::put(key, bytes, how);
    if (key.ends_with("manifest.json") && behind_manifest) behind_manifest();
    return out;
  }
  tape::Bytes get(const std::string& key, tape::ByteCount limit) override {
    if (key.ends_with("manifest.json") && in_front_of_get) in_front_of_get();
    return WrappedStore::get(key, limit);
  }
  std::function<void()> behind_manifest;
  std::function<void()> in_front_of_get;
};

}  // namespace

TEST_CASE("backup: a volume that goes while the manifest is put takes the manifest with it",
          "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  MemoryStore store;
  MeddlingStore meddling(store);
  meddling.behind_manifest = [&] {
    for (const auto& [key, bytes] : store.objects()) {
      if (key.ends_with(".00001")) store.remove(key);
    }
  };
  const Error error = failed([&] { run(meddling, folder, small_backup(folder)); });
  CHECK(error.kind() == ErrorKind::corrupt);
  CHECK_FALSE(has_manifest(store));
}

TEST_CASE("backup: a manifest on a bad sector, or forgotten meanwhile, stops no other", "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  const agent::BackupOptions options = small_backup(folder);
  for (const ErrorKind kind : {ErrorKind::io, ErrorKind::not_found}) {
    std::filesystem::remove_all(folder / "state");
    MemoryStore store;
    run(store, folder, options);
    MeddlingStore meddling(store);
    meddling.in_front_of_get = [&] { throw Error(kind, "planted failure"); };
    CHECK(run(meddling, folder, options).outcome == agent::BackupSummary::Outcome::made);
    CHECK(agent::snapshots_of(store, "s").size() == 2);
    // Nothing else is taken for damage.
    meddling.in_front_of_get = [&] { throw Error(ErrorKind::denied, "planted failure"); };
    CHECK(failed([&] { run(meddling, folder, options); }).kind() == ErrorKind::denied);
  }
}

TEST_CASE("verify: a volume that shrinks between two looks is damage", "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  MemoryStore store;
  const std::string id = run(store, folder, small_backup(folder)).snapshot;
  const tape::Manifest manifest = agent::read_manifest(store, "s", id);
  const std::string key = agent::object_key(manifest, manifest.volumes[1]);
  class Shrinking final : public agent::WrappedStore {
   public:
    Shrinking(agent::ObjectStore& held, agent::ObjectInfo before)
        : WrappedStore(held), before_(std::move(before)) {}
    std::optional<agent::ObjectInfo> head(const std::string& of) override {
      return of == before_.key ? before_ : WrappedStore::head(of);
    }

   private:
    agent::ObjectInfo before_;
  } shrinking(store, *store.head(key));
  tape::Bytes bytes = store.objects()[key];
  bytes.pop_back();
  store.put(key, bytes, agent::ObjectStore::Put::replace);
  std::vector<std::string> said;
  agent::VerifyEvents events;
  events.damage = [&](const Error& error) { said.emplace_back(error.what()); };
  CHECK(agent::verify_snapshot({shrinking, events}, manifest, {}).damage == 1);
  REQUIRE(said.size() == 1);
  CHECK(said.front().find("a moment ago") != std::string::npos);
}
