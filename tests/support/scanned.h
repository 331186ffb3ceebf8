// A tree in memory becomes a catalog, and a catalog bytes.
#pragma once
#include <algorithm>
#include <filesystem>
#include <memory>

#include "support/memory_tree.h"
#include "tape/catalog.h"
#include "tape/files.h"
#include "tape/scan.h"
#include "tape/tape_stream.h"

namespace tape {

// SQLite wants a file: it has no name any more when this returns.
inline std::unique_ptr<Catalog> scanned(SourceTree& tree, ScanOptions options = {}) {
  options.root = "/memory/r";
  if (options.single_file.empty() && options.prefix.empty()) options.prefix = "r";
  return scan(tree, {temporary_name(std::filesystem::temp_directory_path()), ""}, options);
}

// The rest of the tape, read `piece` bytes at a time.
inline Bytes rest_of(TapeStream& stream, std::size_t piece = 1 << 16) {
  Bytes out;
  Bytes buffer(piece);
  while (const std::size_t n = stream.read(buffer))
    out.insert(out.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(n));
  return out;
}

inline Bytes played(Catalog& catalog, SourceTree& tree, std::size_t piece = 1 << 16) {
  TapeStream stream(catalog, tree, nullptr);
  return rest_of(stream, piece);
}

}  // namespace tape
