#include "net/http_range_source.h"

#include <atomic>
#include <filesystem>
#include <thread>

#include "store/http_store.h"
#include "support/expect.h"
#include "support/http_server.h"
#include "support/memory_io.h"
#include "support/samples.h"
#include "support/temporary_folder.h"

using namespace agent;
using namespace test;
using tape::ByteCount;
using tape::Bytes;
using tape::Error;
using tape::ErrorKind;
using tape::failed;
using tape::GzOffset;
using tape::GzRange;
using tape::says;

namespace {

constexpr std::size_t kSize = 1'000'000;

const Bytes& content() {
  static const Bytes bytes = tape::mixed_bytes(kSize);
  return bytes;
}

Bytes part(std::uint64_t at, std::size_t size) {
  const auto begin = content().begin() + static_cast<std::ptrdiff_t>(at);
  return {begin, begin + static_cast<std::ptrdiff_t>(size)};
}

// Counts each read; fails when told to.
class Remote final : public tape::RangeSource {
 public:
  tape::ByteCount size() const override { return content().size(); }
  std::string name() const override { return "remote"; }
  void read_at(GzOffset at, tape::MutableBytes out) const override {
    {
      const std::lock_guard lock(mutex);
      reads.push_back({at, out.size()});
      if (failure) throw Error(*failure);
    }
    if (gate) gate();
    std::copy_n(content().begin() + static_cast<std::ptrdiff_t>(at.value()), out.size(),
                out.begin());
  }
  std::uint64_t times_read(std::uint64_t at) const {
    return static_cast<std::uint64_t>(
        std::count_if(reads.begin(), reads.end(),
                      [&](const GzRange& read) { return read.contains(GzOffset(at)); }));
  }

  mutable std::mutex mutex;
  mutable std::vector<GzRange> reads;
  std::optional<Error> failure;
  std::function<void()> gate;
};

RangeOptions plain() {
  RangeOptions options;
  options.prefetch_bytes = 0;
  return options;
}

Bytes read(const tape::RangeSource& source, std::uint64_t at, std::size_t size) {
  Bytes out(size);
  source.read_at(GzOffset(at), out);
  return out;
}

}  // namespace

