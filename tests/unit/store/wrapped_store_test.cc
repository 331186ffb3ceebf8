#include "store/wrapped_store.h"

#include "conformance/object_store.h"
#include "support/memory_store.h"

using namespace agent;
using namespace test;

namespace {

struct Recorded {
  std::string name;
  tape::ByteCount sent;
  tape::ByteCount asked;
  bool operator==(const Recorded&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Recorded& call) {
  return out << call.name << " " << call.sent << " " << call.asked;
}

class Recording final : public WrappedStore {
 public:
  using WrappedStore::WrappedStore;
  std::vector<Recorded> calls;

 private:
  void around(const StoreCall& call, const std::function<void()>& step) override {
    calls.push_back({call.name, call.sent, call.asked});
    step();
  }
};

class Limited final : public WrappedStore {
 public:
  using WrappedStore::WrappedStore;
  std::string name() const override { return "a name"; }
  std::string identity() const override { return "an identity"; }
  std::uint32_t part_count_max() const override { return 7; }
  tape::ByteCount part_size_min() const override { return 5; }
};

}  // namespace

TEST_CASE("wrapped_store: every call goes through the hook, once") {
  MemoryStore memory;
  Recording store(memory);
  store.put("a/b", tape::as_bytes("hello"), ObjectStore::Put::replace);
  const std::string upload = store.begin_upload("a/c");
  const PartInfo part = send_part(store, "a/c", upload, 1, 0, bytes_of("part"));
  CHECK(store.list_parts("a/c", upload).size() == 1);
  CHECK(store.complete_upload("a/c", upload, {part}).size == 4);
  store.abort_upload("a/c", upload);
  store.abort_uploads("a/");
  CHECK(store.list_uploads("a/").empty());
  CHECK(store.head("a/b"));
  const auto source = store.open("a/b");
  const auto known = store.open_known(*store.head("a/b"));
  CHECK(tape::as_text(store.get("a/b", 5)) == "hello");
  CHECK(keys_in(store, "a/").size() == 2);
  CHECK(store.folders("") == std::vector<std::string>{"a"});
  tape::Bytes bytes(3);
  source->read_at(tape::GzOffset(1), bytes);
  CHECK(tape::as_text(bytes) == "ell");
  known->read_at(tape::GzOffset(0), bytes);
  store.remove("a/b");
  store.remove_all({"a/c"});
  CHECK(memory.objects().empty());
  CHECK(store.calls == std::vector<Recorded>{
                           {"put", 5, 0},
                           {"begin_upload", 0, 0},
                           {"put_part", 4, 0},
                           {"list_parts", 0, 0},
                           {"complete_upload", 0, 0},
                           {"abort_upload", 0, 0},
                           {"abort_uploads", 0, 0},
                           {"list_uploads", 0, 0},
                           {"head", 0, 0},
                           {"open", 0, 0},
                           {"head", 0, 0},
                           {"open_known", 0, 0},
                           {"get", 0, 0},
                           {"list", 0, 0},
                           {"folders", 0, 0},
                           {"read_at", 0, 3},
                           {"read_at", 0, 3},
                           {"remove", 0, 0},
                           {"remove_all", 0, 0},
                       });
}

TEST_CASE("wrapped_store: names, limits and sizes are those of the store inside") {
  MemoryStore memory;
  Limited limited(memory);
  Recording store(limited);
  CHECK(store.name() == "a name");
  CHECK(store.identity() == "an identity");
  CHECK(store.part_count_max() == 7);
  CHECK(store.part_size_min() == 5);
  store.put("k", tape::as_bytes("hello"), ObjectStore::Put::replace);
  const auto source = store.open("k");
  CHECK(source->size() == 5);
  CHECK(source->name() == memory.open("k")->name());
  CHECK(store.calls.size() == 2);
}

TEST_CASE("wrapped_store: conforms") {
  MemoryStore memory;
  conforms([&] { return std::make_unique<WrappedStore>(memory); }, 1000);
}
