// members_as_events TAPE: what starts and ends as a tape goes by, with the hash of each content.
#include <iostream>

#include <tape/digest.h>
#include <tape/error.h>
#include <tape/files.h>
#include <tape/tape_events.h>

namespace {

void tell(const std::string& path) {
  const auto catalog = tape::Catalog::open(path);
  catalog->check();
  const auto source = tape::open_tree(catalog->summary().root);
  tape::TapeEvents events(*catalog, *source.tree, {tape::OnChange::stop, true});
  tape::ByteCount bytes = 0;
  while (const auto event = events.next()) {
    switch (event->kind) {
      case tape::TapeEvent::Kind::member_starts:
        std::cout << event->offset.value() << " " << tape::shown(event->entry->member.name);
        break;
      case tape::TapeEvent::Kind::data:
        bytes += event->bytes.size();
        break;
      case tape::TapeEvent::Kind::member_ends:
        std::cout << (event->md5 ? " md5 " + tape::hex(*event->md5) : "") << "\n";
        break;
      case tape::TapeEvent::Kind::completed:
        std::cout << bytes << " completed\n";
        break;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    tell(argv[1]);
    return 0;
  } catch (const tape::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