TEST_CASE("http_range_source: any range is what the object has, with every shape of cache") {
  tape::Random random(3);
  for (const tape::ByteCount block :
       {ByteCount{1}, ByteCount{1000}, ByteCount{8192}, ByteCount{2'000'000}}) {
    for (const tape::ByteCount cache : {ByteCount{0}, ByteCount{20'000}, ByteCount{1} << 26}) {
      const Remote remote;
      RangeOptions options = plain();
      options.block_bytes = block;
      options.cache_bytes = cache;
      options.maximum_range_request_bytes = 50'000;
      options.uncached_above = 300'000;
      const HttpRangeSource source(remote, options);
      for (int i = 0; i < (block == 1 ? 10 : 60); ++i) {
        const std::size_t size = tape::below(random, i % 9 == 0 ? 400'000 : block == 1 ? 50 : 5000);
        const std::uint64_t at = tape::below(random, kSize - size + 1);
        INFO(block << " " << cache << " " << at << " " << size);
        REQUIRE((read(source, at, size) == part(at, size)));
      }
    }
  }
}

TEST_CASE(
    "http_range_source: hctef's defaults: the last MiB comes first, from the begin when so told") {
  const RangeOptions defaults;
  CHECK(defaults.minimum_range_request_bytes == 8192);
  CHECK(defaults.prefetch_bytes == 1'048'576);
  CHECK(defaults.prefetch_direction == RangeOptions::Prefetch::end);
  for (const auto direction : {RangeOptions::Prefetch::end, RangeOptions::Prefetch::start}) {
    const Remote remote;
    RangeOptions options;
    options.prefetch_bytes = 100'000;
    options.prefetch_direction = direction;
    const HttpRangeSource source(remote, options);
    REQUIRE(remote.reads.size() == 1);
    const std::uint64_t at = direction == RangeOptions::Prefetch::end ? kSize - 100'000 : 0;
    CHECK((read(source, at, 100'000) == part(at, 100'000)));
    CHECK(remote.reads.size() == 1);
  }
}

TEST_CASE("http_range_source: what was read once is not asked for again") {
  const Remote remote;
  const HttpRangeSource source(remote, plain());
  for (int i = 0; i < 3; ++i)
    CHECK((read(source, 100'000, 10'000) == part(100'000, 10'000)));
  CHECK(remote.reads.size() == 1);
  const RangeStatistics found = source.statistics();
  CHECK(found.requests == 1);
  CHECK(found.bytes_fetched == remote.reads[0].size);
  CHECK(found.bytes_served == 30'000);
  CHECK(found.misses == 2);
  CHECK(found.hits == 4);
}

TEST_CASE(
    "http_range_source: a request has its least size, and fills gaps that cost less than another") {
  const Remote remote;
  RangeOptions options = plain();
  options.block_bytes = 1000;
  options.minimum_range_request_bytes = 5000;
  options.gap_bytes = 3000;
  const HttpRangeSource source(remote, options);
  read(source, 500'500, 10);
  CHECK(remote.reads.back().size == 5000);
  source.prefetch({{GzOffset(0), 5000}, {GzOffset(8000), 5000}, {GzOffset(20'000), 5000}});
  REQUIRE(remote.reads.size() == 3);
  CHECK(remote.reads[1].size + remote.reads[2].size == 13'000 + 5000);
  // All of it is there, gaps too.
  read(source, 0, 13'000);
  CHECK(remote.reads.size() == 3);
}

TEST_CASE(
    "http_range_source: a long run is split, and its pieces are fetched at a time, so many at "
    "most") {
  Remote remote;
  std::atomic<int> under_way = 0;
  std::atomic<int> most = 0;
  remote.gate = [&] {
    const int now = ++under_way;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    --under_way;
  };
  RangeOptions options = plain();
  options.maximum_range_request_bytes = 100'000;
  options.max_concurrency = 3;
  for (const tape::ByteCount uncached_above : {UINT64_MAX, std::uint64_t{1000}}) {
    options.uncached_above = uncached_above;
    const HttpRangeSource source(remote, options);
    remote.reads.clear();
    most = 0;
    CHECK((read(source, 0, kSize) == content()));
    CHECK(remote.reads.size() >= 10);
    for (const GzRange& one : remote.reads)
      CHECK(one.size <= 106'496);
    CHECK(most <= 3);
    CHECK(most >= 2);
  }
}

TEST_CASE("http_range_source: many readers of one block make one request") {
  Remote remote;
  remote.gate = [] { std::this_thread::sleep_for(std::chrono::milliseconds(30)); };
  const HttpRangeSource source(remote, plain());
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&, t] {
        const auto at = static_cast<std::uint64_t>(200'000 + t * 1000);
        if (read(source, at, 20'000) != part(at, 20'000)) ++wrong;
      });
  }
  CHECK(wrong == 0);
  for (std::uint64_t at = 200'000; at < 227'000; at += 500)
    CHECK(remote.times_read(at) == 1);
}

TEST_CASE(
    "http_range_source: a failure is everybody's who waits, is not kept, and the next read is "
    "right") {
  Remote remote;
  remote.failure = Error(ErrorKind::transient, "reset");
  const HttpRangeSource source(remote, plain());
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        if (tape::failure_of([&] { read(source, 0, 100); })) ++failures;
      });
  }
  CHECK(failures == 4);
  remote.failure.reset();
  CHECK((read(source, 0, 100) == part(0, 100)));
}

TEST_CASE("http_range_source: who has no memory for a read keeps nobody waiting for it") {
  Remote remote;
  RangeOptions options;
  options.prefetch_bytes = 0;
  options.max_concurrency = 1;
  const HttpRangeSource source(remote, options);
  std::atomic<bool> is_in = false;
  std::atomic<bool> may_fail = false;
  remote.gate = [&] {
    is_in = true;
    while (!may_fail)
      std::this_thread::yield();
    throw std::bad_alloc();
  };
  const auto read = [&] {
    Bytes out(100);
    source.read_at(GzOffset(0), out);
  };
  std::atomic<int> ended = 0;
  const auto try_to_read = [&] {
    try {
      if (const auto failure = tape::failure_of(read))
        ended += failure->kind() == ErrorKind::exhausted ? 1 : 0;
    } catch (const std::bad_alloc&) {
      ++ended;
    }
  };
  {
    std::jthread first(try_to_read);
    while (!is_in)
      std::this_thread::yield();
    std::jthread second(try_to_read);
    // It waits for the first one's block by now, or will ask for it itself: both end.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    may_fail = true;
  }
  CHECK(ended == 2);
  remote.gate = nullptr;
  read();
}

TEST_CASE("http_range_source: an object that changed is never mixed with the old one") {
  Remote remote;
  const HttpRangeSource source(remote, plain());
  read(source, 0, 100);
  remote.failure = Error(ErrorKind::object_changed, "replaced");
  CHECK(failed([&] { read(source, 500'000, 100); }).kind() == ErrorKind::object_changed);
  remote.failure.reset();
  // Not even what is cached.
  CHECK(failed([&] { read(source, 0, 100); }).kind() == ErrorKind::object_changed);
  CHECK(failed([&] { source.prefetch({{GzOffset(0), 10}}); }).kind() == ErrorKind::object_changed);
}

TEST_CASE("http_range_source: a read larger than the cache has all of its blocks") {
  const Remote remote;
  RangeOptions options = plain();
  options.block_bytes = 1000;
  options.minimum_range_request_bytes = 1;
  options.cache_bytes = 2000;
  const HttpRangeSource source(remote, options);
  read(source, 2000, 1000);
  CHECK((read(source, 0, 3000) == part(0, 3000)));
  CHECK((read(source, 0, 30'000) == part(0, 30'000)));
}

TEST_CASE("http_range_source: cursors read, seek from three places and tell") {
  const Remote remote;
  const HttpRangeSource source(remote, plain());
  RangeCursor cursor = source.cursor();
  Bytes some(100);
  CHECK(cursor.read(some) == 100);
  CHECK(some == part(0, 100));
  CHECK(cursor.tell() == 100);
  CHECK(cursor.seek(1000) == 1000);
  CHECK(cursor.seek(-100, RangeCursor::Whence::current) == 900);
  CHECK(cursor.seek(-30, RangeCursor::Whence::end) == kSize - 30);
  CHECK(cursor.read(some) == 30);
  CHECK(cursor.read(some) == 0);
  CHECK(cursor.seek(50, RangeCursor::Whence::end) == kSize + 50);
  CHECK(cursor.read(some) == 0);
  CHECK(failed([&] { cursor.seek(-1); }).kind() == ErrorKind::usage);
  CHECK(failed([&] { cursor.seek(INT64_MIN, RangeCursor::Whence::end); }).kind() ==
        ErrorKind::usage);
  cursor.seek(-1000, RangeCursor::Whence::end);
  CHECK(cursor.read_rest() == part(kSize - 1000, 1000));
}

TEST_CASE(
    "http_range_source: clones have positions of their own, and the cache they were told to have") {
  const Remote remote;
  const HttpRangeSource source(remote, plain());
  RangeCursor cursor = source.cursor();
  Bytes some(100);
  cursor.seek(5000);
  RangeCursor shared = cursor.clone();
  CHECK(shared.tell() == 5000);
  shared.read(some);
  CHECK(cursor.tell() == 5000);
  cursor.read(some);
  CHECK(remote.reads.size() == 1);
  RangeCursor separate = shared.clone(RangeCursor::Cache::separate);
  separate.seek(5000);
  separate.read(some);
  separate.seek(5000);
  separate.read(some);
  CHECK(remote.reads.size() == 2);
  RangeCursor none = shared.clone(RangeCursor::Cache::none);
  none.seek(5000);
  CHECK(none.read(some) == 100);
  CHECK(some == part(5000, 100));
  CHECK(remote.reads.size() == 3);
  CHECK(remote.reads.back().size == 100);
}

TEST_CASE("http_range_source: reading in a row reads ahead, further each time; jumping does not") {
  const Remote remote;
  const HttpRangeSource source(remote, plain());
  RangeCursor cursor = source.cursor();
  Bytes some(10'000);
  for (std::size_t at = 0; at < kSize; at += some.size()) {
    CHECK(cursor.read(some) == some.size());
    REQUIRE((some == part(at, some.size())));
  }
  CHECK(remote.reads.size() <= 8);
  remote.reads.clear();
  const HttpRangeSource other(remote, plain());
  RangeCursor jumping = other.cursor();
  for (const std::int64_t at : {900'000, 100'000, 500'000, 300'000}) {
    jumping.seek(at);
    jumping.read(some);
    CHECK(remote.reads.back().size <= 24'576);
  }
  CHECK(remote.reads.size() == 4);
}

TEST_CASE("http_range_source: a read in a thread of its own can be waited for, and canceled") {
  Remote remote;
  const HttpRangeSource source(remote, plain());
  CHECK((source.read_async(GzOffset(10), 500'000).get() == part(10, 500'000)));
  std::stop_source stop;
  stop.request_stop();
  auto canceled = source.read_async(GzOffset(700'000), 1000, stop.get_token());
  CHECK(failed([&] { canceled.get(); }).kind() == ErrorKind::canceled);
  // Nobody waits for it: the future does.
  static_cast<void>(source.read_async(GzOffset(0), 1000));
}

TEST_CASE("http_range_source: blocks on disk serve later runs; damaged ones are fetched again") {
  const TemporaryFolder folder;
  const Remote remote;
  DiskCache disk(folder / "cache", 1 << 26);
  RangeOptions options = plain();
  options.disk = &disk;
  options.disk_name = "remote, version 1";
  CHECK((read(HttpRangeSource(remote, options), 100'000, 50'000) == part(100'000, 50'000)));
  const std::size_t before = remote.reads.size();
  const HttpRangeSource again(remote, options);
  CHECK((read(again, 100'000, 50'000) == part(100'000, 50'000)));
  CHECK(remote.reads.size() == before);
  CHECK(again.statistics().disk_hits == 7);
  CHECK(again.statistics().requests == 0);
  for (const auto& at : std::filesystem::recursive_directory_iterator(folder / "cache"))
    if (at.path().extension() == ".block") write_file(at.path(), "damaged");
  CHECK((read(HttpRangeSource(remote, options), 100'000, 50'000) == part(100'000, 50'000)));
  CHECK(remote.reads.size() > before);
  options.disk_name = "remote, version 2";
  CHECK((read(HttpRangeSource(remote, options), 100'000, 50'000) == part(100'000, 50'000)));
}

TEST_CASE("http_range_source: what looked damaged is not given out again, in later runs neither") {
  const TemporaryFolder folder;
  const Remote remote;
  DiskCache disk(folder / "cache", 1 << 26);
  RangeOptions options = plain();
  options.disk = &disk;
  options.disk_name = "remote";
  const HttpRangeSource source(remote, options);
  read(source, 0, 100);
  source.distrust();
  read(source, 0, 100);
  CHECK(remote.reads.size() == 2);
  source.distrust();
  read(HttpRangeSource(remote, options), 0, 100);
  CHECK(remote.reads.size() == 3);
}

namespace {

// An object behind a server that a test lets misbehave.
struct Served {
  explicit Served(HttpServer::Answer answer)
      : server(std::move(answer)), store(open_http_store(http, server.url("/s"))) {}
  std::unique_ptr<tape::RangeSource> object(const std::string& etag = "") {
    return store->open_known({"a", kSize, etag});
  }
  HttpServer server;
  HttpClient http{HttpOptions{}};
  std::unique_ptr<ObjectStore> store;
};

Reply ranged(const Request& request, const std::string& etag = "\"e\"") {
  const std::string range = request.header("Range").substr(6);
  const std::uint64_t first = std::stoull(range);
  const std::uint64_t last = std::stoull(range.substr(range.find('-') + 1));
  const Bytes bytes = part(first, static_cast<std::size_t>(last - first + 1));
  return {.status = 206,
          .headers = {{"Content-Range", "bytes " + range + "/" + std::to_string(kSize)},
                      {"ETag", etag}},
          .body = tape::as_text(bytes)};
}

}  // namespace

TEST_CASE("http_range_source: over HTTP each request holds on to the object's ETag") {
  Served served([](const Request& request) { return ranged(request); });
  const auto object = served.object();
  const HttpRangeSource source(*object, plain());
  CHECK((read(source, 0, 100) == part(0, 100)));
  CHECK((read(source, 500'000, 100'000) == part(500'000, 100'000)));
  const auto requests = served.server.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[1].header("If-Match") == "\"e\"");
  CHECK(requests[1].header("Accept-Encoding") == "identity");
  tape::ByteCount sent = 0;
  for (const Request& request : requests)
    sent += ranged(request).body.size();
  CHECK(source.statistics().requests == requests.size());
  CHECK(source.statistics().bytes_fetched == sent);
}

TEST_CASE(
    "http_range_source: what servers do wrong is a failure of its kind, and nothing of it is "
    "kept") {
  struct Row {
    const char* what;
    std::function<Reply(const Request&)> answer;
    ErrorKind kind;
  };
  const Row rows[] = {
      {"replaced", [](const Request& r) { return ranged(r, "\"other\""); },
       ErrorKind::object_changed},
      {"412", [](const Request&) { return Reply{.status = 412}; }, ErrorKind::object_changed},
      {"416",
       [](const Request&) {
         return Reply{.status = 416, .headers = {{"Content-Range", "bytes */10"}}};
       },
       ErrorKind::object_changed},
      {"all of it with 200", [](const Request&) { return Reply{.body = tape::as_text(content())}; },
       ErrorKind::unsupported},
      {"another range of equal length",
       [](const Request& r) {
         Reply reply = ranged(r);
         reply.headers[0].second =
             "bytes 1-" + std::to_string(reply.body.size()) + "/" + std::to_string(kSize);
         return reply;
       },
       ErrorKind::object_changed},
      {"cut",
       [](const Request& r) {
         Reply reply = ranged(r);
         reply.content_length = reply.body.size();
         reply.body.resize(reply.body.size() / 2);
         reply.end = Reply::End::close;
         return reply;
       },
       ErrorKind::transient},
      {"503 for a day",
       [](const Request&) {
         return Reply{.status = 503, .headers = {{"Retry-After", "86400"}}};
       },
       ErrorKind::transient},
      {"gone", [](const Request&) { return Reply{.status = 404}; }, ErrorKind::not_found},
      {"denied", [](const Request&) { return Reply{.status = 403}; }, ErrorKind::denied},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    bool wrong = false;
    Served served(
        [&](const Request& request) { return wrong ? row.answer(request) : ranged(request); });
    const auto object = served.object("e");
    const HttpRangeSource source(*object, plain());
    CHECK((read(source, 0, 100) == part(0, 100)));
    wrong = true;
    CHECK(failed([&] { read(source, 300'000, 5000); }).kind() == row.kind);
    wrong = false;
    if (row.kind == ErrorKind::object_changed) continue;
    CHECK((read(source, 300'000, 5000) == part(300'000, 5000)));
    CHECK((read(source, 0, 100) == part(0, 100)));
  }
}

TEST_CASE("http_range_source: a server need not know the total") {
  Served served([](const Request& request) {
    Reply reply = ranged(request);
    const std::string range = reply.headers[0].second;
    reply.headers[0].second = range.substr(0, range.find('/')) + "/*";
    return reply;
  });
  const auto object = served.object("e");
  const HttpRangeSource source(*object, plain());
  CHECK((read(source, 300'000, 5000) == part(300'000, 5000)));
}

TEST_CASE("http_range_source: an empty object asks for nothing") {
  Served served([](const Request&) { return Reply{.status = 416}; });
  const auto object = served.store->open_known({"a", 0, ""});
  const HttpRangeSource source(*object, {});
  CHECK(source.size() == 0);
  Bytes none;
  source.read_at(GzOffset(0), none);
  CHECK(source.cursor().read(none) == 0);
  CHECK(served.server.requests().empty());
}

TEST_CASE("http_range_source: a weak ETag in the place of a strong one is of the same text") {
  for (const bool same : {true, false}) {
    Served served(
        [&](const Request& request) { return ranged(request, same ? "W/\"e\"" : "W/\"other\""); });
    const auto object = served.object("e");
    const HttpRangeSource source(*object, plain());
    if (same) CHECK((read(source, 0, 100) == part(0, 100)));
    if (!same) CHECK(failed([&] { read(source, 0, 100); }).kind() == ErrorKind::object_changed);
  }
}
