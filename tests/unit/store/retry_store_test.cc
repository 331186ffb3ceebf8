#include "store/retry_store.h"

#include <algorithm>
#include <barrier>

#include "conformance/object_store.h"
#include "net/http_error.h"
#include "store/file_store.h"
#include "support/fake_clock.h"
#include "support/memory_store.h"
#include "support/scripted_store.h"
#include "support/temporary_folder.h"

using namespace agent;
using namespace test;
using namespace std::chrono_literals;
using tape::Error;
using tape::ErrorKind;
using tape::failed;
using tape::says;

namespace {

const Error kReset(ErrorKind::transient, "PUT http://127.0.0.1:1/x: connection reset");
const Error kNotFound(ErrorKind::not_found, "no such upload");
const Error kDenied(ErrorKind::denied, "not for you");

HttpError throttled(std::optional<std::chrono::seconds> after = {}) {
  HttpError error(HttpFailure::throttled, "503 SlowDown");
  error.set_retry_after(after);
  return error;
}

// A store that has answered once.
struct Retried {
  explicit Retried(const RetryOptions& options = {}) : store(scripted, clock, options) {
    memory.put("there", tape::as_bytes("hello"), ObjectStore::Put::replace);
    store.head("there");
    scripted.calls();
  }
  MemoryStore memory;
  ScriptedStore scripted{memory};
  FakeClock clock;
  RetryStore store;
};

using Calls = std::vector<std::string>;

// A third of all calls fails before the store is reached, a third of the others' answers is lost.
struct Unreliable {
  Unreliable(ObjectStore& store, std::uint64_t seed)
      : requests(tape::Faults::by_seed(seed, 1.0 / 3, kReset)),
        answers(tape::Faults::by_seed(seed + 1000, 1.0 / 3, kReset)),
        lost_requests(store, requests, Lost::request),
        lost_answers(lost_requests, answers, Lost::answer) {
    options.first_attempts_max = options.attempts_max;
    options.seed = seed;
  }
  std::unique_ptr<ObjectStore> retried() {
    return std::make_unique<RetryStore>(lost_answers, clock, options);
  }
  tape::Faults requests;
  tape::Faults answers;
  FaultyStore lost_requests;
  FaultyStore lost_answers;
  FakeClock clock;
  RetryOptions options;
};

}  // namespace

TEST_CASE("retry_store: conforms when calls fail before and after, in memory", "[retry]") {
  const std::uint64_t seed = GENERATE(1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U);
  INFO("seed " << seed);
  MemoryStore memory;
  Unreliable unreliable(memory, seed);
  conforms([&] { return unreliable.retried(); }, 1000);
  CHECK(unreliable.requests.calls() > 0);
}

TEST_CASE("retry_store: conforms when calls fail before and after, in a directory", "[retry]") {
  const std::uint64_t seed = GENERATE(11U, 12U, 13U, 14U);
  INFO("seed " << seed);
  const TemporaryFolder folder;
  bool made = false;
  const auto files = create_file_store(folder / "store", made);
  Unreliable unreliable(*files, seed);
  conforms([&] { return unreliable.retried(); }, 1000);
}

TEST_CASE("retry_store: only what failed in passing is tried again", "[retry]") {
  for (const ErrorKind kind :
       {ErrorKind::corrupt, ErrorKind::source_changed, ErrorKind::object_changed,
        ErrorKind::not_found, ErrorKind::denied, ErrorKind::exhausted, ErrorKind::unsupported,
        ErrorKind::canceled, ErrorKind::usage, ErrorKind::io}) {
    Retried made;
    made.scripted.next({fails_with(Error(kind, "planted failure", "a hint"))});
    const Error error = failed([&] { made.store.head("there"); });
    CHECK(error.kind() == kind);
    CHECK(std::string(error.what()) == "planted failure");
    CHECK(error.hint() == "a hint");
    CHECK(made.scripted.calls().size() == 1);
    CHECK(made.clock.sleeps().empty());
  }
  Retried made;
  made.scripted.next(5, fails_with(kReset));
  CHECK(made.store.head("there"));
  CHECK(made.scripted.calls() == Calls(6, "head"));
  CHECK(made.clock.sleeps().size() == 5);
}

