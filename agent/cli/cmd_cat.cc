// ragtape cat STORE|ARCHIVE PATH...

#include <memory>
#include <vector>

#include <unistd.h>

#include "cli/command.h"
#include "cli/opened.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "restore/delivery.h"
#include "restore/select.h"

namespace agent {
namespace {

struct CatCommand {
  WhatWords words;
  std::vector<std::string> paths;

  int run(const GlobalOptions& global) const {
    const Output out(global, true);
    Opened opened(words, out.global());
    const auto sink = tape::descriptor_sink(STDOUT_FILENO, "standard output");
    bool wrong = false;
    const auto failed = reading(opened, out, [&] {
      for (const std::string& path : paths)
        wrong = !deliver_one(opened.members(), path, *sink, out) || wrong;
    });
    if (failed) return *failed;
    if (out.json()) out.line("summary", reading_fields(opened.figures()));
    return wrong ? kDamaged : kDone;
  }

  // False: the content is not what was recorded.
  static bool deliver_one(tape::Members& members,
                          const std::string& path,
                          tape::ByteSink& sink,
                          const Output& out) {
    const auto record = content_of(members, member_for(members, path));
    const auto hash = deliver(members, record, [&](tape::ByteView bytes) {
      check_stop();
      sink.write(bytes);
    });
    if (hash != tape::HashResult::wrong) return true;
    out.error({tape::ErrorKind::corrupt,
               tape::shown(record.path) + ": its content does not have the recorded XXH3-128",
               "do not trust what was written"},
              kDamaged);
    return false;
  }
};

}  // namespace

void add_cat(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "cat", "Write the content of members to standard output");
  const auto command = std::make_shared<CatCommand>();
  command->words.add(verb, "A store or an archive");
  verb.option("PATH", command->paths, "Regular files or hard links, as ls prints them").required();
  verb.footer(help_end("ragtape cat documents.tar.gz documents/letter.txt",
                       "0 done; 1 failed or damaged; 2 usage; 4 the content does not have its "
                       "recorded hash; 10 no such archive or member"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }, true};
  });
}

}  // namespace agent
