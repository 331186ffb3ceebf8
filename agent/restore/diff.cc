#include "restore/diff.h"

namespace agent {
namespace {

using tape::MemberRecord;

// Size, mode, owner, time, target, content; a hash that one of them lacks says nothing.
std::string differences(const MemberRecord& a, const MemberRecord& b) {
  std::string out;
  const auto note = [&](bool differs, const char* what) {
    if (differs) out += (out.empty() ? "" : ", ") + std::string(what);
  };
  note(a.type != b.type, "type");
  note(a.size != b.size, "size");
  note(a.mode != b.mode, "mode");
  note(a.mtime != b.mtime, "mtime");
  const bool owners = a.has(tape::kRecordOwner) && b.has(tape::kRecordOwner);
  note(owners && (a.uid != b.uid || a.gid != b.gid), "owner");
  note(a.target != b.target, "target");
  note(a.header_blocks != b.header_blocks, "header");  // xattrs, above all
  const bool hashes = a.has(tape::kRecordHash) && b.has(tape::kRecordHash);
  note(hashes && a.hash != b.hash, "content");
  note(a.has(tape::kRecordTorn) != b.has(tape::kRecordTorn), "torn");
  note(a.has(tape::kRecordOmitted) != b.has(tape::kRecordOmitted), "omitted");
  return out;
}

}  // namespace

DiffReport diff(tape::Archive& before,
                tape::Archive& after,
                const std::function<void(const DiffLine&)>& visit,
                const std::function<void()>& check_stop) {
  DiffReport report;
  const auto left = before.records_from({});
  const auto right = after.records_from({});
  auto a = left->next();
  auto b = right->next();
  while (a || b) {
    check_stop();
    if (!b || (a && tape::path_before(a->path, b->path))) {
      ++report.removed;
      visit({Difference::removed, a->name(), ""});
      a = left->next();
    } else if (!a || tape::path_before(b->path, a->path)) {
      ++report.added;
      visit({Difference::added, b->name(), ""});
      b = right->next();
    } else {
      const std::string what = differences(*a, *b);
      what.empty() ? ++report.same : ++report.changed;
      if (!what.empty()) visit({Difference::changed, b->name(), what});
      a = left->next();
      b = right->next();
    }
  }
  return report;
}

}  // namespace agent
