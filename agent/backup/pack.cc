#include "backup/pack.h"

#include <cstdlib>

#include <unistd.h>

#include "backup/outcomes.h"
#include "backup/output.h"
#include "tape/error.h"
#include "tape/tape_stream.h"

namespace agent {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{512} * 1024;

// Passes members on, and warns of those that are not as recorded.
class Marked final : public tape::MemberObserver {
 public:
  Marked(tape::VolumeWriter& volume, const PackProgress& progress)
      : volume_(volume), progress_(progress) {}
  void member_starts(const tape::Entry& entry, const Start& start) override {
    volume_.member_starts(entry, start);
  }
  void member_ends(const tape::Entry& entry, const tape::MemberEnd& end) override {
    volume_.member_ends(entry, end);
    if (end.outcome == tape::Outcome::as_recorded) return;
    if (is_incomplete(end.outcome)) ++incomplete;
    if (progress_.warning) progress_.warning(warning_of(entry, end));
  }
  std::uint64_t incomplete = 0;

 private:
  tape::VolumeWriter& volume_;
  const PackProgress& progress_;
};

}  // namespace

PackSummary pack(const PackOptions& options, const PackProgress& progress) {
  tape::check_options(options.ragzip);
  Source source(options.source);
  if (options.output != "-") source.must_not_hold(options.output, "the archive");
  const auto sink = open_output(options.output);
  if (const auto own = tape::identity_of_descriptor(STDOUT_FILENO))
    source.scan_options.own_files.push_back(*own);
  source.scan_options.progress = progress.scanned;

  const std::string folder = working_folder(options.output);
  const auto catalog =
      tape::scan(*source.tree.tree, {tape::temporary_name(folder), ""}, source.scan_options);
  // Beyond this point the layout is fixed: every offset of the tape is known.
  catalog->check();
  if (progress.sealed) progress.sealed(*catalog);

  const auto spool = tape::create_scratch_file(folder);
  const tape::CatalogSummary& facts = catalog->summary();
  tape::VolumeWriter volume(
      *sink, {spool->out(), spool->in()},
      {options.ragzip, {tape::TapeOffset(0), facts.tape_size}, facts.metadata});
  Marked marked(volume, progress);
  tape::TapeStream stream(*catalog, *source.tree.tree, &marked, options.on_change);
  tape::Bytes buffer(kBufferBytes);
  while (const std::size_t n = stream.read(buffer)) {
    volume.write(tape::ByteView(buffer).first(n));
    if (progress.played)
      progress.played(stream.position().value(), stream.size(), stream.current());
  }
  PackSummary summary{facts, volume.finish(), marked.incomplete};
  // Nothing is announced before it is true: the archive gets its name here, whole and synced.
  sink->finish();
  return summary;
}

}  // namespace agent
