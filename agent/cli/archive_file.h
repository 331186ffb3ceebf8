// An archive at a local path, opened and counted.
#pragma once
#include <memory>
#include <string>

#include "tape/archive.h"
#include "tape/counting_source.h"
#include "tape/files.h"

namespace agent {

struct ArchiveFile {
  explicit ArchiveFile(const std::string& path)
      : file(tape::open_file_source(path)), source(*file), archive(source) {}

  std::unique_ptr<tape::RangeSource> file;
  tape::CountingSource source;
  tape::Archive archive;
};

}  // namespace agent
