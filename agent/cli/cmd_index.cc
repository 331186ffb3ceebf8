// ragtape index ARCHIVE [-o DIR]

#include <memory>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/opened.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/range_cache.h"
#include "cli/report.h"
#include "cli/sidecars.h"
#include "cli/signals.h"
#include "cli/where.h"
#include "tape/error.h"
#include "tape/files.h"
#include "tape/foreign_tar.h"
#include "tape/gzip_index.h"
#include "tape/tar_index.h"

namespace agent {
namespace {

struct IndexCommand {
  std::string what;
  StoreWords store;
  std::string folder;
  std::string spacing = "4MiB";

  int run(const GlobalOptions& global) const {
    const Output out(global, false);
    OpenArchive archive(what, store);
    const std::string base = base_of(archive, global);
    Progress progress(out);
    std::uint64_t members = 0;
    const auto summary = tape::within(archive.source().name(),
                                      [&] { return write(archive, base, members, progress); });
    report({summary, members, sidecars_of(base)}, archive.figures(), out);
    return kDone;
  }

  // -o; else beside a file, and in the cache for what is afar.
  std::string base_of(const OpenArchive& archive, const GlobalOptions& global) const {
    if (!folder.empty()) {
      if (!tape::is_directory(folder))
        throw tape::Error(tape::ErrorKind::not_found, tape::shown(folder) + ": no such folder");
      return base_in(folder, archive.source().name());
    }
    if (!archive.is_remote()) return what;
    const auto kept = RangeCache(global).index_base(archive.version());
    if (!kept)
      throw tape::Error(tape::ErrorKind::usage,
                        archive.source().name() + ": " +
                            (archive.version().empty()
                                 ? "the server gives it no ETag, so no cache can keep its index"
                                 : "an index cannot go beside it, and nothing is cached"),
                        "name a folder: -o DIR");
    tape::create_folders(tape::folder_of(*kept));
    return *kept;
  }

  tape::GzipIndexSummary write(const OpenArchive& archive,
                               const std::string& base,
                               std::uint64_t& members,
                               Progress& progress) const {
    const Sidecars names = sidecars_of(base);
    const auto windows = tape::create_scratch_file(tape::folder_of(base));
    const auto gzip_index = tape::create_replacing_file_sink(names.gzip_index);
    const auto tar_index = tape::create_replacing_file_sink(names.tar_index);
    tape::TarIndexWriter writer(*tar_index);
    tape::ForeignTarParser tar([&](const tape::ForeignMember& member) {
      writer.add(member);
      ++members;
    });
    const auto in = tape::read_through(archive.source(), archive.piece());
    tape::ByteCount done = 0;
    const auto summary = tape::build_gzip_index(
        [&](tape::MutableBytes to) {
          check_stop();
          progress.working(done, archive.source().size(), "");
          const std::size_t n = in(to);
          done += n;
          return n;
        },
        [&](tape::ByteView content) { tar.write(content); },
        {*gzip_index, windows->out(), windows->in()}, {parse_size("--spacing", spacing)});
    tar.finish();
    writer.finish();
    // In this order: where there is a .gzidx there is the other.
    tar_index->finish();
    gzip_index->finish();
    return summary;
  }

  struct Made {
    tape::GzipIndexSummary gzip;
    std::uint64_t members = 0;
    Sidecars names;
  };

  void report(const Made& made, const ReadFigures& figures, const Output& out) const {
    if (out.json()) {
      Json fields = {{"archive", json_text(without_query(what))},
                     {"gzip_index", json_text(made.names.gzip_index)},
                     {"tar_index", json_text(made.names.tar_index)},
                     {"members", made.members},
                     {"points", made.gzip.points},
                     {"gzip_members", made.gzip.members},
                     {"size", made.gzip.compressed_size},
                     {"content_size", made.gzip.content_size}};
      fields.update(reading_fields(figures));
      out.line("summary", fields);
      return;
    }
    out.text(fmt::format("{}: {} members, {} of content, {} points of access\n{}\n{}\n",
                         tape::shown(without_query(what)), shown_count(made.members),
                         shown_size(made.gzip.content_size), shown_count(made.gzip.points),
                         tape::shown(made.names.gzip_index), tape::shown(made.names.tar_index)));
  }
};

}  // namespace

void add_index(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "index", "Make any tar.gz readable from the middle, by two files beside it");
  const auto command = std::make_shared<IndexCommand>();
  verb.option("ARCHIVE", command->what, "A tar.gz, a path or a URL").required();
  verb.option("-o,--output", command->folder,
              "Where the two files go (default: beside ARCHIVE; of a URL, the cache)");
  verb.option("--spacing", command->spacing, "Content between two points of access: 32 KiB each")
      .show_default();
  command->store.add_reading(verb);
  verb.footer(help_end("ragtape index https://example.org/data.tar.gz",
                       "0 done; 1 failed, or it is no tar.gz; 2 usage; 5 the network: try again; "
                       "10 no such archive; 12 denied"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
