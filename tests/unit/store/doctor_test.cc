#include "store/doctor.h"

#include <map>

#include "support/catch.h"
#include "support/expect.h"
#include "support/memory_store.h"
#include "tape/error.h"

using agent::Finding;
using tape::ErrorKind;
using test::MemoryStore;

namespace {

std::map<std::string, Finding::Result> findings(agent::ObjectStore& store) {
  std::map<std::string, Finding::Result> out;
  agent::DoctorOptions options;
  options.resume_window = std::chrono::hours(24);
  options.tell = [&](const Finding& finding) { out[finding.about] = finding.result; };
  agent::examine(store, nullptr, options);
  return out;
}

// What one call of another store does instead.
class Sick final : public agent::WrappedStore {
 public:
  Sick(agent::ObjectStore& store, std::string call, ErrorKind kind)
      : WrappedStore(store), call_(std::move(call)), kind_(kind) {}

 private:
  void around(const agent::StoreCall& call, const std::function<void()>& step) override {
    if (call.name == call_) throw tape::Error(kind_, "planted failure");
    step();
  }
  std::string call_;
  ErrorKind kind_;
};

}  // namespace

TEST_CASE("doctor: of a sound store all is good, and nothing stays in it") {
  MemoryStore store;
  store.begun_at = std::numeric_limits<std::int64_t>::max();
  for (const auto& [about, result] : findings(store)) {
    INFO(about);
    CHECK(result == Finding::Result::good);
  }
  CHECK(findings(store).size() == 8);
  CHECK(store.objects().empty());
  CHECK(store.uploads() == 0);
}

TEST_CASE("doctor: uploads that nobody continues are a note") {
  MemoryStore store;
  store.begin_upload("s/20260102T030405Z-0123abcd/s.tar.gz");
  CHECK(findings(store).at("stale uploads") == Finding::Result::note);
}

TEST_CASE("doctor: what fails is bad, what may not be looked at a note, and the rest goes on") {
  struct Case {
    const char* call;
    ErrorKind kind;
    const char* about;
    Finding::Result result;
  };
  for (const Case& c :
       {Case{"get", ErrorKind::io, "read", Finding::Result::bad},
        Case{"get", ErrorKind::denied, "read", Finding::Result::bad},
        Case{"put_part", ErrorKind::io, "multipart uploads", Finding::Result::bad},
        Case{"begin_upload", ErrorKind::denied, "multipart uploads", Finding::Result::bad},
        Case{"abort_upload", ErrorKind::denied, "multipart uploads", Finding::Result::note},
        Case{"list_uploads", ErrorKind::denied, "stale uploads", Finding::Result::note},
        Case{"remove", ErrorKind::denied, "delete", Finding::Result::note}}) {
    INFO(c.call);
    MemoryStore store;
    Sick sick(store, c.call, c.kind);
    const auto found = findings(sick);
    CHECK(found.at(c.about) == c.result);
    CHECK(found.contains("delete"));
  }
}

TEST_CASE("doctor: what keeps everything from being looked at is a failure") {
  MemoryStore store;
  Sick listed(store, "folders", ErrorKind::denied);
  CHECK(tape::failed([&] { findings(listed); }).kind() == ErrorKind::denied);
  Sick gone(store, "head", ErrorKind::transient);
  CHECK(tape::failed([&] { findings(gone); }).kind() == ErrorKind::transient);
}
