// A forget whose store fails at the k-th call, or that meets a backup under way.
#include "backup/forget.h"

#include <functional>
#include <utility>

#include "support/expect.h"
#include "support/small_backup.h"

using namespace test;
using tape::Error;
using tape::ErrorKind;
using tape::failed;
using tape::Faults;

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

agent::ForgetOptions forgetting(std::vector<std::string> ids,
                                std::function<void()> check_stop = {}) {
  agent::ForgetOptions out;
  out.set = "s";
  out.snapshots = std::move(ids);
  out.check_stop = std::move(check_stop);
  return out;
}

}  // namespace

TEST_CASE("forget: whichever call fails, what is visible is whole, and the same call completes it",
          "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  MemoryStore made;
  const auto ids = three_snapshots(made, folder);
  const agent::ForgetOptions first_two = forgetting({ids[0], ids[1]});
  MemoryStore expected;
  const auto copy_to = [&](MemoryStore& store) {
    for (const auto& [key, bytes] : made.objects())
      store.put(key, bytes, agent::ObjectStore::Put::replace);
  };
  copy_to(expected);
  Faults counting = Faults::none();
  FaultyStore counted(expected, counting, Lost::request, true);
  const agent::ForgetReport report = agent::forget(counted, first_two);
  {
    // The second borrows a volume of the first: to name one twice is to name it once.
    MemoryStore store;
    copy_to(store);
    agent::forget(store, forgetting({ids[1], ids[1]}));
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
      FaultyStore faulty(store, faults, lost, true);
      CHECK(tape::failure_of([&] { agent::forget(faulty, first_two); }).has_value());
      for (const std::string& id : agent::snapshots_of(store, "s")) {
        for (const auto& volume : agent::read_manifest(store, "s", id).volumes)
          CHECK(store.head("s/" + volume.key));
      }
      // What is left of them, one by one: those that are all gone are not found any more.
      for (const std::string& id : first_two.snapshots) {
        const auto failure = tape::failure_of([&] { agent::forget(store, forgetting({id})); });
        if (failure) CHECK(failure->kind() == ErrorKind::not_found);
      }
      CHECK(store.objects() == expected.objects());
    }
  }
}

TEST_CASE("forget: stops between manifest and volumes, and a damaged manifest goes with its folder",
          "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  MemoryStore store;
  const auto ids = three_snapshots(store, folder);
  int left = 2;
  const agent::ForgetOptions stopped = forgetting({ids[2]}, [&] {
    if (--left == 0) throw Error(ErrorKind::canceled, "interrupted");
  });
  const Error error = failed([&] { agent::forget(store, stopped); });
  CHECK(error.kind() == ErrorKind::canceled);
  CHECK(error.hint().find("--snapshot " + ids[2] + "`") != std::string::npos);
  CHECK(agent::unfinished_in(store, "s") == std::vector<std::string>{ids[2]});
  // Another's damaged manifest may name anything.
  store.put(agent::manifest_key("s", ids[0]), tape::as_bytes("{}"),
            agent::ObjectStore::Put::replace);
  CHECK(failed([&] { agent::forget(store, forgetting({ids[2]})); }).kind() == ErrorKind::corrupt);
  agent::forget(store, forgetting({ids[0], ids[2]}));
  // What the second borrows from the first is kept.
  CHECK(store.head("s/" + ids[0] + "/s.tar.gz.00000"));
  CHECK_FALSE(store.head("s/" + ids[0] + "/s.tar.gz.00001"));
  CHECK(agent::snapshots_of(store, "s") == std::vector<std::string>{ids[1]});
}

TEST_CASE("forget: a backup that commits meanwhile keeps its volumes, or is told of", "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  MemoryStore made;
  const auto ids = three_snapshots(made, folder);
  const std::string key = agent::manifest_key("s", ids[2]);
  const tape::Bytes manifest = made.get(key, 1 << 20);
  made.remove(key);
  const std::size_t volumes = agent::read_manifest(made, "s", ids[1]).volumes.size();
  // It commits in front of the K-th deletion.
  for (std::size_t k = 1; k <= volumes; ++k) {
    INFO(k);
    MemoryStore store;
    for (const auto& [name, bytes] : made.objects())
      store.put(name, bytes, agent::ObjectStore::Put::replace);
    std::size_t stops = 0;
    const Error error = failed([&] {
      agent::forget(store, forgetting({ids[2]}, [&] {
                      // The first of them is in front of all.
                      if (++stops == k + 1)
                        store.put(key, manifest, agent::ObjectStore::Put::if_absent);
                    }));
    });
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(error.hint().find("verify") != std::string::npos);
    CHECK(store.objects().size() == made.objects().size() + 2 - k);
  }
}

namespace {

// The manifest arrives behind the last look in front of a deletion.
class CommittingStore final : public agent::WrappedStore {
 public:
  CommittingStore(MemoryStore& store, std::function<void()> commit)
      : WrappedStore(store), commit_(std::move(commit)) {}
  void remove(const std::string& key) override {
    commit_();
    WrappedStore::remove(key);
  }

 private:
  std::function<void()> commit_;
};

}  // namespace

TEST_CASE("forget: a backup that commits behind the last look is told of", "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  MemoryStore store;
  const auto ids = three_snapshots(store, folder);
  const std::string key = agent::manifest_key("s", ids[2]);
  const tape::Bytes manifest = store.get(key, 1 << 20);
  for (const auto& volume : agent::read_manifest(store, "s", ids[2]).volumes) {
    if (!volume.key.ends_with(".00000")) store.remove("s/" + volume.key);
  }
  store.remove(key);
  CommittingStore committing(store,
                             [&] { store.put(key, manifest, agent::ObjectStore::Put::if_absent); });
  const Error error = failed([&] { agent::forget(committing, forgetting({ids[2]})); });
  CHECK(error.kind() == ErrorKind::usage);
  CHECK(error.hint().find("verify") != std::string::npos);
}

TEST_CASE("forget: the journal of a run goes with what it has sent, and no other", "[fault]") {
  const TemporaryFolder folder;
  fill(folder);
  const agent::BackupOptions options = small_backup(folder);
  MemoryStore store;
  const std::string whole = run(store, folder, options).snapshot;
  write_file(folder / "tree/more", "more");
  Faults faults = Faults::from_call(20, Error(ErrorKind::transient, "planted failure"));
  FaultyStore faulty(store, faults, Lost::request, true);
  REQUIRE(tape::failure_of([&] { run(faulty, folder, options); }));
  const auto unfinished = agent::unfinished_in(store, "s");
  REQUIRE(unfinished.size() == 1);
  const auto forget_here = [&](const std::string& id) {
    const auto set = agent::SetFolder::lock(folder / "state", "memory:", "s");
    REQUIRE(set);
    agent::ForgetOptions forgetting_here = forgetting({id});
    forgetting_here.folder = &*set;
    agent::forget(store, forgetting_here);
    return std::filesystem::exists(set->journal());
  };
  CHECK(forget_here(whole));
  CHECK_FALSE(forget_here(unfinished.front()));
  const agent::BackupSummary next = run(store, folder, options);
  CHECK_FALSE(next.bytes_resumed_at);
  is_whole(store);
}
