// Hears of members on their way into a volume, and journals those that are not as recorded.
//
// Threads: one caller at a time.
// Spec:    docs/format.md §2, §6.
#pragma once
#include <functional>
#include <set>
#include <string>

#include "backup/journal.h"
#include "tape/tape_stream.h"

namespace agent {

class Outcomes final : public tape::MemberObserver {
 public:
  // `warning` may be empty. All must outlive this.
  Outcomes(Journal& journal, const std::function<void(const std::string&)>& warning)
      : journal_(journal), warning_(warning) {}

  // The volume that hears first.
  void pass_on_to(tape::MemberObserver& volume) { volume_ = &volume; }

  void member_starts(const tape::Entry& entry, const Start& start) override;
  void member_ends(const tape::Entry& entry, const tape::MemberEnd& end) override;

 private:
  Journal& journal_;
  const std::function<void(const std::string&)>& warning_;
  tape::MemberObserver* volume_ = nullptr;
};

// What the stream must know of the time before an interruption.
std::set<tape::TapeOffset> omitted_before(Journal& journal);

const char* name_of(tape::Outcome outcome);
// The same as a field of JSON has it.
const char* field_word_of(tape::Outcome outcome);
// omitted, torn: the content is not all there.
bool is_incomplete(tape::Outcome outcome);
// One member, one sentence.
std::string warning_of(const tape::Entry& entry, const tape::MemberEnd& end);

}  // namespace agent
