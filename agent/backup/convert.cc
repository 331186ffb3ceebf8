#include "backup/convert.h"

#include "backup/output.h"
#include "tape/error.h"

namespace agent {

ConvertSummary convert(const tape::RangeSource& in,
                       const ConvertOptions& options,
                       const tape::ForeignTapeEvents& events) {
  tape::check_options(options.ragzip);
  const auto sink = open_output(options.output);
  const std::string folder = working_folder(options.output);
  tape::ForeignTape tape(in, options.piece, folder, events);
  // Beyond this point the layout is fixed: every offset of the tape is known.
  const auto spool = tape::create_scratch_file(folder);
  tape::VolumeWriter volume(
      *sink, {spool->out(), spool->in()},
      {options.ragzip, {tape::TapeOffset(0), tape.size()}, tape::Metadata::full});
  tape.play(volume);
  ConvertSummary summary{tape.stream(), tape.members(), tape.left_out(), tape.size(),
                         volume.finish()};
  // Nothing is announced before it is true: the archive gets its name here, whole and synced.
  sink->finish();
  return summary;
}

}  // namespace agent
