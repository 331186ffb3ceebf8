// ragtape ragzip check FILE

#include <memory>

#include <fmt/format.h>

#include "cli/options.h"
#include "cli/ragzip_verbs.h"
#include "cli/report.h"
#include "tape/counting_source.h"
#include "tape/files.h"
#include "tape/ragzip_check.h"

namespace agent {
namespace {

struct CheckCommand {
  std::string path;

  int run(const GlobalOptions& global) const {
    const Output out(global, false);
    expect_no_directory(path);
    tape::ReadCounts counts;
    const tape::CountingSource source(tape::open_file_source(path), counts);
    const tape::RagzipCheck check =
        tape::within(source.name(), [&] { return checked(source, out); });
    report(check, source, figures_of(counts), out);
    return check.violations == 0 ? kDone : kDamaged;
  }

  static tape::RagzipCheck checked(const tape::RangeSource& source, const Output& out) {
    Progress progress(out);
    const auto told = [&](const tape::Violation& violation) {
      tell(violation, source.name(), out);
    };
    return tape::check_ragzip(source, static_cast<unsigned>(jobs_of(out.global())), told,
                              shown_progress(progress, 0, source.name()));
  }

  static void tell(const tape::Violation& violation, const std::string& name, const Output& out) {
    if (out.json())
      out.line("violation",
               {{"offset", violation.at.value()}, {"message", violation.error.what()}});
    out.text(fmt::format("{}: {}: {}\n", name, violation.at.value(), violation.error.what()));
  }

  static void report(const tape::RagzipCheck& check,
                     const tape::RangeSource& source,
                     const ReadFigures& figures,
                     const Output& out) {
    if (out.json()) {
      Json fields = {{"violations", check.violations},
                     {"pages_checked", check.pages_checked},
                     {"bytes_checked", check.bytes_checked}};
      if (check.geometry) {
        fields["pages"] = check.geometry->page_count;
        fields["logical_size"] = check.geometry->logical_size;
      }
      fields.update(reading_fields(figures));
      out.line("summary", fields);
    }
    out.text(fmt::format("{}: {} violation{}; {} pages, {} bytes of content are sound\n",
                         source.name(),
                         check.violations == 0 ? "no" : shown_count(check.violations),
                         check.violations == 1 ? "" : "s", shown_count(check.pages_checked),
                         shown_count(check.bytes_checked)));
  }
};

}  // namespace

void add_ragzip_check(const Verb& ragzip,
                      const GlobalOptions& global,
                      std::optional<Command>& chosen) {
  const Verb verb(ragzip, "check",
                  "Decode everything and report each rule that the file breaks, with its offset");
  const auto command = std::make_shared<CheckCommand>();
  verb.option("FILE", command->path, "A ragzip file").required();
  verb.footer(help_end("ragtape ragzip check access.log.gz",
                       "0 sound; 1 failed; 2 usage; 4 violations were found; 5 the file changed "
                       "meanwhile; 10 no such file; 12 denied"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
