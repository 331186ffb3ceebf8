// ragtape info WHAT

#include <memory>

#include <fmt/format.h>

#include "cli/archive_file.h"
#include "cli/command.h"
#include "cli/is_tape.h"
#include "cli/options.h"
#include "cli/report.h"
#include "tape/catalog.h"

namespace agent {
namespace {

// The JDK's GZIPInputStream recurses once for each empty member: above this many records it may
// fail.
constexpr std::uint64_t kJdkRecords = 1'000'000;

struct InfoCommand {
  std::string what;

  int run(const GlobalOptions& global) const {
    const Output out(global, false);
    if (is_tape(what)) {
      tape_info(out);
    } else {
      archive_info(out);
    }
    return kDone;
  }

  void tape_info(const Output& out) const {
    const auto catalog = tape::Catalog::open(what);
    catalog->check();
    report_problems(*catalog, out);
    if (out.json()) out.line("summary", summary_fields(catalog->summary()));
    out.text(summary_text(catalog->summary()) +
             fmt::format("scanned       {}\n", shown_time(catalog->summary().started)));
  }

  void archive_info(const Output& out) const {
    ArchiveFile file(what);
    const tape::RagzipGeometry& geometry = file.archive.ragzip().geometry();
    const tape::MemberIndexRoot& root = file.archive.index().root();
    if (out.json()) {
      Json fields = {
          {"archive_size", file.source.size()},
          {"tape_size", geometry.logical_size},
          {"page_size", std::uint64_t{1} << geometry.page_bits},
          {"pages", geometry.page_count},
          {"index_exponent", geometry.index_bits},
          {"levels", geometry.levels},
          {"records", root.records},
          {"height", root.height},
          {"leaves_size", root.leaves.size},
          {"tape_xxh3", hex(root.slice_hash)},
          {"extensions", file.archive.ragzip().extensions().size()},
      };
      fields.update(reading_fields(file.source));
      out.line("summary", fields);
      return;
    }
    std::string text = fmt::format("archive       {} bytes ({})\n", shown_count(file.source.size()),
                                   shown_size(file.source.size()));
    text += fmt::format("tape size     {} bytes ({})\n", shown_count(geometry.logical_size),
                        shown_size(geometry.logical_size));
    text += fmt::format("pages         {} of {}\n", shown_count(geometry.page_count),
                        shown_size(tape::ByteCount{1} << geometry.page_bits));
    text += fmt::format("page index    {} levels of {} slots\n", geometry.levels,
                        shown_count(std::uint64_t{1} << geometry.index_bits));
    text += fmt::format("members       {}\n", shown_count(root.records));
    text += fmt::format("member index  {} levels, leaves {}\n", root.height,
                        shown_size(root.leaves.size));
    text += fmt::format("content       XXH3-128 {}\n", hex(root.slice_hash));
    if (root.records > kJdkRecords)
      text +=
          "note          more than a million members: Java's GZIPInputStream may run out of stack "
          "on it\n";
    out.text(text);
  }
};

}  // namespace

void add_info(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  CLI::App* verb =
      app.add_subcommand("info", "Sizes, geometry, index and problems of a tape or an archive");
  const auto command = std::make_shared<InfoCommand>();
  verb->add_option("WHAT", command->what, "An archive or a tape")->required();
  verb->footer(help_end("ragtape info documents.tar.gz",
                        "0 done; 1 failed or damaged; 2 usage; 10 no such file"));
  verb->callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
