// ragtape volumes TAPE|DIR --volume-size S: the slices of a tape and what lies in them.

#include <memory>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/open_tape.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "tape/tartape.h"
#include "tape/volume_plan.h"
#include "tape/volume_reader.h"

namespace agent {
namespace {

const char* word_of(tape::MemberState state) {
  switch (state) {
    case tape::MemberState::complete:
      return "complete";
    case tape::MemberState::head:
      return "head";
    case tape::MemberState::body:
      return "body";
    case tape::MemberState::tail:
      return "tail";
  }
  return "";
}

struct VolumesCommand {
  std::string what;
  std::string volume_size;

  int run(const GlobalOptions& global) const {
    const Output out(global, false);
    const auto catalog = open_tape(what, global, out);
    const auto plan = tape::VolumePlan::fixed(catalog->summary().tape_size,
                                              parse_size("--volume-size", volume_size), 0);
    const Names names(*catalog, plan.count());
    for (std::uint64_t number = 0; number < plan.count(); ++number)
      show(*catalog, {plan.slice(number), names.of(number)}, number, out);
    if (out.json())
      out.line("summary", {{"volumes", plan.count()}, {"tape_size", catalog->summary().tape_size}});
    return catalog->summary().problems == 0 ? kDone : kIncomplete;
  }

  // NAME.tar.00000; of the profile tartape its own.
  class Names {
   public:
    Names(tape::Catalog& catalog, std::uint64_t count) : count_(count) {
      const tape::CatalogSummary& summary = catalog.summary();
      name_ = tape::default_prefix(summary.root, false);
      if (name_.empty()) name_ = "root";
      if (summary.profile == tape::Profile::tartape)
        fingerprint_ = tape::tartape_fingerprint(catalog);
    }
    std::string of(std::uint64_t number) const {
      if (!fingerprint_.empty())
        return tape::tartape_volume_name(name_, fingerprint_, number, count_);
      return count_ == 1 ? name_ + ".tar" : fmt::format("{}.tar.{:05}", name_, number);
    }

   private:
    std::uint64_t count_;
    std::string name_;
    std::string fingerprint_;
  };

  static void show(tape::Catalog& catalog,
                   const tape::Slice& slice,
                   std::uint64_t number,
                   const Output& out) {
    if (out.json())
      out.line("volume", {{"number", number},
                          {"name", json_text(slice.name)},
                          {"tape_offset", slice.range.begin.value()},
                          {"size", slice.range.size}});
    out.text(fmt::format("{}  {} bytes from {}\n", tape::shown(slice.name), slice.range.size,
                         slice.range.begin.value()));
    tape::SliceMembers members(catalog, slice.range);
    while (const auto member = members.next()) {
      check_stop();
      const std::string& path = member->entry.member.name;
      if (out.json())
        out.line("member", {{"volume", number},
                            {"name", json_text(path)},
                            {"state", word_of(member->state)},
                            {"tape_begin", member->tape.begin.value()},
                            {"tape_end", member->tape.end().value()},
                            {"begin", member->begin},
                            {"end", member->begin + member->tape.size}});
      out.text(fmt::format("  {:<8} {:>12} {:>12}  {}\n", word_of(member->state), member->begin,
                           member->begin + member->tape.size, tape::shown(path)));
    }
  }
};

}  // namespace

void add_volumes(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "volumes", "Show the slices of a tape and the members that lie in them");
  const auto command = std::make_shared<VolumesCommand>();
  verb.option("WHAT", command->what, "A tape, or a tree that was scanned").required();
  verb.option("--volume-size", command->volume_size, "Tape bytes in one slice; 0: all").required();
  verb.footer(help_end("ragtape volumes documents.tape --volume-size 1GiB",
                       "0 done; 1 failed; 2 usage; 3 done, but the tape lacks entries that could "
                       "not be read; 10 no such tape"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
