// ragtape find STORE|ARCHIVE PATTERN...

#include <algorithm>
#include <memory>

#include <fnmatch.h>

#include "cli/command.h"
#include "cli/member_line.h"
#include "cli/opened.h"
#include "cli/options.h"
#include "cli/signals.h"
#include "tape/error.h"

namespace agent {
namespace {

struct FindCommand {
  WhatWords words;
  std::vector<std::string> patterns;
  std::string type;
  bool zero = false;

  int run(const GlobalOptions& global) const {
    const Output out(global, false);
    Opened opened(words, out.global());
    std::uint64_t found = 0;
    const auto failed = reading(opened, out, [&] {
      const auto cursor = opened.members().records_below({});
      while (const auto record = cursor->next()) {
        check_stop();
        if (!matches(*record)) continue;
        ++found;
        show(line_of(opened.members(), *record), out);
      }
    });
    if (failed) return *failed;
    if (out.json()) {
      Json fields = {{"found", found}};
      fields.update(reading_fields(opened.figures()));
      out.line("summary", fields);
    }
    return found > 0 ? kDone : kNotFound;
  }

  // A name glob; of the whole path when it has a `/`.
  bool matches(const tape::MemberRecord& record) const {
    if (!type.empty() && type_letter(record.type) != type.front()) return false;
    const std::string name = record.path.substr(record.path.rfind('/') + 1);
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
      const bool path = pattern.find('/') != std::string::npos;
      return ::fnmatch(pattern.c_str(), path ? record.path.c_str() : name.c_str(),
                       path ? FNM_PATHNAME : 0) == 0;
    });
  }

  // As find(1) has them; `h`: a hard link.
  static char type_letter(tape::MemberType type) {
    constexpr const char* kLetters = "fhlcbdp";
    return kLetters[static_cast<char>(type) - '0'];
  }

  void show(const MemberLine& line, const Output& out) const {
    const std::string& name = line.member.name;
    if (out.json()) {
      out.line("member", json_fields(line));
    } else if (zero) {
      print(name + std::string(1, '\0'));
    } else {
      print(tape::shown(name) + "\n");
    }
  }
};

}  // namespace

void add_find(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "find", "Find members by name in a snapshot or an archive");
  const auto command = std::make_shared<FindCommand>();
  command->words.add(verb, "A store or an archive");
  verb.option("PATTERN", command->patterns,
              "A glob of the name; of the whole path when it has a `/`")
      .required();
  verb.option("--type", command->type, "f, d, l, h (hard link), p, c or b")
      .one_of({"f", "d", "l", "h", "p", "c", "b"});
  verb.flag("-0,--null", command->zero, "Names as they are, each ended by NUL");
  verb.footer(help_end("ragtape find /mnt/backups '*.odt'",
                       "0 found; 1 failed or damaged; 2 usage; 10 nothing fits, or no such store "
                       "or archive"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
