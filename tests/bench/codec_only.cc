// codec_only deflate|inflate ENGINE LEVEL PAGE_SIZE FILE [ROUNDS]: what the codec alone takes for
// the pages of FILE: from memory, in one thread. The rest of encode and decode is measured by it.
//
// Prints the medians of ROUNDS (5) rounds: "codec S cpu S crc32 S cpu S deflated
// BYTES", S being seconds; cpu those of the processor.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "codec/deflate.h"

namespace {

using tape::Bytes;
using tape::ByteView;

struct Taken {
  double seconds = 0;
  double cpu_seconds = 0;  // of the processor
};

class Stopwatch {
 public:
  Taken taken() const {
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin_;
    return {wall.count(), static_cast<double>(std::clock() - cpu_begin_) / CLOCKS_PER_SEC};
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::clock_t cpu_begin_ = std::clock();
};

double median(const std::vector<Taken>& rounds, double Taken::*of) {
  std::vector<double> values;
  values.reserve(rounds.size());
  for (const Taken& round : rounds)
    values.push_back(round.*of);
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void print(const char* what, const std::vector<Taken>& rounds) {
  std::cout << what << " " << median(rounds, &Taken::seconds) << " cpu "
            << median(rounds, &Taken::cpu_seconds) << " ";
}

Bytes file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path);
  Bytes bytes;
  std::vector<char> piece(1 << 20);
  while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0)
    bytes.insert(bytes.end(), piece.begin(), piece.begin() + file.gcount());
  return bytes;
}

std::vector<ByteView> pages_of(ByteView bytes, std::size_t page_size) {
  std::vector<ByteView> pages;
  for (; !bytes.empty(); bytes = bytes.subspan(pages.back().size()))
    pages.push_back(bytes.first(std::min(page_size, bytes.size())));
  return pages;
}

Taken crc32_taken(const std::vector<ByteView>& pages) {
  const Stopwatch watch;
  std::uint32_t all = 0;
  for (const ByteView page : pages)
    all ^= tape::crc32(page);
  const Taken taken = watch.taken();
  // Used, so that it is not left out.
  if (all == 0 && pages.size() == 1 && pages[0].size() > 4) throw std::runtime_error("CRC32 of 0");
  return taken;
}

Taken deflate_taken(tape::Deflater& deflater,
                    const std::vector<ByteView>& pages,
                    std::size_t& size) {
  Bytes out;
  size = 0;
  const Stopwatch watch;
  for (const ByteView page : pages) {
    out.clear();
    deflater.deflate(page, out);
    size += out.size();
  }
  return watch.taken();
}

Taken inflate_taken(tape::Inflater& inflater,
                    const std::vector<ByteView>& pages,
                    const std::vector<Bytes>& deflated,
                    std::size_t page_size) {
  Bytes out(page_size);
  const Stopwatch watch;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const auto result =
        inflater.inflate(deflated[i], tape::MutableBytes(out).first(pages[i].size()));
    if (result.produced != pages[i].size()) throw std::runtime_error("a page came back short");
  }
  return watch.taken();
}

int run(const std::vector<std::string>& words) {
  const auto engine = tape::engine_named(words.at(1));
  if (!engine) throw std::runtime_error("no engine " + words[1]);
  const auto deflater = tape::make_deflater(*engine, std::stoi(words.at(2)));
  const std::size_t page_size = std::stoul(words.at(3));
  const Bytes content = file_bytes(words.at(4));
  const int rounds = words.size() > 5 ? std::stoi(words[5]) : 5;
  const std::vector<ByteView> pages = pages_of(content, page_size);

  std::vector<Bytes> deflated;
  std::size_t size = 0;
  if (words[0] == "inflate")
    for (const ByteView page : pages) {
      deflater->deflate(page, deflated.emplace_back());
      size += deflated.back().size();
    }
  const auto inflater = tape::make_libdeflate_inflater();
  std::vector<Taken> codec;
  std::vector<Taken> crc32;
  for (int round = 0; round < rounds; ++round) {
    codec.push_back(words[0] == "inflate" ? inflate_taken(*inflater, pages, deflated, page_size)
                                          : deflate_taken(*deflater, pages, size));
    crc32.push_back(crc32_taken(pages));
  }
  print("codec", codec);
  print("crc32", crc32);
  std::cout << "deflated " << size << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "codec_only: " << error.what() << "\n";
    return 1;
  }
}
