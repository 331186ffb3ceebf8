// ragtape ragzip salvage FILE -o OUT

#include <bit>
#include <memory>

#include <fmt/format.h>

#include "cli/options.h"
#include "cli/ragzip_verbs.h"
#include "ragzip/salvage.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

const char* fate_name(MemberIndexFate fate) {
  if (fate == MemberIndexFate::kept) return "kept";
  return fate == MemberIndexFate::rebuilt ? "rebuilt" : "none";
}

// Of --page-size or --index-exponent.
tape::PageScanHints hints_of(const std::string& page_size, int index_exponent) {
  tape::PageScanHints hints;
  tape::RagzipShape shape;
  shape.compat = false;
  if (!page_size.empty()) {
    const tape::ByteCount size = parse_size("--page-size", page_size);
    if (!std::has_single_bit(size))
      throw tape::Error(tape::ErrorKind::usage,
                        "--page-size " + tape::shown(page_size) + ": a power of two expected");
    hints.page_bits = shape.page_bits = std::countr_zero(size);
  }
  if (index_exponent != 0) hints.index_bits = shape.index_bits = index_exponent;
  tape::check_shape(shape);
  return hints;
}

struct SalvageCommand {
  std::string path;
  OutputWords output;
  std::string page_size;
  int index_exponent = 0;
  EngineWords engine;

  int run(const GlobalOptions& global, bool content) const {
    const Output out(global, content);
    SalvageOptions options{hints_of(page_size, index_exponent), engine.parsed(), {}};
    tape::check_options(options.ragzip);
    expect_no_directory(path);
    const auto source = tape::open_file_source(path);
    const auto sink = open_output(output.path, output.force, path, 1);
    const auto spool = tape::create_scratch_file(
        is_standard_stream(output.path) ? tape::folder_of(path) : tape::folder_of(output.path));
    SalvageSummary summary;
    {
      Progress progress(out);
      options.progress = shown_progress(progress, 2 * source->size(), source->name());
      summary = tape::within(source->name(), [&] {
        return salvage(*source, *sink, {spool->out(), spool->in()}, options);
      });
    }
    tell_losses(summary, source->name(), out);
    report(summary, out);
    return summary.complete ? kDone : kIncomplete;
  }

  // What is not in the new file, or not as it was.
  static void tell_losses(const SalvageSummary& summary,
                          const std::string& name,
                          const Output& out) {
    const tape::PageScan& scan = summary.scan;
    if (scan.damage) out.warning(name + ": " + scan.damage->what());
    if (!summary.complete && scan.claimed_size.value_or(0) > scan.logical_size)
      out.warning(fmt::format("{}: lost: content from byte {} on, {} bytes of {}", name,
                              scan.logical_size, *scan.claimed_size - scan.logical_size,
                              *scan.claimed_size));
    if (summary.complete && scan.claimed_size.value_or(scan.logical_size) != scan.logical_size)
      out.warning(fmt::format("{}: the footer says {} bytes of content, {} are there", name,
                              *scan.claimed_size, scan.logical_size));
    if (!summary.complete && scan.claimed_size.value_or(0) <= scan.logical_size)
      out.warning(fmt::format(
          "{}: lost: content from byte {} on, if there was more; nobody knows without a footer",
          name, scan.logical_size));
    if (summary.member_index == MemberIndexFate::rebuilt)
      out.warning(name +
                  ": the member index was made again from the tar headers: times have whole "
                  "seconds" +
                  (summary.tape_complete ? "" : ", and the end of the tape is missing"));
    if (!summary.why_no_index.empty() && summary.member_index == MemberIndexFate::none)
      out.warning(name + ": no member index: " + summary.why_no_index);
  }

  void report(const SalvageSummary& summary, const Output& out) const {
    const tape::PageScan& scan = summary.scan;
    if (out.json()) {
      Json fields = {{"output", json_text(output.path)},
                     {"logical_size", scan.logical_size},
                     {"pages", scan.pages.size()},
                     {"page_size", std::uint64_t{1} << scan.shape.page_bits},
                     {"index_exponent", scan.shape.index_bits},
                     {"index_exponent_known", scan.index_bits_known},
                     {"extensions", scan.extensions.size()},
                     {"bytes_written", summary.bytes_written},
                     {"bytes_behind", summary.bytes_behind},
                     {"complete", summary.complete},
                     {"member_index", fate_name(summary.member_index)},
                     {"members", summary.members},
                     {"damage", nullptr},
                     {"damage_offset", nullptr},
                     {"bytes_lost", nullptr}};
      if (scan.damage) {
        fields["damage"] = scan.damage->what();
        fields["damage_offset"] = scan.end.value();
      }
      if (summary.complete) fields["bytes_lost"] = 0;
      if (!summary.complete && scan.claimed_size.value_or(0) > scan.logical_size)
        fields["bytes_lost"] = *scan.claimed_size - scan.logical_size;
      out.line("summary", fields);
    }
    if (is_standard_stream(output.path)) return;
    out.text(fmt::format("{}: {} pages, {} bytes of content{}\n", tape::shown(output.path),
                         shown_count(scan.pages.size()), shown_count(scan.logical_size),
                         summary.members > 0
                             ? fmt::format(", {} members", shown_count(summary.members))
                             : std::string()));
  }
};

}  // namespace

void add_ragzip_salvage(const Verb& ragzip,
                        const GlobalOptions& global,
                        std::optional<Command>& chosen) {
  const Verb verb(ragzip, "salvage",
                  "Make a whole file of one whose end is lost or damaged, from its gzip members; "
                  "FILE is kept");
  const auto command = std::make_shared<SalvageCommand>();
  verb.option("FILE", command->path, "A ragzip file, or what is left of one").required();
  verb.option("-o,--output", command->output.path, "Where it goes (-: stdout)").required();
  verb.flag("-f,--force", command->output.force,
            "Replace what has that name, once the new file is whole");
  verb.option("--page-size", command->page_size, "As it was (default: as the members show it)");
  verb.option("--index-exponent", command->index_exponent,
              "As it was (default: as an index or the footer shows it, else 10)");
  command->engine.add(verb);
  verb.footer(help_end("ragtape ragzip salvage cut.tar.gz -o whole.tar.gz",
                       "0 all of the content is there; 1 failed, or nothing can be salvaged; 2 "
                       "usage; 3 made, but content is lost; 5 the file changed meanwhile; 10 no "
                       "such file; 12 denied"));
  verb.callback([&global, &chosen, command] {
    command->output.settle();
    const bool content = is_standard_stream(command->output.path);
    chosen =
        Command{[&global, command, content] { return command->run(global, content); }, content};
  });
}

}  // namespace agent
