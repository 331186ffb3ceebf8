// stream_a_folder DIR TAPE [OFFSET]: the tar stream of a folder on standard output, from any byte.
//
// The tape is made when it is not there. A transfer that broke goes on with the number of bytes
// that the other side has: no file in front of it is read again.
#include <cstdlib>
#include <iostream>

#include <tape/error.h>
#include <tape/files.h>
#include <tape/scan.h>
#include <tape/tape_stream.h>

namespace {

std::unique_ptr<tape::Catalog> recorded(tape::OpenedTree& source, const std::string& path) {
  if (tape::identity_of(path)) return tape::Catalog::open(path);
  tape::ScanOptions options;
  options.root = source.root;
  options.prefix = tape::default_prefix(source.root, false);
  const tape::CatalogPlace place{tape::temporary_name(tape::folder_of(path)), path};
  return tape::scan(*source.tree, place, options);
}

void stream(const std::string& folder, const std::string& path, std::uint64_t offset) {
  auto source = tape::open_tree(folder);
  const auto catalog = recorded(source, path);
  catalog->check();
  tape::TapeStream stream(*catalog, *source.tree, nullptr);
  stream.seek(tape::TapeOffset(offset));
  stream.write_to(*tape::descriptor_sink(1, "standard output"));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  try {
    stream(argv[1], argv[2], argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 0);
    return 0;
  } catch (const tape::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
