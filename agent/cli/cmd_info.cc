// ragtape info WHAT

#include <memory>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/is_tape.h"
#include "cli/opened.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/where.h"
#include "tape/catalog.h"
#include "tape/digest.h"

namespace agent {
namespace {

// The JDK's GZIPInputStream recurses once for each empty member: above this many records it may
// fail.
constexpr std::uint64_t kJdkRecords = 1'000'000;

struct InfoCommand {
  WhatWords words;

  int run(const GlobalOptions& global) const {
    const Output out(global, false);
    if (is_store(words.what)) {
      snapshot_info(out);
    } else if (is_tape(words.what)) {
      tape_info(out);
    } else {
      archive_info(out);
    }
    return kDone;
  }

  void tape_info(const Output& out) const {
    const auto catalog = tape::Catalog::open(words.what);
    catalog->check();
    report_problems(*catalog, out);
    if (out.json()) out.line("summary", summary_fields(catalog->summary()));
    out.text(summary_text(catalog->summary()) +
             fmt::format("scanned       {}\n", shown_time(catalog->summary().started)));
  }

  void snapshot_info(const Output& out) const {
    Opened opened(words, out.global());
    const tape::Manifest& manifest = *opened.manifest();
    const tape::ManifestTotals& totals = manifest.totals;
    for (const tape::ManifestWarning& warning : manifest.warnings)
      out.warning((warning.path.empty() ? "the source" : tape::shown(warning.path)) + ": " +
                  warning.outcome + ": " + tape::shown(warning.why));
    if (out.json()) {
      Json fields = {{"set", manifest.set},
                     {"snapshot", manifest.snapshot},
                     {"host", json_text(manifest.host)},
                     {"root", json_text(manifest.root)},
                     {"start", tape::utc_text(manifest.start)},
                     {"end", tape::utc_text(manifest.end)},
                     {"entries", manifest.entries},
                     {"tape_size", manifest.tape_size},
                     {"fingerprint", tape::hex(manifest.fingerprint)},
                     {"volume_size", manifest.options.volume_size},
                     {"volumes", manifest.volumes.size()},
                     {"stored", totals.stored},
                     {"omitted", totals.omitted},
                     {"torn", totals.torn},
                     {"grew", totals.grew},
                     {"changed", totals.changed},
                     {"problems", totals.problems}};
      fields.update(reading_fields(opened.figures()));
      out.line("summary", fields);
      return;
    }
    const tape::Codec& codec = manifest.volumes.front().codec;
    std::string text = fmt::format("snapshot      {} of set {}\n", manifest.snapshot, manifest.set);
    text += fmt::format("source        {} of host {}\n", tape::shown(manifest.root),
                        tape::shown(manifest.host));
    text += fmt::format("scanned       {}\n", shown_time(manifest.start));
    text += fmt::format("entries       {}\n", shown_count(manifest.entries));
    text += fmt::format("tape size     {} bytes ({})\n", shown_count(manifest.tape_size),
                        shown_size(manifest.tape_size));
    text += fmt::format("volumes       {}, {} bytes ({})\n", shown_count(manifest.volumes.size()),
                        shown_count(opened.size()), shown_size(opened.size()));
    text += fmt::format("codec         {} {}, level {}, pages of {}\n", codec.engine, codec.version,
                        codec.level, shown_size(tape::ByteCount{1} << codec.page_bits));
    text +=
        fmt::format("not whole     {} omitted, {} torn, {} problems\n", shown_count(totals.omitted),
                    shown_count(totals.torn), shown_count(totals.problems));
    out.text(text);
  }

  void archive_info(const Output& out) const {
    Opened opened(words, out.global());
    if (opened.foreign() != nullptr) return foreign_info(opened, *opened.foreign(), out);
    const tape::RagzipGeometry& geometry = opened.archive().ragzip().geometry();
    const tape::MemberIndexRoot& root = opened.archive().index().root();
    if (out.json()) {
      Json fields = {
          {"archive_size", opened.size()},
          {"tape_size", geometry.logical_size},
          {"page_size", std::uint64_t{1} << geometry.page_bits},
          {"pages", geometry.page_count},
          {"index_exponent", geometry.index_bits},
          {"levels", geometry.levels},
          {"records", root.records},
          {"height", root.height},
          {"leaves_size", root.leaves.size},
          {"tape_xxh3", tape::hex(root.slice_hash)},
          {"extensions", opened.archive().ragzip().extensions().size()},
      };
      fields.update(reading_fields(opened.figures()));
      out.line("summary", fields);
      return;
    }
    std::string text = fmt::format("archive       {} bytes ({})\n", shown_count(opened.size()),
                                   shown_size(opened.size()));
    text += fmt::format("tape size     {} bytes ({})\n", shown_count(geometry.logical_size),
                        shown_size(geometry.logical_size));
    text += fmt::format("pages         {} of {}\n", shown_count(geometry.page_count),
                        shown_size(tape::ByteCount{1} << geometry.page_bits));
    text += fmt::format("page index    {} levels of {} slots\n", geometry.levels,
                        shown_count(std::uint64_t{1} << geometry.index_bits));
    text += fmt::format("members       {}\n", shown_count(root.records));
    text += fmt::format("member index  {} levels, leaves {}\n", root.height,
                        shown_size(root.leaves.size));
    text += fmt::format("content       XXH3-128 {}\n", tape::hex(root.slice_hash));
    if (root.records > kJdkRecords)
      text +=
          "note          more than a million members: Java's GZIPInputStream may run out of stack "
          "on it\n";
    out.text(text);
  }

  static void foreign_info(const Opened& opened,
                           const tape::ForeignArchive& archive,
                           const Output& out) {
    const tape::GzipIndex& index = archive.index();
    const auto& content = index.content_size();
    if (out.json()) {
      Json fields = {{"archive_size", opened.size()},
                     {"content_size", content ? Json(*content) : Json()},
                     {"members", archive.size()},
                     {"points", index.points().size()},
                     {"spacing", index.spacing()}};
      fields.update(reading_fields(opened.figures()));
      out.line("summary", fields);
      return;
    }
    std::string text = fmt::format("archive       {} bytes ({}), by another program\n",
                                   shown_count(opened.size()), shown_size(opened.size()));
    if (content)
      text +=
          fmt::format("tape size     {} bytes ({})\n", shown_count(*content), shown_size(*content));
    text += fmt::format("members       {}\n", shown_count(archive.size()));
    text += fmt::format("access        {} points, {} of content from one to the next\n",
                        shown_count(index.points().size()), shown_size(index.spacing()));
    out.text(text);
  }
};

}  // namespace

void add_info(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "info",
                  "Sizes, geometry, index and problems of a snapshot, an archive or a tape");
  const auto command = std::make_shared<InfoCommand>();
  command->words.add(verb, "A store, an archive or a tape");
  verb.footer(help_end("ragtape info documents.tar.gz",
                       "0 done; 1 failed or damaged; 2 usage; 10 no such file"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
