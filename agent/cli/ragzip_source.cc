#include "cli/ragzip_source.h"

#include "cli/report.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

std::unique_ptr<tape::RangeSource> open_source(const std::string& path) {
  expect_no_directory(path);
  return tape::open_file_source(path);
}

tape::IndexMode mode_named(const std::string& name) {
  if (name == "loaded") return tape::IndexMode::loaded;
  return name == "direct" ? tape::IndexMode::direct : tape::IndexMode::cached;
}

}  // namespace

void RagzipSourceWords::add(const Verb& verb) {
  verb.option("FILE", path, "A ragzip file").required();
  verb.flag(
      "--lenient", lenient,
      "Where metadata breaks a rule, go by the gzip members alone: reads all of the file once");
  verb.option("--index-mode", index_mode,
              "cached: the page indexes used last; loaded: all, checked first; direct: none kept")
      .one_of({"cached", "loaded", "direct"})
      .show_default();
}

OpenedRagzip::OpenedRagzip(const RagzipSourceWords& words, const Output& out)
    : source_(std::make_unique<tape::CountingSource>(open_source(words.path), counts_)),
      name_(source_->name()) {
  tape::RagzipFileOptions options;
  options.index.mode = mode_named(words.index_mode);
  options.lenient = words.lenient;
  file_ =
      tape::within(name_, [&] { return std::make_unique<tape::RagzipFile>(*source_, options); });
  if (file_->broken_rule())
    out.warning(name_ + ": " + file_->broken_rule()->what() +
                "; read by its gzip members alone (--lenient)");
}

Json with_reading(Json fields, const OpenedRagzip& opened) {
  fields.update(reading_fields(opened.figures()));
  return fields;
}

}  // namespace agent
