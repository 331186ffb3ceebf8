// ragtape ragzip info FILE

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "cli/options.h"
#include "cli/ragzip_source.h"
#include "tape/error.h"
#include "tape/member_index.h"

namespace agent {
namespace {

// What stands in the file from `at` on, for the picture.
struct Region {
  tape::GzOffset at;
  std::string what;
};

std::string id_text(std::uint32_t id) {
  std::string letters;
  for (int shift = 24; shift >= 0; shift -= 8) {
    const char c = static_cast<char>(id >> shift);
    if (c < 'A' || c > 'Z') return fmt::format("0x{:08X}", id);
    letters += c;
  }
  return fmt::format("0x{:08X} ({})", id, letters);
}

// How many indexes there are of each level, from 1 on.
std::vector<std::uint64_t> index_counts(const tape::RagzipGeometry& geometry) {
  std::vector<std::uint64_t> out;
  std::uint64_t items = geometry.page_count;
  for (int level = 1; level <= geometry.levels; ++level) {
    items = ((items - 1) >> geometry.index_bits) + 1;
    out.push_back(items);
  }
  return out;
}

struct InfoCommand {
  RagzipSourceWords words;
  std::string extension;

  int run(const GlobalOptions& global) const {
    const Output out(global, !extension.empty());
    const OpenedRagzip opened(words, out);
    if (!extension.empty()) {
      print_extension(opened);
    } else if (out.json()) {
      out.line("summary", fields(opened));
    } else {
      out.text(text(opened));
    }
    return kDone;
  }

  // Of several with one id the last one counts, as what was said later.
  void print_extension(const OpenedRagzip& opened) const {
    const std::uint32_t id = parse_extension_id(extension);
    const auto& all = opened.file().extensions();
    const auto found =
        std::find_if(all.rbegin(), all.rend(), [id](const auto& e) { return e.id == id; });
    if (found == all.rend())
      throw tape::Error(tape::ErrorKind::not_found,
                        opened.name() + ": it has no extension " + id_text(id));
    print(tape::as_text(found->payload));
  }

  static Json fields(const OpenedRagzip& opened) {
    const tape::RagzipGeometry& geometry = opened.file().geometry();
    Json extensions = Json::array();
    for (const tape::RagzipExtension& extension : opened.file().extensions())
      extensions.push_back({{"id", extension.id},
                            {"flags", extension.flags},
                            {"offset", extension.offset.value()},
                            {"size", extension.payload.size()}});
    Json out = {{"size", opened.size()},
                {"logical_size", geometry.logical_size},
                {"page_size", std::uint64_t{1} << geometry.page_bits},
                {"page_exponent", geometry.page_bits},
                {"index_exponent", geometry.index_bits},
                {"levels", geometry.levels},
                {"pages", geometry.page_count},
                {"indexes", index_counts(geometry)},
                {"top_index_offset", geometry.top_index.value()},
                {"footer_offset", geometry.footer.value()},
                {"extensions", extensions},
                {"broken", opened.file().broken_rule().has_value()}};
    // By the members alone nobody knows where they are.
    if (opened.file().broken_rule()) out["top_index_offset"] = out["footer_offset"] = nullptr;
    return with_reading(out, opened);
  }

  static std::string text(const OpenedRagzip& opened) {
    const tape::RagzipGeometry& geometry = opened.file().geometry();
    std::string out = fmt::format("{}: {} bytes of content in {} bytes", opened.name(),
                                  shown_count(geometry.logical_size), shown_count(opened.size()));
    if (geometry.logical_size > 0)
      out += fmt::format(" ({:.1f} %)", 100.0 * static_cast<double>(opened.size()) /
                                            static_cast<double>(geometry.logical_size));
    out += fmt::format(
        "\n\npage          {} (2^{})\nindex         {} slots (2^{})\nlevels        {}\n\n",
        shown_size(tape::ByteCount{1} << geometry.page_bits), geometry.page_bits,
        shown_count(std::uint64_t{1} << geometry.index_bits), geometry.index_bits, geometry.levels);
    for (const Region& region : picture(opened))
      out += fmt::format("{:>14}  | {}\n", region.at.value(), region.what);
    out += fmt::format("{:>14}  +\n", opened.size());
    return out + notes(opened);
  }

  static std::vector<Region> picture(const OpenedRagzip& opened) {
    const tape::RagzipGeometry& geometry = opened.file().geometry();
    const auto counts = index_counts(geometry);
    std::vector<Region> out;
    std::string pages = fmt::format("{} pages", shown_count(geometry.page_count));
    for (std::size_t level = 0; level + 1 < counts.size(); ++level)
      pages += fmt::format(", {} indexes of level {}", shown_count(counts[level]), level + 1);
    out.push_back({tape::GzOffset(0), pages});
    if (geometry.levels > 0 && !opened.file().broken_rule())
      out.push_back({geometry.top_index, fmt::format("top index, level {}", geometry.levels)});
    for (const tape::RagzipExtension& extension : opened.file().extensions())
      out.push_back(
          {extension.offset,
           fmt::format(
               "extension {}, {} bytes{}", id_text(extension.id),
               shown_count(extension.payload.size()),
               extension.id == tape::kTmixId ? ": the member index of a tape is in front" : "")});
    if (!opened.file().broken_rule()) out.push_back({geometry.footer, "footer"});
    return out;
  }

  static std::string notes(const OpenedRagzip& opened) {
    // The JDK's GZIPInputStream recurses once for each empty member in a row.
    constexpr std::uint64_t kJdkRecords = 1'000'000;
    const tape::RagzipGeometry& geometry = opened.file().geometry();
    const auto& extensions = opened.file().extensions();
    std::string out;
    if (geometry.index_bits > 10 ||
        std::any_of(extensions.begin(), extensions.end(), [](const auto& extension) {
          return extension.payload.size() > tape::kExtensionMaxCompatible;
        }))
      out += "\nnote: its metadata members are too large for BusyBox gunzip\n";
    if (members(opened) > kJdkRecords)
      out += "\nnote: more than a million members: Java's GZIPInputStream may run out of stack\n";
    if (geometry.page_count > 1)
      out +=
          "\nnote: `gzip -l` and `file` look at the last gzip member, the footer, and say 0 "
          "bytes\n";
    return out;
  }

  // Of a volume of a tape.
  static std::uint64_t members(const OpenedRagzip& opened) {
    std::uint64_t records = 0;
    const auto none = tape::failure_of([&] {
      tape::RagzipReader reader(opened.file().source());
      records = tape::MemberIndex(reader).root().records;
    });
    return none ? 0 : records;
  }
};

}  // namespace

void add_ragzip_info(const Verb& ragzip,
                     const GlobalOptions& global,
                     std::optional<Command>& chosen) {
  const Verb verb(ragzip, "info", "Geometry and extensions of a ragzip file, as a picture");
  const auto command = std::make_shared<InfoCommand>();
  command->words.add(verb);
  verb.option("--extension", command->extension,
              "ID: write the content of that extension to standard output");
  verb.footer(help_end("ragtape ragzip info access.log.gz",
                       "0 done; 1 failed or damaged; 2 usage; 5 the file changed meanwhile; 10 no "
                       "such file or extension; 12 denied"));
  verb.callback([&global, &chosen, command] {
    const bool content = !command->extension.empty();
    chosen = Command{[&global, command] { return command->run(global); }, content};
  });
}

}  // namespace agent
