// ragtape play TAPE|DIR: the tar stream from any byte.

#include <algorithm>
#include <memory>

#include <unistd.h>

#include "backup/outcomes.h"
#include "backup/source.h"
#include "cli/command.h"
#include "cli/event_log.h"
#include "cli/open_tape.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "tape/digest.h"
#include "tape/files.h"
#include "tape/tape_stream.h"
#include "tape/volume_plan.h"

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
  std::string volume_text;
  std::string volume_size;
  std::string events;
  ChangeWords change;

  int run(const GlobalOptions& global) const {
    const Output out(global, true);
    const tape::ByteCount offset = parse_size("--offset", offset_text);
    const auto catalog = open_tape(what, global, out);
    const tape::CatalogSummary& summary = catalog->summary();
    if (summary.profile == tape::Profile::tartape && change.parsed() == tape::OnChange::mark)
      throw tape::Error(tape::ErrorKind::usage,
                        "--on-change mark: the profile tartape can only stop");
    const auto source = source_of(*catalog);
    const tape::TapeRange range = range_of(summary.tape_size, offset);
    Marked marked(out);
    if (events.empty()) {
      tape::TapeStream stream(*catalog, *source.tree, &marked, change.parsed());
      copy(stream, range, out);
    } else {
      // What is there already is a pipe or a device, and nothing new in the tree.
      if (!tape::identity_of(events)) must_not_hold(source, events, "the events");
      tape::TapeEvents stream(*catalog, *source.tree, {change.parsed(), true});
      copy_with_events(stream, range, marked);
    }
    if (out.json())
      out.line("summary", {{"fingerprint", tape::hex(summary.fingerprint)},
                           {"tape_size", summary.tape_size},
                           {"offset", range.begin.value()},
                           {"bytes_done", range.size}});
    const bool incomplete = summary.problems + marked.incomplete > 0;
    return incomplete || (change.strict && marked.warnings > 0) ? kIncomplete : kDone;
  }

  // Of the whole tape, or of one volume.
  tape::TapeRange range_of(tape::ByteCount tape_size, tape::ByteCount offset) const {
    tape::TapeRange slice{tape::TapeOffset(0), tape_size};
    if (volume_text.empty() != volume_size.empty())
      throw tape::Error(tape::ErrorKind::usage, "--volume and --volume-size go together");
    if (!volume_text.empty()) {
      const auto plan =
          tape::VolumePlan::fixed(tape_size, parse_size("--volume-size", volume_size), 0);
      const tape::ByteCount number = parse_size("--volume", volume_text);
      if (number >= plan.count())
        throw tape::Error(tape::ErrorKind::usage,
                          "--volume " + std::to_string(number) + ": there are " +
                              std::to_string(plan.count()) + ", counted from 0");
      slice = plan.slice(number);
    }
    if (offset > slice.size)
      throw tape::Error(tape::ErrorKind::usage, "offset " + std::to_string(offset) +
                                                    " is behind the end at " +
                                                    std::to_string(slice.size));
    const tape::ByteCount left = slice.size - offset;
    return {slice.begin + offset,
            length_text.empty() ? left : std::min(left, parse_size("--length", length_text))};
  }

  static void copy(tape::TapeStream& stream, const tape::TapeRange& range, const Output& out) {
    const auto sink = tape::descriptor_sink(STDOUT_FILENO, "standard output");
    Progress progress(out);
    tape::Bytes buffer(kBufferBytes);
    stream.seek(range.begin);
    for (tape::ByteCount done = 0; done < range.size;) {
      check_stop();
      const std::size_t n = stream.read(tape::MutableBytes(buffer).first(
          std::min<tape::ByteCount>(buffer.size(), range.size - done)));
      sink->write(tape::ByteView(buffer).first(n));
      done += n;
      progress.working(done, range.size, stream.current());
    }
  }

  // An event is told when its bytes went out.
  void copy_with_events(tape::TapeEvents& stream,
                        const tape::TapeRange& range,
                        Marked& marked) const {
    EventLog log(events);
    const auto sink = tape::descriptor_sink(STDOUT_FILENO, "standard output");
    Progress progress(marked.out);
    stream.seek(range.begin);
    stream.stop_at(range.end());
    while (const auto event = stream.next()) {
      check_stop();
      if (!event->bytes.empty()) sink->write(event->bytes);
      if (event->kind == tape::TapeEvent::Kind::member_ends)
        marked.member_ends(*event->entry, event->end);
      log.write(*event);
      progress.working(stream.position() - range.begin, range.size, "");
    }
    log.finish();
  }
};

}  // namespace

void add_play(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "play", "Write the tar stream of a tape to standard output, from any byte");
  const auto command = std::make_shared<PlayCommand>();
  verb.option("WHAT", command->what, "A tape, or a tree that was scanned").required();
  verb.option("--offset", command->offset_text, "First byte of the tape, or of the volume");
  verb.option("--length", command->length_text, "How many bytes (default: to the end)");
  verb.option("--volume", command->volume_text, "Only this slice of the tape, counted from 0");
  verb.option("--volume-size", command->volume_size, "Tape bytes in one slice");
  verb.option("--events", command->events,
              "Write what starts and ends, as JSON lines, to a new file or a pipe");
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
