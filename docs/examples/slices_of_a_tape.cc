// slices_of_a_tape TAPE SIZE FOLDER: the tape in files of SIZE bytes, as an uploader would send
// them: each slice is read like a file, and said which members lie in it.
#include <cstdlib>
#include <iostream>

#include <tape/error.h>
#include <tape/files.h>
#include <tape/volume_plan.h>
#include <tape/volume_reader.h>

namespace {

const char* word(tape::MemberState state) {
  constexpr const char* kWords[] = {"complete", "head", "body", "tail"};
  return kWords[static_cast<int>(state)];
}

void send(tape::VolumeReader& volume, const std::string& folder) {
  const auto file = tape::create_file_sink(folder + "/" + volume.name());
  tape::Bytes buffer(1 << 16);
  while (const std::size_t n = volume.read(buffer))
    file->write(tape::ByteView(buffer).first(n));
  file->finish();
  std::cout << volume.name() << " " << volume.size() << "\n";
  auto members = volume.members();
  while (const auto member = members.next())
    std::cout << "  " << word(member->state) << " " << tape::shown(member->entry.member.name)
              << "\n";
}

void slice(const std::string& path, tape::ByteCount size, const std::string& folder) {
  const auto catalog = tape::Catalog::open(path);
  catalog->check();
  const auto source = tape::open_tree(catalog->summary().root);
  const auto plan = tape::VolumePlan::fixed(catalog->summary().tape_size, size, 0);
  for (std::uint64_t number = 0; number < plan.count(); ++number) {
    tape::VolumeReader volume(
        *catalog, *source.tree,
        {plan.slice(number), "slice." + std::to_string(1000 + number).substr(1)});
    send(volume, folder);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  try {
    slice(argv[1], std::strtoull(argv[2], nullptr, 10), argv[3]);
    return 0;
  } catch (const tape::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
