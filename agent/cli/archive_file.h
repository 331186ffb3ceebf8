// An archive at a local path, opened and counted.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

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

// Runs a step that reads `file`; its errors name the file. A failure is reported, with --json
// followed by the figures of the reading, and comes back as its exit code.
template <class Step>
std::optional<ExitCode> reading(const ArchiveFile& file, const Output& out, Step step) {
  const auto failure = tape::failure_of([&] { tape::within(file.source.name(), [&] { step(); }); });
  out.detail(fmt::format("{}: {} requests, {} bytes read", file.source.name(),
                         file.source.requests(), file.source.bytes_read()));
  if (!failure) return std::nullopt;
  const ExitCode code = exit_code_of(*failure);
  out.error(*failure, code);
  if (out.json()) out.line("summary", reading_fields(file.source));
  return code;
}

}  // namespace agent
