// ragtape diff STORE [A B] · diff ARCHIVE ARCHIVE · diff TAPE TAPE|DIR

#include <memory>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/is_tape.h"
#include "cli/opened.h"
#include "cli/options.h"
#include "cli/signals.h"
#include "cli/verify_tape.h"
#include "cli/where.h"
#include "restore/diff.h"
#include "store/snapshots.h"
#include "tape/error.h"

namespace agent {
namespace {

const char* word_of(Difference kind) {
  switch (kind) {
    case Difference::added:
      return "added";
    case Difference::removed:
      return "removed";
    case Difference::changed:
      return "changed";
  }
  return "";
}

struct DiffCommand {
  std::string store;
  std::string set;
  std::vector<std::string> snapshots;
  StoreWords store_words;

  int run(const GlobalOptions& global) const {
    const Output out(global, false);
    if (!is_store(store) && is_tape(store)) {
      if (snapshots.size() != 1)
        throw tape::Error(tape::ErrorKind::usage,
                          "diff of a tape: another tape or a tree expected");
      return diff_tapes(store, snapshots.front(), global, out);
    }
    if (!is_store(store)) return diff_archives(out);
    if (snapshots.size() == 1)
      throw tape::Error(tape::ErrorKind::usage, "SNAPSHOT: two snapshots, or none");
    Opened before(words(0), out.global());
    Opened after(words(1), out.global());
    return compare(before, after, out);
  }

  int diff_archives(const Output& out) const {
    if (snapshots.size() != 1 || is_store(snapshots.front()) || !set.empty())
      throw tape::Error(tape::ErrorKind::usage, "diff of an archive: another archive expected",
                        "ragtape diff BEFORE.tar.gz AFTER.tar.gz");
    Opened before({store, "", "", "", store_words}, out.global());
    Opened after({snapshots.front(), "", "", "", store_words}, out.global());
    return compare(before, after, out);
  }

  static int compare(Opened& before, Opened& after, const Output& out) {
    DiffReport report;
    tape::within(before.name() + " and " + after.name(), [&] {
      report = diff(
          before.archive(), after.archive(), [&](const DiffLine& line) { show(line, out); },
          check_stop);
    });
    if (out.json())
      out.line("summary", {{"added", report.added},
                           {"removed", report.removed},
                           {"changed", report.changed},
                           {"same", report.same},
                           {"before", shown_as(before)},
                           {"after", shown_as(after)}});
    return kDone;
  }

  static std::string shown_as(const Opened& opened) {
    return opened.manifest() ? opened.manifest()->snapshot : opened.name();
  }

  // Two IDs, or the last two of the set.
  WhatWords words(std::size_t which) const {
    WhatWords out{store, set, "", "", store_words};
    if (snapshots.size() == 2) {
      out.snapshot = snapshots[which];
      return out;
    }
    OpenStore opened(store, store_words, OpenStore::Access::read);
    out.set = settled_set(*opened, set);
    const auto ids = snapshots_of(*opened, out.set);
    if (ids.size() < 2)
      throw tape::Error(tape::ErrorKind::not_found, "set " + out.set + " has " +
                                                        std::to_string(ids.size()) +
                                                        " snapshots; a difference needs two");
    out.snapshot = ids[ids.size() - 2 + which];
    return out;
  }

  static void show(const DiffLine& line, const Output& out) {
    if (out.json()) {
      out.line("difference", {{"difference", word_of(line.kind)},
                              {"name", json_text(line.path)},
                              {"fields", line.what}});
      return;
    }
    const char sign = line.kind == Difference::added     ? '+'
                      : line.kind == Difference::removed ? '-'
                                                         : 'M';
    out.text(fmt::format("{} {}{}\n", sign, tape::shown(line.path),
                         line.what.empty() ? "" : "  (" + line.what + ")"));
  }
};

}  // namespace

void add_diff(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "diff", "What changed from one snapshot, archive or tape to another");
  const auto command = std::make_shared<DiffCommand>();
  verb.option("STORE", command->store, "A store, an archive or a tape").required();
  verb.option("SNAPSHOT", command->snapshots,
              "Two IDs, or unique beginnings (default: the last two); of an archive: another; of a "
              "tape: "
              "another, or a tree")
      .at_most(2);
  verb.option("--set", command->set, "The set (default: the only one)");
  command->store_words.add_reading(verb);
  verb.footer(help_end("ragtape diff /mnt/backups",
                       "0 done; 1 failed or damaged; 2 usage; 3 done, but the tree could not be "
                       "read whole; 10 no such store or snapshot"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
