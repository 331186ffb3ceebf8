// ragtape locate TAPE|ARCHIVE|STORE PATH: where a member lies, for other tools to fetch it.

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/is_tape.h"
#include "cli/open_tape.h"
#include "cli/opened.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/where.h"
#include "restore/select.h"
#include "tape/error.h"
#include "tape/volume_plan.h"
#include "tape/volume_reader.h"

namespace agent {
namespace {

struct LocateCommand {
  WhatWords words;
  std::string path;
  std::string volume_size;

  int run(const GlobalOptions& global) const {
    const Output out(global, false);
    const bool tape = !is_store(words.what) && is_tape(words.what);
    if (!tape && !volume_size.empty())
      throw tape::Error(tape::ErrorKind::usage, "--volume-size: only of a tape");
    return tape ? in_tape(global, out) : in_archive(out);
  }

  int in_tape(const GlobalOptions& global, const Output& out) const {
    const auto catalog = open_tape(words.what, global, out);
    const tape::Entry entry = entry_for(*catalog);
    const tape::TapeRange range{entry.offset, entry.end() - entry.offset};
    Json parts = Json::array();
    std::string text = facts(entry.member, range, entry.body());
    if (!volume_size.empty()) {
      const auto plan = tape::VolumePlan::fixed(catalog->summary().tape_size,
                                                parse_size("--volume-size", volume_size), 0);
      for (std::uint64_t number = 0; number < plan.count(); ++number) {
        const tape::TapeRange slice = plan.slice(number);
        const auto from = std::max(range.begin, slice.begin);
        const auto to = std::min(range.end(), slice.end());
        if (from >= to) continue;
        parts.push_back(
            {{"volume", number}, {"begin", from - slice.begin}, {"end", to - slice.begin}});
        text += fmt::format("volume        {}: bytes {} to {}\n", number, from - slice.begin,
                            to - slice.begin);
      }
    }
    text += fmt::format("to play it    ragtape play {} --offset {} --length {}\n",
                        quoted(words.what), entry.body().value(), entry.member.size);
    if (out.json()) out.line("summary", fields(entry.member, range, entry.body(), parts));
    out.text(text);
    return kDone;
  }

  // As member_for() finds it in an archive.
  tape::Entry entry_for(tape::Catalog& catalog) const {
    const auto first = catalog.entry_at(tape::TapeOffset(0));
    std::optional<tape::Entry> found;
    if (first) {
      const bool rooted = first->member.type == tape::MemberType::directory;
      for (const std::string& meaning :
           meanings(path, tape::member_path(first->member.name, first->member.type), rooted)) {
        if (!found) found = catalog.find(meaning);
      }
    }
    if (found) return *found;
    throw tape::Error(tape::ErrorKind::not_found, tape::shown(path) + ": no member of this tape",
                      "`ragtape ls " + tape::shown(words.what) + "` lists them");
  }

  int in_archive(const Output& out) const {
    Opened opened(words);
    const auto failed = reading(opened, out, [&] {
      tape::Archive& archive = opened.archive();
      const tape::MemberRecord record = member_for(archive, path);
      const auto places = archive.locate(record);
      const tape::TapeOffset begin = places.front().tape.begin;
      const tape::TapeRange range{begin, places.back().tape.end() - begin};
      const tape::TapeOffset body = begin + record.header_blocks * tape::kBlockSize;
      Json parts = Json::array();
      std::string text = facts(record.member(), range, body);
      const tape::TapeOffset body_end = body + record.size;
      for (const tape::MemberPlace& place : places) {
        const std::string name = object_name(opened, place.volume);
        const auto from = std::clamp(body, place.tape.begin, place.tape.end());
        const auto to = std::clamp(body_end, place.tape.begin, place.tape.end());
        const tape::ByteCount skip = place.skip + (from - place.tape.begin);
        parts.push_back({{"object", json_text(name)},
                         {"begin", place.pages.begin.value()},
                         {"end", place.pages.end().value()},
                         {"skip", skip},
                         {"size", to - from}});
        text += fmt::format("object        {}: bytes {} to {}\n", tape::shown(name),
                            place.pages.begin.value(), place.pages.end().value());
        if (to > from)
          text += fmt::format(
              "  content     curl -s -r {}-{} URL | gunzip -c | tail -c +{} | head -c {}\n",
              place.pages.begin.value(), place.pages.end().value() - 1, skip + 1, to - from);
      }
      if (out.json()) {
        Json all = fields(record.member(), range, body, parts);
        all.update(reading_fields(opened.counts()));
        out.line("summary", all);
      }
      out.text(text);
    });
    return failed ? *failed : kDone;
  }

  // Below the set's folder in the store; the archive itself.
  std::string object_name(const Opened& opened, std::size_t volume) const {
    return opened.manifest() ? opened.manifest()->set + "/" + opened.manifest()->volumes[volume].key
                             : words.what;
  }

  static std::string facts(const tape::Member& member,
                           const tape::TapeRange& range,
                           tape::TapeOffset body) {
    return fmt::format("member        {}, {} bytes\ntape          {} to {}, content from {}\n",
                       tape::shown(member.name), member.size, range.begin.value(),
                       range.end().value(), body.value());
  }

  static Json fields(const tape::Member& member,
                     const tape::TapeRange& range,
                     tape::TapeOffset body,
                     const Json& parts) {
    return {{"name", json_text(member.name)},
            {"size", member.size},
            {"tape_begin", range.begin.value()},
            {"tape_end", range.end().value()},
            {"body", body.value()},
            {"parts", parts}};
  }
};

}  // namespace

void add_locate(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "locate", "Say where a member lies: in the tape, and in which bytes");
  const auto command = std::make_shared<LocateCommand>();
  command->words.add(verb, "A tape, an archive or a store");
  verb.option("PATH", command->path, "A member, as ls prints it").required();
  verb.option("--volume-size", command->volume_size, "Of a tape: in which slices, too");
  verb.footer(help_end("ragtape locate documents.tar.gz documents/letter.txt",
                       "0 done; 1 failed or damaged; 2 usage; 10 no such archive or member"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
