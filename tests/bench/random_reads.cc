// random_reads FILE SEED READ_SIZE THREADS CACHE_BYTES SECONDS: reads of READ_SIZE bytes at random
// places of a ragzip file, for SECONDS, by THREADS threads that share one RagzipFile.
//
// Prints "reads COUNT seconds SECONDS check SUM": SUM is of the CRC32s of the first kChecked reads
// of the first thread, for a comparison with what other programs read. Places come from splitmix64,
// thread t beginning at SEED + t.
#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "codec/deflate.h"
#include "tape/files.h"
#include "tape/ordered_workers.h"
#include "tape/ragzip_file.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kChecked = 16;

struct Job {
  std::uint64_t state = 0;  // of splitmix64
  std::uint64_t reads = 0;
  std::uint64_t check = 0;
};

std::uint64_t next(std::uint64_t& state) {
  std::uint64_t z = state += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

void read_until(Job& job,
                const tape::RagzipFile& file,
                std::size_t read_size,
                Clock::time_point end) {
  tape::Bytes out(read_size);
  const tape::ByteCount places = file.geometry().logical_size - read_size + 1;
  while (job.reads < kChecked || Clock::now() < end) {
    if (file.read_at(tape::LogicalOffset(next(job.state) % places), out) != read_size)
      throw std::runtime_error("a short read");
    if (job.reads < kChecked) job.check += tape::crc32(out);
    ++job.reads;
  }
}

int run(const std::vector<std::string>& words) {
  const auto source = tape::open_file_source(words.at(0));
  const std::uint64_t seed = std::stoull(words.at(1));
  const std::size_t read_size = std::stoul(words.at(2));
  const std::size_t threads = std::stoul(words.at(3));
  tape::RagzipFileOptions options;
  options.page_cache_bytes = std::stoull(words.at(4));
  const std::chrono::duration<double> span(std::stod(words.at(5)));
  const tape::RagzipFile file(*source, options);
  if (file.geometry().logical_size < read_size) throw std::runtime_error("the file is too small");

  const Clock::time_point begin = Clock::now();
  const Clock::time_point end = begin + std::chrono::duration_cast<Clock::duration>(span);
  tape::OrderedWorkers<Job> workers(threads, threads, [&file, read_size, end] {
    return [&file, read_size, end](Job& job) { read_until(job, file, read_size, end); };
  });
  for (std::size_t t = 0; t < threads; ++t)
    workers.submit({seed + t, 0, 0});
  std::uint64_t reads = 0;
  std::uint64_t check = 0;
  for (std::size_t t = 0; t < threads; ++t) {
    const Job job = workers.take();
    reads += job.reads;
    if (t == 0) check = job.check;
  }
  const std::chrono::duration<double> taken = Clock::now() - begin;
  std::cout << "reads " << reads << " seconds " << taken.count() << " check " << check << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "random_reads: " << error.what() << "\n";
    return 1;
  }
}
