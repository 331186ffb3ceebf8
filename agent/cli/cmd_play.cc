// ragtape play TAPE|DIR: the tar stream from any byte.

#include <algorithm>
#include <memory>

#include <fcntl.h>
#include <unistd.h>

#include "backup/outcomes.h"
#include "cli/command.h"
#include "cli/is_tape.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/state.h"
#include "tape/digest.h"
#include "tape/files.h"
#include "tape/tape_stream.h"

namespace agent {
namespace {

constexpr std::size_t kBufferBytes = 1 << 20;

// Warns of members that are not as recorded.
struct Marked final : tape::MemberObserver {
  explicit Marked(const Output& output) : out(output) {}
  void member_starts(const tape::Entry&, const Start&) override {}
  void member_ends(const tape::Entry& entry, const tape::MemberEnd& end) override {
    if (end.outcome == tape::Outcome::as_recorded) return;
    ++warnings;
    if (is_incomplete(end.outcome)) ++incomplete;
    out.warning(warning_of(entry, end));
  }
  const Output& out;
  std::uint64_t warnings = 0;
  std::uint64_t incomplete = 0;
};

struct PlayCommand {
  std::string what;
  std::string offset_text = "0";
  std::string length_text;
  ChangeWords change;

  int run(const GlobalOptions& global) const {
    const Output out(global, true);
    const tape::ByteCount offset = parse_size("--offset", offset_text);
    const auto catalog = open_catalog(global, out);
    catalog->check();
    const auto source = tape::open_tree(catalog->summary().root);
    if (source.single_file != catalog->summary().single_file)
      throw tape::Error(tape::ErrorKind::source_changed,
                        tape::shown(source.root) + ": is of another kind than when it was scanned",
                        "scan it again");
    Marked marked(out);
    tape::TapeStream stream(*catalog, *source.tree, &marked, change.parsed());
    stream.seek(tape::TapeOffset(offset));
    const tape::ByteCount left = stream.size() - offset;
    const tape::ByteCount total =
        length_text.empty() ? left : std::min(left, parse_size("--length", length_text));
    copy(stream, total, out);
    if (out.json())
      out.line("summary", {{"fingerprint", tape::hex(catalog->summary().fingerprint)},
                           {"tape_size", stream.size()},
                           {"offset", offset},
                           {"bytes_done", total}});
    const bool incomplete = catalog->summary().problems + marked.incomplete > 0;
    return incomplete || (change.strict && marked.warnings > 0) ? kIncomplete : kDone;
  }

  void copy(tape::TapeStream& stream, tape::ByteCount total, const Output& out) const {
    const auto sink = tape::descriptor_sink(STDOUT_FILENO, "standard output");
    Progress progress(out);
    tape::Bytes buffer(kBufferBytes);
    for (tape::ByteCount done = 0; done < total;) {
      check_stop();
      const std::size_t n = stream.read(
          tape::MutableBytes(buffer).first(std::min<tape::ByteCount>(buffer.size(), total - done)));
      sink->write(tape::ByteView(buffer).first(n));
      done += n;
      progress.working(done, total, stream.current());
    }
  }

  // A tape; or a tree, by the tape that `scan` recorded of it, or by one made now.
  std::unique_ptr<tape::Catalog> open_catalog(const GlobalOptions& global,
                                              const Output& out) const {
    const std::string path = tape::resolved(what);
    if (!tape::is_directory(path) && is_tape(path)) return tape::Catalog::open(path);
    const std::string state = state_folder(global);
    const std::string place = tape_place(state, path);
    if (tape::identity_of(place)) {
      auto catalog = tape::Catalog::open(place);
      if (catalog->summary().root == path) return catalog;
    }
    // A file that is no tape was meant as one, unless `scan` knows it.
    if (!tape::is_directory(path)) return tape::Catalog::open(path);
    Source source({what, tape::Metadata::portable, {}, source_date_epoch()});
    if (const auto own = tape::identity_of(state)) source.scan_options.own_files.push_back(*own);
    if (const auto own = tape::identity_of_descriptor(STDOUT_FILENO))
      source.scan_options.own_files.push_back(*own);
    source.scan_options.progress = [](std::uint64_t) { check_stop(); };
    auto catalog =
        tape::scan(*source.tree.tree, {tape::temporary_name(state), ""}, source.scan_options);
    out.warning(tape::shown(path) +
                ": no tape is recorded for it; scanned now (`ragtape scan` records one, for play "
                "--offset later)");
    report_problems(*catalog, out);
    return catalog;
  }
};

}  // namespace

void add_play(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "play", "Write the tar stream of a tape to standard output, from any byte");
  const auto command = std::make_shared<PlayCommand>();
  verb.option("WHAT", command->what, "A tape, or a tree that was scanned").required();
  verb.option("--offset", command->offset_text, "First byte of the tape");
  verb.option("--length", command->length_text, "How many bytes (default: to the end)");
  command->change.add(verb, "stop");
  verb.footer(
      help_end("ragtape play documents.tape --offset 1048576 | ssh host 'cat >> documents.tar'",
               "0 done; 1 failed; 2 usage; 3 done, but the tape lacks entries that could not be "
               "read; 6 the source changed since the scan; 10 no such tape"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }, true};
  });
}

}  // namespace agent