TEST_CASE("retry_store: waits are uniform from nothing to a bound that doubles to 30 s",
          "[retry]") {
  const Clock::Duration bounds[] = {500ms, 1s, 2s, 4s, 8s, 16s, 30s, 30s, 30s};
  constexpr std::size_t kRuns = 200;
  std::vector<Clock::Duration> sums(std::size(bounds));
  for (std::uint64_t seed = 0; seed < kRuns; ++seed) {
    Retried made({.seed = seed});
    made.scripted.next(std::size(bounds), fails_with(kReset));
    made.store.head("there");
    const auto sleeps = made.clock.sleeps();
    REQUIRE(sleeps.size() == std::size(bounds));
    for (std::size_t i = 0; i < sleeps.size(); ++i) {
      CHECK(sleeps[i] >= 0ms);
      CHECK(sleeps[i] <= bounds[i]);
      sums[i] += sleeps[i];
    }
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double mean = static_cast<double>(sums[i].count()) / kRuns;
    const auto bound = static_cast<double>(bounds[i].count());
    CHECK(mean > 0.4 * bound);
    CHECK(mean < 0.6 * bound);
  }
}

TEST_CASE("retry_store: equal seeds wait equally, others do not", "[retry]") {
  const auto waits = [](std::uint64_t seed) {
    Retried made({.seed = seed});
    made.scripted.next(5, fails_with(kReset));
    made.store.head("there");
    return made.clock.sleeps();
  };
  CHECK(waits(1) == waits(1));
  CHECK(waits(1) != waits(2));
}

