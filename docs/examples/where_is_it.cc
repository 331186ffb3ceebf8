// where_is_it ARCHIVE PATH: which bytes of the archive hold a member, and how to get at them.
#include <iostream>

#include <tape/archive.h>
#include <tape/error.h>
#include <tape/files.h>

namespace {

int tell(const std::string& path, const std::string& member) {
  const auto source = tape::open_file_source(path);
  tape::Archive archive(*source);
  const auto record = archive.find(member);
  if (!record) return 1;
  for (const tape::MemberPlace& place : archive.locate(*record))
    std::cout << "inflate bytes " << place.pages.begin.value() << " to "
              << place.pages.end().value() << ", pass over "
              << place.skip + record->header_blocks * tape::kBlockSize << ", take " << record->size
              << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    return tell(argv[1], argv[2]);
  } catch (const tape::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
