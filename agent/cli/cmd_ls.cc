// ragtape ls STORE|ARCHIVE|TAPE [PATH...]

#include <memory>
#include <vector>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/is_tape.h"
#include "cli/member_line.h"
#include "cli/opened.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/where.h"
#include "restore/select.h"
#include "tape/catalog.h"
#include "tape/digest.h"

namespace agent {
namespace {

std::string mode_text(const tape::Member& member) {
  constexpr const char* kTypes = "-hlcbdp";
  constexpr const char* kBits = "rwxrwxrwx";
  std::string out(1, kTypes[static_cast<char>(member.type) - '0']);
  for (int bit = 0; bit < 9; ++bit)
    out += (member.mode >> (8 - bit) & 1) != 0 ? kBits[bit] : '-';
  const auto special = [&](std::uint32_t flag, std::size_t at, char with_x, char without) {
    if ((member.mode & flag) != 0) out[at] = out[at] == 'x' ? with_x : without;
  };
  special(04000, 3, 's', 'S');
  special(02000, 6, 's', 'S');
  special(01000, 9, 't', 'T');
  return out;
}

std::string owner_text(const MemberLine& line) {
  const tape::Member& member = line.member;
  if (!line.owner) return "root/root";
  const std::string user =
      member.uname.empty() ? std::to_string(member.uid) : tape::shown(member.uname);
  return user + "/" +
         (member.gname.empty() ? std::to_string(member.gid) : tape::shown(member.gname));
}

// As `tar -tv` has it.
std::string long_text(const MemberLine& line) {
  const tape::Member& member = line.member;
  const char* arrow = member.type == tape::MemberType::symlink     ? " -> "
                      : member.type == tape::MemberType::hard_link ? " link to "
                                                                   : "";
  return fmt::format("{} {} {:>12} {} {}{}{}", mode_text(member), owner_text(line), member.size,
                     shown_time(member.mtime), tape::shown(member.name), arrow,
                     tape::shown(member.target));
}

struct LsCommand {
  WhatWords words;
  std::vector<std::string> paths;
  bool long_form = false;
  bool zero = false;

  int run(const GlobalOptions& global) const {
    const Output out(global, false);
    if (!is_store(words.what) && is_tape(words.what)) return list_tape(out);
    Opened opened(words, out.global());
    const auto failed = reading(opened, out, [&] {
      each_selected(opened.members(), select(opened.members(), paths),
                    [&](const tape::MemberRecord& record) {
                      check_stop();
                      show(line_of(opened.members(), record), out);
                    });
    });
    if (failed) return *failed;
    if (out.json()) out.line("summary", reading_fields(opened.figures()));
    return kDone;
  }

  int list_tape(const Output& out) const {
    const auto catalog = tape::Catalog::open(words.what);
    catalog->check();
    if (!paths.empty())
      throw tape::Error(tape::ErrorKind::usage, "ls of a tape takes no PATH",
                        "name an archive, or filter the output");
    const auto cursor = catalog->entries_from(tape::TapeOffset(0));
    while (const auto entry = cursor->next()) {
      check_stop();
      show({entry->member, static_cast<std::int64_t>(entry->offset.value()), entry->header_blocks,
            catalog->summary().metadata == tape::Metadata::full, entry->hash},
           out);
    }
    if (out.json()) out.line("summary", summary_fields(catalog->summary()));
    return kDone;
  }

  void show(const MemberLine& line, const Output& out) const {
    if (out.json()) {
      out.line("member", json_fields(line));
    } else if (zero) {
      print(line.member.name);
      print(std::string_view("\0", 1));
    } else {
      print((long_form ? long_text(line) : tape::shown(line.member.name)) + "\n");
    }
  }
};

}  // namespace

void add_ls(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "ls", "List the members of a snapshot, an archive or a tape");
  const auto command = std::make_shared<LsCommand>();
  command->words.add(verb, "A store, an archive or a tape");
  verb.option("PATH", command->paths, "Only these members and what is below them");
  verb.flag("-l,--long", command->long_form, "Like tar -tv; times local");
  verb.flag("-0,--null", command->zero, "Names as they are, each ended by NUL");
  verb.footer(help_end("ragtape ls -l documents.tar.gz documents/letters",
                       "0 listed; 1 failed, damaged or without a member index; 2 usage; 10 no "
                       "such archive or member"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