TEST_CASE("retry_store: what a server asks for is waited, with jitter on top, up to 120 s",
          "[retry]") {
  struct Row {
    std::chrono::seconds asked;
    Clock::Duration least;
  };
  for (const Row& row : {Row{7s, 7s}, Row{120s, 120s}, Row{121s, 120s}, Row{86'400s, 120s}}) {
    std::vector<Clock::Duration> waits;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      Retried made({.seed = seed});
      made.scripted.next({fails_with(throttled(row.asked))});
      made.store.head("there");
      REQUIRE(made.clock.sleeps().size() == 1);
      waits.push_back(made.clock.sleeps()[0]);
      CHECK(waits.back() >= row.least);
      CHECK(waits.back() <= row.least + 500ms);
    }
    CHECK(std::count(waits.begin(), waits.end(), waits[0]) < 20);
  }
}

TEST_CASE("retry_store: after 15 minutes it gives up, and says how often it was tried", "[retry]") {
  Retried made;
  made.scripted.next(1000, fails_with(throttled(120s)));
  made.clock.advance(48h);  // only what was behind the first failure counts
  const auto begin = made.clock.elapsed();
  const Error error = failed([&] { made.store.head("there"); });
  CHECK(error.kind() == ErrorKind::transient);
  CHECK(made.clock.elapsed() - begin > 12min);
  CHECK(made.clock.elapsed() - begin <= 15min);
  const std::size_t tries = made.scripted.calls().size();
  CHECK(tries == made.clock.sleeps().size() + 1);
  CHECK(says(error, "503 SlowDown; tried " + std::to_string(tries) + " times in 1"));
  CHECK(says(error, " min "));
  CHECK(error.hint().find("the same command") != std::string::npos);
}

TEST_CASE("retry_store: a call is tried so often and no more", "[retry]") {
  Retried made({.deadline = 1000h, .attempts_max = 7});
  made.scripted.next(1000, fails_with(Error(ErrorKind::transient, "reset", "a hint of its own")));
  const Error error = failed([&] { made.store.head("there"); });
  CHECK(made.scripted.calls().size() == 7);
  CHECK(made.clock.sleeps().size() == 6);
  CHECK(says(error, "reset; tried 7 times in "));
  CHECK(error.hint() == "a hint of its own");
  // The next call has its own.
  made.scripted.next(6, fails_with(kReset));
  CHECK(made.store.head("there"));
}

TEST_CASE("retry_store: a store that never answered is given up in seconds", "[retry]") {
  MemoryStore memory;
  ScriptedStore scripted(memory);
  FakeClock clock;
  RetryStore store(scripted, clock, {});
  const HttpFailure kinds[] = {HttpFailure::connection, HttpFailure::time_out, HttpFailure::server,
                               HttpFailure::garbled};
  for (const HttpFailure kind : kinds) {
    scripted.next(4, fails_with(HttpError(kind, "http://nowhere: not reached")));
    const auto begin = clock.elapsed();
    const Error error = failed([&] { store.head("k"); });
    CHECK(error.kind() == ErrorKind::transient);
    CHECK(says(error, "http://nowhere: not reached; tried 4 times in "));
    CHECK(error.hint().find("host") != std::string::npos);
    CHECK(scripted.calls().size() == 4);
    CHECK(clock.elapsed() - begin <= 3500ms);
  }
}

TEST_CASE("retry_store: a store that has answered anything is given its time", "[retry]") {
  const ScriptedStore::Turn answers[] = {
      [](const std::function<void()>& step) { step(); },
      fails_with(HttpError(HttpFailure::not_found, "404")),
      fails_with(throttled()),
  };
  for (const auto& answer : answers) {
    MemoryStore memory;
    ScriptedStore scripted(memory);
    FakeClock clock;
    RetryStore store(scripted, clock, {});
    std::deque<ScriptedStore::Turn> turns(10, fails_with(kReset));
    turns.push_front(answer);
    scripted.next(turns);
    for (int i = 0; i < 2; ++i)
      static_cast<void>(tape::failure_of([&] { store.head("k"); }));
    CHECK(clock.sleeps().size() >= 10);
  }
}

TEST_CASE("retry_store: a call that is stopped while it waits is stopped at once", "[retry]") {
  MemoryStore memory;
  ScriptedStore scripted(memory);
  FakeClock clock([] { throw Error(ErrorKind::canceled, "stopped"); });
  RetryStore store(scripted, clock, {});
  scripted.next(10, fails_with(kReset));
  const Error error = failed([&] { store.head("k"); });
  CHECK(error.kind() == ErrorKind::canceled);
  CHECK(std::string(error.what()) == "stopped");
  CHECK(scripted.calls().size() == 1);
}

TEST_CASE("retry_store: a put whose answer was lost is known by its bytes", "[retry]") {
  struct Row {
    const char* why;
    std::string found;
    bool ours;
  };
  for (const Row& row : {Row{"the same", "hello", true}, Row{"other bytes", "jello", false},
                         Row{"another size", "hello!", false}}) {
    INFO(row.why);
    Retried made;
    made.memory.put("k", tape::as_bytes(row.found), ObjectStore::Put::replace);
    made.scripted.next({fails_with(kReset)});
    const auto put = made.store.put("k", tape::as_bytes("hello"), ObjectStore::Put::if_absent);
    CHECK(put.has_value() == row.ours);
    if (put) CHECK((put->key == "k" && put->size == 5));
    CHECK(content(made.memory, "k") == row.found);
  }
}

TEST_CASE("retry_store: a key that was taken at once is somebody's, whatever is there", "[retry]") {
  Retried made;
  CHECK_FALSE(made.store.put("there", tape::as_bytes("hello"), ObjectStore::Put::if_absent));
  CHECK(made.scripted.calls() == Calls{"put"});
}

TEST_CASE("retry_store: what took the key and went meanwhile was somebody's", "[retry]") {
  for (const ErrorKind kind : {ErrorKind::not_found, ErrorKind::object_changed}) {
    Retried made;
    made.scripted.next({fails_with(kReset), {}, {}, fails_with(Error(kind, "gone"))});
    CHECK_FALSE(made.store.put("there", tape::as_bytes("hello"), ObjectStore::Put::if_absent));
    CHECK(made.scripted.calls() == Calls{"put", "put", "head", "open_known"});
  }
  Retried made;
  made.scripted.next({fails_with(kReset), {}, {}, fails_with(kDenied)});
  CHECK(failed([&] {
          made.store.put("there", tape::as_bytes("hello"), ObjectStore::Put::if_absent);
        }).kind() == ErrorKind::denied);
}

TEST_CASE("retry_store: a completion whose answer was lost is known by what the object is made of",
          "[retry]") {
  Retried made;
  const std::string upload = made.store.begin_upload("k");
  const std::vector<PartInfo> parts = {send_part(made.store, "k", upload, 1, 0, bytes_of("abc")),
                                       send_part(made.store, "k", upload, 2, 3, bytes_of("de"))};
  made.scripted.next({loses_answer(kReset)});
  const ObjectInfo done = made.store.complete_upload("k", upload, parts);
  CHECK(done.key == "k");
  CHECK(done.size == 5);
  // Another one of the same size is not it.
  made.memory.put("k", tape::as_bytes("zeros"), ObjectStore::Put::replace);
  made.scripted.next({fails_with(kReset)});
  CHECK(failed([&] { made.store.complete_upload("k", upload, parts); }).kind() ==
        ErrorKind::not_found);
}

TEST_CASE("retry_store: what is gone when it is removed again was removed", "[retry]") {
  const std::function<void(RetryStore&)> calls[] = {
      [](RetryStore& store) { store.remove("k"); },
      [](RetryStore& store) { store.remove_all({"k"}); },
      [](RetryStore& store) { store.abort_upload("k", "u"); },
  };
  for (const auto& call : calls) {
    Retried made;
    made.scripted.next({fails_with(kReset), fails_with(kNotFound)});
    call(made.store);
    // No bucket, say.
    made.scripted.next({fails_with(kNotFound)});
    CHECK(failed([&] { call(made.store); }).kind() == ErrorKind::not_found);
    made.scripted.next({fails_with(kReset), fails_with(kDenied)});
    CHECK(failed([&] { call(made.store); }).kind() == ErrorKind::denied);
  }
}

TEST_CASE("retry_store: reads of what was opened are tried again", "[retry]") {
  Retried made;
  const auto source = made.store.open("there");
  const auto known = made.store.open_known(*made.store.head("there"));
  for (const auto* reader : {source.get(), known.get()}) {
    made.scripted.next({fails_with(kReset), loses_answer(kReset)});
    tape::Bytes bytes(3);
    reader->read_at(tape::GzOffset(1), bytes);
    CHECK(tape::as_text(bytes) == "ell");
  }
}

namespace {

// Fails behind so many objects of each list, more with each.
class CutLists final : public WrappedStore {
 public:
  CutLists(ObjectStore& store, std::size_t step, FakeClock& clock)
      : WrappedStore(store), step_(step), clock_(clock) {}
  void list(const std::string& prefix,
            const std::function<void(const ObjectInfo&)>& visit) override {
    ++lists;
    std::size_t left = lists * step_;
    WrappedStore::list(prefix, [&](const ObjectInfo& object) {
      clock_.advance(takes);
      if (left-- == 0) throw Error(kReset);
      visit(object);
    });
  }
  std::size_t lists = 0;
  Clock::Duration takes{0};

 private:
  const std::size_t step_;
  FakeClock& clock_;
};

}  // namespace

TEST_CASE("retry_store: a list that is cut anywhere visits each object once", "[retry]") {
  MemoryStore memory;
  std::vector<std::string> keys;
  for (int i = 0; i < 20; ++i) {
    keys.push_back("l/" + std::to_string(100 + i));
    memory.put(keys.back(), tape::as_bytes("x"), ObjectStore::Put::replace);
  }
  for (std::size_t step = 1; step <= 20; ++step) {
    FakeClock clock;
    CutLists cut(memory, step, clock);
    RetryStore store(cut, clock, {});
    store.head("k");
    CHECK(keys_in(store, "l/") == keys);
    CHECK(cut.lists == (keys.size() + step - 1) / step);
  }
}

TEST_CASE("retry_store: a list that comes further has its time anew", "[retry]") {
  MemoryStore memory;
  for (int i = 0; i < 20; ++i)
    memory.put("l/" + std::to_string(100 + i), tape::as_bytes("x"), ObjectStore::Put::replace);
  FakeClock clock;
  CutLists cut(memory, 1, clock);
  cut.takes = 1min;
  RetryStore store(cut, clock, {.attempts_max = 3});
  store.head("k");
  CHECK(keys_in(store, "l/").size() == 20);
  CHECK(clock.elapsed() > 3h);
}

TEST_CASE("retry_store: what a visitor throws is not tried again", "[retry]") {
  for (const ErrorKind kind : {ErrorKind::transient, ErrorKind::canceled}) {
    Retried made;
    int visits = 0;
    const Error error = failed([&] {
      made.store.list("", [&](const ObjectInfo&) {
        ++visits;
        throw Error(kind, "the visitor's");
      });
    });
    CHECK(error.kind() == kind);
    CHECK(std::string(error.what()) == "the visitor's");
    CHECK(visits == 1);
    CHECK(made.clock.sleeps().empty());
  }
}

TEST_CASE("retry_store: attempts behind the first are counted, and parts while they go",
          "[retry]") {
  TransferCounts counts;
  Retried made({.counts = &counts});
  const std::string upload = made.store.begin_upload("k");
  std::vector<std::uint64_t> in_flight;
  const auto look = [&](const std::function<void()>& step) {
    in_flight.push_back(counts.in_flight);
    step();
    throw Error(kReset);
  };
  made.scripted.next(3, look);
  send_part(made.store, "k", upload, 1, 0, bytes_of("part"));
  CHECK(in_flight == std::vector<std::uint64_t>{1, 1, 1});
  CHECK(counts.in_flight == 0);
  CHECK(counts.retries == 3);
  made.scripted.next({fails_with(kDenied)});
  failed([&] { send_part(made.store, "k", upload, 1, 0, bytes_of("part")); });
  CHECK(counts.in_flight == 0);
  CHECK(counts.retries == 3);
}

namespace {

// The first `count` parts arrive together, and are told to slow down, or that they failed.
class Throttling final : public WrappedStore {
 public:
  Throttling(ObjectStore& store, std::ptrdiff_t count, HttpFailure failure)
      : WrappedStore(store), together_(count), left_(count), failure_(failure) {}
  PartInfo put_part(const std::string& key,
                    const std::string& upload,
                    const UploadedPart& part) override {
    if (left_-- > 0) {
      together_.arrive_and_wait();
      throw HttpError(failure_, "planted failure");
    }
    const int now = ++now_;
    for (int before = most; now > before && !most.compare_exchange_weak(before, now);) {
    }
    for (int i = 0; i < 2000; ++i)
      std::this_thread::yield();
    --now_;
    return WrappedStore::put_part(key, upload, part);
  }
  std::atomic<int> most = 0;  // at once, of those that went through

 private:
  std::barrier<> together_;
  std::atomic<std::ptrdiff_t> left_;
  const HttpFailure failure_;
  std::atomic<int> now_ = 0;
};

struct Upload {
  explicit Upload(std::uint32_t count, HttpFailure failure)
      : throttling(memory, static_cast<std::ptrdiff_t>(count), failure) {
    send_at_once(count);
  }
  void send_at_once(std::uint32_t count) {
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 1; i <= count; ++i)
      threads.emplace_back([this, i] { send_part(store, "k", upload, i, i, bytes_of("p")); });
  }
  MemoryStore memory;
  Throttling throttling;
  FakeClock clock;
  RetryStore store{throttling, clock, {}};
  std::string upload = store.begin_upload("k");
};

}  // namespace

TEST_CASE("retry_store: told to slow down, it sends half as many parts at once", "[retry]") {
  for (int run = 0; run < 10; ++run) {
    Upload made(8, HttpFailure::throttled);
    CHECK(made.throttling.most <= 4);
    CHECK(made.memory.list_parts("k", made.upload).size() == 8);
  }
  int most = 0;
  for (int run = 0; run < 50 && most <= 4; ++run)
    most = std::max(most, Upload(8, HttpFailure::connection).throttling.most.load());
  CHECK(most > 4);
}

TEST_CASE("retry_store: parts that arrive let one more go at once", "[retry]") {
  Upload made(2, HttpFailure::throttled);
  CHECK(made.throttling.most == 1);
  for (std::uint32_t i = 2; i < kPartsToGrow; ++i)
    made.send_at_once(1);
  for (int run = 0; run < 50 && made.throttling.most == 1; ++run)
    made.send_at_once(2);
  CHECK(made.throttling.most == 2);
}
