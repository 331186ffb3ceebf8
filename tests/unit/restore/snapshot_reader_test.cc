#include "restore/snapshot_reader.h"

#include "support/expect.h"
#include "support/small_backup.h"

using namespace agent;
using namespace test;
using tape::Error;
using tape::ErrorKind;
using tape::failed;
using tape::says;

namespace {

// As when somebody puts another object under a volume's key.
class Replaced final : public WrappedStore {
 public:
  Replaced(ObjectStore& store, std::string when) : WrappedStore(store), when_(std::move(when)) {}

 private:
  void around(const StoreCall& call, const std::function<void()>& step) override {
    if (call.name == when_) throw Error(ErrorKind::object_changed, "s.tar.gz: replaced", "a hint");
    step();
  }
  const std::string when_;
};

}  // namespace

TEST_CASE("snapshot_reader: another object in place of a volume is damage, whenever it is seen") {
  const TemporaryFolder folder;
  fill(folder);
  MemoryStore store;
  run(store, folder, small_backup(folder));
  const auto manifest = read_manifest(store, "s", snapshots_of(store, "s").front());
  for (const char* when : {"open_known", "read_at"}) {
    INFO(when);
    Replaced replaced(store, when);
    const auto archive = open_snapshot(replaced, manifest);
    const Error error = failed([&] { archive->find("tree/empty"); });
    CHECK(error.kind() == ErrorKind::corrupt);
    CHECK(says(error, "s.tar.gz: replaced"));
    CHECK(error.hint() == "a hint");
  }
}
