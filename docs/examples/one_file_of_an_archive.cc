// one_file_of_an_archive ARCHIVE PATH: the content of one member, by the archive's own index: the
// tail, a leaf, and the pages that hold it are all that is read.
#include <iostream>

#include <tape/archive.h>
#include <tape/counting_source.h>
#include <tape/error.h>
#include <tape/files.h>

namespace {

int give(const std::string& path, const std::string& member) {
  tape::ReadCounts counts;
  const tape::CountingSource source(tape::open_file_source(path), counts);
  tape::Archive archive(source);
  const auto record = archive.find(member);
  if (!record) {
    std::cerr << member << ": not in " << path << "\n";
    return 1;
  }
  const auto out = tape::descriptor_sink(1, "standard output");
  const auto reader = archive.open(*record);
  tape::Bytes buffer(1 << 16);
  while (const std::size_t n = reader->read(buffer))
    out->write(tape::ByteView(buffer).first(n));
  std::cerr << counts.requests << " reads, " << counts.bytes << " bytes\n";
  return reader->finish() == tape::HashResult::right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    return give(argv[1], argv[2]);
  } catch (const tape::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
