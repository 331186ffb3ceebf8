// ragtape doctor STORE

#include <memory>

#include <fmt/format.h>

#include "backup/stale_uploads.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "cli/where.h"
#include "store/doctor.h"

namespace agent {
namespace {

const char* word_of(Finding::Result result) {
  switch (result) {
    case Finding::Result::good:
      return "ok";
    case Finding::Result::note:
      return "note";
    case Finding::Result::bad:
      return "bad";
  }
  return "";
}

struct DoctorCommand {
  std::string what;
  StoreWords store_words;

  int run(const GlobalOptions& global) const {
    const Output out(global, false);
    OpenStore store(what, store_words, OpenStore::Access::read);
    std::uint64_t notes = 0;
    std::uint64_t bad = 0;
    DoctorOptions options;
    options.resume_window = kResumeWindow;
    options.check_stop = check_stop;
    options.tell = [&](const Finding& finding) {
      notes += finding.result == Finding::Result::note ? 1 : 0;
      bad += finding.result == Finding::Result::bad ? 1 : 0;
      show(finding, out);
    };
    if (store.s3() != nullptr)
      options.tell({"credentials", Finding::Result::good, store.credentials_source(), ""});
    examine(*store, store.s3(), options);
    if (out.json()) out.line("summary", {{"bad", bad}, {"notes", notes}});
    out.text(bad > 0     ? fmt::format("{} found that a backup cannot rely on\n", bad)
             : notes > 0 ? fmt::format("fit for backups; {} to know of\n", notes)
                         : "fit for backups\n");
    return bad > 0 ? kFailed : kDone;
  }

  static void show(const Finding& finding, const Output& out) {
    if (out.json())
      out.line("finding", {{"about", finding.about},
                           {"result", word_of(finding.result)},
                           {"detail", finding.detail},
                           {"hint", finding.hint}});
    out.text(fmt::format("{:4}  {:18}  {}{}\n", word_of(finding.result), finding.about,
                         finding.detail, finding.hint.empty() ? "" : "; " + finding.hint));
  }
};

}  // namespace

void add_doctor(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "doctor", "Try whether a store does what a backup relies on");
  const auto command = std::make_shared<DoctorCommand>();
  verb.option("STORE", command->what, "A store").required();
  command->store_words.add_reading(verb);
  verb.footer(
      help_end("ragtape doctor s3://backups/laptop",
               "0 fit for backups, notes or not; 1 something was found that a backup cannot "
               "rely on; 2 usage; 5 the network or the store failed; 10 no such store; 12 "
               "denied"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
