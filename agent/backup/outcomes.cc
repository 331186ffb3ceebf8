#include "backup/outcomes.h"

#include "tape/error.h"

namespace agent {

void Outcomes::member_starts(const tape::Entry& entry, const Start& start) {
  volume_->member_starts(entry, start);
}

void Outcomes::member_ends(const tape::Entry& entry, const tape::MemberEnd& end) {
  volume_->member_ends(entry, end);
  if (end.outcome == tape::Outcome::as_recorded) return;
  journal_.add_outcome({entry.offset, entry.end(), entry.path, end.outcome, end.why});
  if (warning_) warning_(warning_of(entry, end));
}

std::string warning_of(const tape::Entry& entry, const tape::MemberEnd& end) {
  const std::string name = entry.path.empty() ? "the source" : tape::shown(entry.path);
  const std::string why =
      end.why.starts_with(name + ": ") ? end.why.substr(name.size() + 2) : end.why;
  return name + ": " + name_of(end.outcome) + ": " + why;
}

bool is_incomplete(tape::Outcome outcome) {
  return outcome == tape::Outcome::omitted || outcome == tape::Outcome::torn;
}

std::set<tape::TapeOffset> omitted_before(Journal& journal) {
  std::set<tape::TapeOffset> out;
  for (const OutcomeRow& row : journal.outcomes()) {
    if (row.outcome == tape::Outcome::omitted) out.insert(row.begin);
  }
  return out;
}

const char* field_word_of(tape::Outcome outcome) {
  return outcome == tape::Outcome::as_recorded ? "as_recorded" : name_of(outcome);
}

const char* name_of(tape::Outcome outcome) {
  switch (outcome) {
    case tape::Outcome::as_recorded:
      return "as recorded";
    case tape::Outcome::changed:
      return "changed";
    case tape::Outcome::grew:
      return "grew";
    case tape::Outcome::torn:
      return "torn";
    case tape::Outcome::omitted:
      return "omitted";
  }
  return "";
}

}  // namespace agent
