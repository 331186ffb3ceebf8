// ragtape locate TAPE|ARCHIVE|STORE PATH: where a member lies, for other tools to fetch it.

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "backup/outcomes.h"
#include "cli/command.h"
#include "cli/is_tape.h"
#include "cli/open_tape.h"
#include "cli/opened.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/where.h"
#include "restore/delivery.h"
#include "restore/select.h"
#include "tape/error.h"
#include "tape/tar_header.h"
#include "tape/volume_plan.h"
#include "tape/volume_reader.h"

namespace agent {
namespace {

// What is said of a member, in whatever it lies.
struct Located {
  tape::Member member;
  tape::TapeRange range;  // of the member
  // Of the content; of a hard link that is its first name's.
  tape::TapeOffset body;
  tape::ByteCount size = 0;
  std::optional<tape::Outcome> outcome;  // of an archive
};

tape::Outcome outcome_of(const tape::MemberRecord& record) {
  using tape::Outcome;
  return record.has(tape::kRecordTorn)      ? Outcome::torn
         : record.has(tape::kRecordGrew)    ? Outcome::grew
         : record.has(tape::kRecordChanged) ? Outcome::changed
                                            : Outcome::as_recorded;
}

std::string text_of(const Located& found) {
  const tape::Member& member = found.member;
  const std::string link = member.target.empty()                        ? ""
                           : member.type == tape::MemberType::hard_link ? ", a hard link to "
                                                                        : ", a symlink to ";
  std::string out =
      fmt::format("member        {}{}{}, {} bytes\ntape          {} to {}, content from {}\n",
                  tape::shown(member.name), link, tape::shown(member.target), found.size,
                  found.range.begin.value(), found.range.end().value(), found.body.value());
  if (found.outcome == tape::Outcome::torn)
    out += "outcome       torn: cut or padded with zeros, so not what the file held\n";
  return out;
}

Json fields_of(const Located& found, const Json& parts) {
  Json out = {{"name", json_text(found.member.name)},
              {"size", found.size},
              {"tape_begin", found.range.begin.value()},
              {"tape_end", found.range.end().value()},
              {"body", found.body.value()}};
  if (!found.member.target.empty()) out["target"] = json_text(found.member.target);
  if (found.outcome) out["outcome"] = field_word_of(*found.outcome);
  out["parts"] = parts;
  return out;
}

// Both forms of where the pieces are.
struct Pieces {
  Json parts = Json::array();
  std::string text;
};

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
    const tape::Entry entry = member_for(*catalog, path);
    const tape::Entry content = first_of(*catalog, entry);
    const Located found{entry.member, range_of(entry), content.body(), content.member.size, {}};
    Pieces pieces;
    if (!volume_size.empty()) {
      const auto plan = tape::VolumePlan::fixed(catalog->summary().tape_size,
                                                parse_size("--volume-size", volume_size), 0);
      add_slices(plan, range_of(content), pieces);
    }
    const std::string play = fmt::format("to play it    ragtape play {} --offset {} --length {}\n",
                                         quoted(words.what), found.body.value(), found.size);
    if (out.json()) out.line("summary", fields_of(found, pieces.parts));
    out.text(text_of(found) + pieces.text + play);
    return kDone;
  }

  static tape::TapeRange range_of(const tape::Entry& entry) {
    return {entry.offset, entry.end() - entry.offset};
  }

  static tape::Entry first_of(tape::Catalog& catalog, const tape::Entry& entry) {
    // The catalog was checked: its links lead to members.
    return entry.first ? catalog.entry_at(*entry.first).value() : entry;
  }

  static void add_slices(const tape::VolumePlan& plan,
                         const tape::TapeRange& range,
                         Pieces& pieces) {
    const tape::VolumeSpan span = plan.volumes_of(range);
    for (std::uint64_t number = span.first; number < span.end; ++number) {
      const tape::TapeRange slice = plan.slice(number);
      const tape::ByteCount from = std::max(range.begin, slice.begin) - slice.begin;
      const tape::ByteCount to = std::min(range.end(), slice.end()) - slice.begin;
      pieces.parts.push_back({{"volume", number}, {"begin", from}, {"end", to}});
      pieces.text += fmt::format("volume        {}: bytes {} to {}\n", number, from, to);
    }
  }

