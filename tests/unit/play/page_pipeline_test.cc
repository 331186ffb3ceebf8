#include "play/page_pipeline.h"

#include <chrono>
#include <random>
#include <thread>

#include "support/expect.h"
#include "support/hand_made.h"
#include "support/memory_io.h"
#include "support/samples.h"
#include "tape/ragzip_writer.h"

using namespace tape;

namespace {

// zlib, and a nap of up to 300 microseconds.
class SleepyDeflater final : public Deflater {
 public:
  explicit SleepyDeflater(std::uint64_t seed) : random_(seed) {}
  void deflate(ByteView in, Bytes& out) override {
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % 300));
    engine_->deflate(in, out);
  }
  std::size_t bound(std::size_t size) override { return engine_->bound(size); }

 private:
  std::mt19937_64 random_;
  std::unique_ptr<Deflater> engine_ = make_zlib_deflater(1);
};

class BrokenDeflater final : public Deflater {
 public:
  void deflate(ByteView, Bytes&) override { throw Error(ErrorKind::exhausted, "planted"); }
  std::size_t bound(std::size_t size) override { return size; }
};

Bytes written(const Bytes& bytes, int workers, std::uint64_t seed) {
  MemorySink sink;
  RagzipOptions options = small_geometry();
  options.workers = workers;
  std::uint64_t next = seed;
  RagzipWriter writer(sink, options, nullptr,
                      [&] { return std::make_unique<SleepyDeflater>(next++); });
  for (std::size_t at = 0; at < bytes.size(); at += 700)
    writer.write(ByteView(bytes).subspan(at, std::min<std::size_t>(700, bytes.size() - at)));
  writer.finish_pages();
  writer.finish();
  return sink.bytes;
}

}  // namespace

TEST_CASE("page_pipeline: any number of workers, however slow, gives the bytes of none",
          "[page_pipeline]") {
  Bytes bytes = mixed_bytes(20 * 512 + 100);
  std::fill(bytes.begin() + 2048, bytes.begin() + 4096, 0);
  const Bytes expected = written(bytes, 0, 0);
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    for (const int workers : {1, 2, 7})
      REQUIRE(written(bytes, workers, seed) == expected);
  }
}

TEST_CASE("page_pipeline: a worker's failure comes out of the writer", "[page_pipeline]") {
  for (const int workers : {0, 2}) {
    MemorySink sink;
    RagzipOptions options = small_geometry();
    options.workers = workers;
    RagzipWriter writer(sink, options, nullptr, [] { return std::make_unique<BrokenDeflater>(); });
    const auto failure = failure_of([&] {
      writer.write(mixed_bytes(512 * 50));
      writer.finish_pages();
    });
    REQUIRE(failure);
    CHECK(failure->kind() == ErrorKind::exhausted);
    CHECK(sink.bytes.empty());
  }
}

TEST_CASE("ordered_workers: jobs that were not begun go with the object", "[page_pipeline]") {
  std::atomic<int> done = 0;
  {
    OrderedWorkers<int> workers(2, 50, [&] {
      return [&](int&) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        ++done;
      };
    });
    for (int i = 0; i < 50; ++i)
      workers.submit(i);
    CHECK(workers.full());
  }
  CHECK(done < 50);
}
