// A ragzip file that one of the verbs below `ragtape ragzip` reads. Opened and counted.
//
// Spec:    docs/cli.md "ragzip".
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "cli/ragzip_verbs.h"
#include "cli/report.h"
#include "tape/counting_source.h"
#include "tape/ragzip_file.h"

namespace agent {

struct RagzipSourceWords {
  std::string path;
  bool lenient = false;
  std::string index_mode = "cached";

  void add(const Verb& verb);
};

class OpenedRagzip {
 public:
  // With --lenient says what is broken. Fails: as RagzipFile does; the error names the file.
  OpenedRagzip(const RagzipSourceWords& words, const Output& out);

  const std::string& name() const { return name_; }
  const tape::RagzipFile& file() const { return *file_; }
  ReadFigures figures() const { return figures_of(counts_); }
  tape::ByteCount size() const { return source_->size(); }
  // Runs a step that reads: its errors name the file.
  void read(const std::function<void()>& step) const { tape::within(name_, step); }

 private:
  tape::ReadCounts counts_;
  std::unique_ptr<tape::RangeSource> source_;
  std::string name_;
  std::unique_ptr<tape::RagzipFile> file_;
};

// `fields`, and the figures of the reading.
Json with_reading(Json fields, const OpenedRagzip& opened);

}  // namespace agent