  int in_archive(const Output& out) const {
    Opened opened(words, out.global());
    if (opened.foreign() != nullptr) return in_foreign(opened, out);
    const auto failed = reading(opened, out, [&] {
      tape::Archive& archive = opened.archive();
      const tape::MemberRecord record = member_for(archive, path);
      const tape::MemberRecord content = agent::first_of(archive, record);
      const tape::TapeRange range = range_of(archive.locate(record));
      const auto places = archive.locate(content);
      const tape::TapeOffset body =
          places.front().tape.begin + content.header_blocks * tape::kBlockSize;
      const Located found{record.member(), range, body, content.size, outcome_of(content)};
      Pieces pieces;
      for (const tape::MemberPlace& place : places)
        add_object(object_name(opened, place.volume), place, {body, content.size}, pieces);
      show(found, pieces, opened, out);
    });
    return failed ? *failed : kDone;
  }

  int in_foreign(Opened& opened, const Output& out) const {
    tape::ForeignArchive& archive = *opened.foreign();
    const auto failed = reading(opened, out, [&] {
      const tape::MemberRecord record = member_for(archive, path);
      const tape::MemberRecord content = agent::first_of(archive, record);
      const auto body_of = [](const tape::MemberRecord& of) {
        return tape::TapeOffset(static_cast<std::uint64_t>(of.offset) +
                                of.header_blocks * tape::kBlockSize);
      };
      const tape::TapeOffset begin(static_cast<std::uint64_t>(record.offset));
      const tape::TapeRange range{
          begin, body_of(record) - begin + record.size + tape::padding_of(record.size)};
      const tape::TapeOffset body = body_of(content);
      const Located found{record.member(), range, body, content.size, {}};
      Pieces pieces;
      if (content.size > 0) add_range(archive.locate(body.value(), content.size), content, pieces);
      show(found, pieces, opened, out);
    });
    return failed ? *failed : kDone;
  }

  static void show(const Located& found,
                   const Pieces& pieces,
                   const Opened& opened,
                   const Output& out) {
    if (out.json()) {
      Json all = fields_of(found, pieces.parts);
      all.update(reading_fields(opened.figures()));
      out.line("summary", all);
    }
    out.text(text_of(found) + pieces.text);
  }

  // Where inflating begins with a window, or between two bytes, no tool but ours begins.
  void add_range(const tape::ForeignArchive::Place& place,
                 const tape::MemberRecord& content,
                 Pieces& pieces) const {
    pieces.parts.push_back({{"object", json_text(without_query(words.what))},
                            {"begin", place.stream.begin.value()},
                            {"end", place.stream.end().value()},
                            {"skip", place.skip},
                            {"size", content.size},
                            {"bits", place.bits},
                            {"window", place.window ? Json(place.window->begin.value()) : Json()}});
    pieces.text +=
        fmt::format("object        {}: bytes {} to {}\n", tape::shown(without_query(words.what)),
                    place.stream.begin.value(), place.stream.end().value());
    if (place.window)
      pieces.text += fmt::format("window        of the .gzidx: bytes {} to {}\n",
                                 place.window->begin.value(), place.window->end().value());
    if (place.stream.begin.value() == 0) {
      pieces.text +=
          fmt::format("  content     curl -s -r 0-{} URL | gunzip -c | tail -c +{} | head -c {}\n",
                      place.stream.end().value() - 1, place.skip + 1, content.size);
    } else {
      pieces.text += fmt::format("  content     ragtape cat {} {}\n",
                                 quoted(without_query(words.what)), quoted(content.path));
    }
  }

  static tape::TapeRange range_of(const std::vector<tape::MemberPlace>& places) {
    const tape::TapeOffset begin = places.front().tape.begin;
    return {begin, places.back().tape.end() - begin};
  }

  // What of `body` lies in one object.
  static void add_object(const std::string& name,
                         const tape::MemberPlace& place,
                         const tape::TapeRange& body,
                         Pieces& pieces) {
    const auto from = std::clamp(body.begin, place.tape.begin, place.tape.end());
    const auto to = std::clamp(body.end(), place.tape.begin, place.tape.end());
    const tape::ByteCount skip = place.skip + (from - place.tape.begin);
    pieces.parts.push_back({{"object", json_text(name)},
                            {"begin", place.pages.begin.value()},
                            {"end", place.pages.end().value()},
                            {"skip", skip},
                            {"size", to - from}});
    pieces.text += fmt::format("object        {}: bytes {} to {}\n", tape::shown(name),
                               place.pages.begin.value(), place.pages.end().value());
    if (to > from)
      pieces.text += fmt::format(
          "  content     curl -s -r {}-{} URL | gunzip -c | tail -c +{} | head -c {}\n",
          place.pages.begin.value(), place.pages.end().value() - 1, skip + 1, to - from);
  }

  // Below the set's folder in the store; the archive itself.
  std::string object_name(const Opened& opened, std::size_t volume) const {
    return opened.manifest() ? opened.manifest()->set + "/" + opened.manifest()->volumes[volume].key
                             : without_query(words.what);
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
