#include "cli/open_tape.h"

#include <unistd.h>

#include "backup/source.h"
#include "cli/is_tape.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/state.h"
#include "tape/files.h"

namespace agent {
namespace {

std::unique_ptr<tape::Catalog> scanned_now(const std::string& what,
                                           const std::string& state,
                                           const Output& out) {
  SourceOptions options;
  options.path = what;
  options.source_date_epoch = source_date_epoch();
  options.readers = readers_of(out.global());
  Source source(options);
  if (const auto own = tape::identity_of(state)) source.scan_options.own_files.push_back(*own);
  if (const auto own = tape::identity_of_descriptor(STDOUT_FILENO))
    source.scan_options.own_files.push_back(*own);
  source.scan_options.progress = [](std::uint64_t) { check_stop(); };
  auto catalog =
      tape::scan(*source.tree.tree, {tape::temporary_name(state), ""}, source.scan_options);
  out.warning(tape::shown(source.tree.root) +
              ": no tape is recorded for it; scanned now (`ragtape scan` records one, for play "
              "--offset later)");
  report_problems(*catalog, out);
  return catalog;
}

std::unique_ptr<tape::Catalog> found(const std::string& what,
                                     const GlobalOptions& global,
                                     const Output& out) {
  const std::string path = tape::resolved(what);
  if (!tape::is_directory(path) && is_tape(path)) return tape::Catalog::open(path);
  const std::string state = state_folder(global);
  if (auto catalog = tape::Catalog::open_of(tapes_folder(state), path)) return catalog;
  // A file that is no tape was meant as one, unless `scan` knows it.
  if (!tape::is_directory(path)) return tape::Catalog::open(path);
  return scanned_now(what, state, out);
}

}  // namespace

std::unique_ptr<tape::Catalog> open_tape(const std::string& what,
                                         const GlobalOptions& global,
                                         const Output& out) {
  auto catalog = found(what, global, out);
  catalog->check();
  return catalog;
}

tape::OpenedTree source_of(tape::Catalog& catalog) {
  auto source = tape::open_tree(catalog.summary().root);
  if (source.single_file != catalog.summary().single_file)
    throw tape::Error(tape::ErrorKind::source_changed,
                      tape::shown(source.root) + ": is of another kind than when it was scanned",
                      "scan it again");
  return source;
}

}  // namespace agent
