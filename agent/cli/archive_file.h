// An archive at a local path, opened and counted.
#pragma once
#include <memory>
#include <string>

#include "cli/report.h"
#include "tape/archive.h"
#include "tape/counting_source.h"
#include "tape/files.h"

namespace agent {

struct ArchiveFile {
  explicit ArchiveFile(const std::string& path)
      : file(tape::open_file_source(path)),
        source(*file),
        opened(tape::within(file->name(), [&] { return std::make_unique<tape::Archive>(source); })),
        archive(*opened) {}

  std::unique_ptr<tape::RangeSource> file;
  tape::CountingSource source;
  std::unique_ptr<tape::Archive> opened;
  tape::Archive& archive;
};

// Runs a step that reads `file`: its errors name the file, and with --json the figures of the
// reading come last, after a failure too.
template <class Step>
void reading(const ArchiveFile& file, const Output& out, Step step) {
  const auto failure = tape::failure_of([&] { tape::within(file.source.name(), [&] { step(); }); });
  if (failure && out.json()) out.line("summary", reading_fields(file.source));
  if (failure) throw tape::Error(*failure);
}

}  // namespace agent
