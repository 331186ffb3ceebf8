// gzidx_vectors FOLDER: reads archives by indexes of indexed_gzip, and makes these indexes again,
// byte for byte. 0 when all is as manifest.json says, 77 without the folder.
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "support/memory_io.h"
#include "tape/digest.h"
#include "tape/error.h"
#include "tape/gzip_index.h"

namespace {

using nlohmann::json;
using tape::Bytes;

Bytes file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  return {text.begin(), text.end()};
}

void check(bool right, const std::string& what) {
  if (!right) throw std::runtime_error(what);
}

tape::ByteReader reader_of(const Bytes& bytes) {
  return [&bytes, at = std::size_t{0}](tape::MutableBytes out) mutable {
    const std::size_t n = std::min(out.size(), bytes.size() - at);
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), n, out.begin());
    at += n;
    return n;
  };
}

void check_points(const tape::GzipIndex& index, const json& said) {
  const auto& points = index.points();
  // The last one is the end.
  check(points.size() + 1 == said["points"].size(), "another number of points");
  std::size_t window = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const json& point = said["points"][i];
    check(point == json({points[i].compressed.value(), points[i].content, points[i].bits,
                         points[i].has_window ? 1 : 0}),
          "point " + std::to_string(i));
    if (!points[i].has_window) continue;
    const std::string digest = tape::hex(tape::sha256(index.window(i))).substr(0, 16);
    check(digest == said["window_sha256_16"][window++], "window of point " + std::to_string(i));
  }
}

void check_ranges(const tape::RangeSource& archive,
                  const tape::GzipIndex& index,
                  const json& ranges) {
  tape::GzipContentReader reader(archive, index);
  for (const json& range : ranges) {
    Bytes bytes(range[1].get<std::size_t>());
    check(reader.read_at(range[0], bytes) == bytes.size(), "a range is short");
    check(tape::hex(tape::sha256(bytes)) == range[2], "bytes at " + range[0].dump());
  }
}

void check_index(const Bytes& archive,
                 const std::string& path,
                 const json& vector,
                 const json& said) {
  const Bytes index_bytes = file_bytes(path);
  const tape::MemorySource archive_source(archive);
  const tape::MemorySource index_source(index_bytes);
  const tape::GzipIndex index(index_source);
  check_points(index, said);
  check_ranges(archive_source, index, vector["ranges"]);

  tape::MemorySpool windows;
  tape::MemorySink made;
  Bytes content;
  const auto summary = tape::build_gzip_index(
      reader_of(archive),
      [&](tape::ByteView piece) { content.insert(content.end(), piece.begin(), piece.end()); },
      {made, windows.out, windows.in}, {said["spacing"].get<tape::ByteCount>()});
  check(tape::hex(tape::sha256(content)) == vector["uncompressed_sha256"], "the content differs");
  check(summary.content_size == content.size() && summary.compressed_size == archive.size(),
        "sizes of the summary");
  check(made.bytes == index_bytes, "our index of it differs from indexed_gzip's");
}

int run(const std::string& folder) {
  std::ifstream file(folder + "/manifest.json");
  if (!file) {
    std::cout << folder << " is not there\n";
    return 77;
  }
  const json manifest = json::parse(file);
  for (const json& vector : manifest["vectors"]) {
    const std::string name = vector["file"];
    const Bytes archive = file_bytes(folder + "/" + name);
    for (const json& index : vector["indexes"]) {
      tape::within(name, [&] {
        check_index(archive, folder + "/" + index["file"].get<std::string>(), vector, index);
      });
      std::cout << index["file"] << ": read, and made again byte for byte\n";
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    return run(argv[1]);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
