#include "cli/is_tape.h"

#include <algorithm>
#include <string_view>

#include "cli/where.h"
#include "tape/bytes.h"
#include "tape/files.h"

namespace agent {

bool is_tape(const std::string& path) {
  if (is_remote_archive(path)) return false;
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  const auto file = tape::open_file_source(path);
  tape::Bytes head(std::min<tape::ByteCount>(file->size(), kMagic.size()));
  file->read_at(tape::GzOffset(0), head);
  return tape::as_text(head) == kMagic;
}

}  // namespace agent
