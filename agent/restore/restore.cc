#include "restore/restore.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_set>

#include <unistd.h>

#include "restore/delivery.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using tape::MemberRecord;
using tape::MemberType;
using tape::SourceKind;

constexpr const char* kTorn = "it was torn when the archive was made: it changed while it was read";

class Restore {
 public:
  Restore(tape::Members& members,
          const Wanted& wanted,
          const RestoreOptions& options,
          const RestoreEvents& events)
      : members_(members),
        wanted_(wanted),
        options_(options),
        events_(events),
        owners_(::geteuid() == 0) {
    // A dry run looks at the target, if there is one, and makes nothing.
    if (!options.dry_run || tape::is_directory(options.target)) {
      tree_ = tape::TreeWriter::open(
          options.target, {owners_, options.numeric_owner, log() ? log()->run() : std::string()});
    }
    if (goes_on()) sweep();
  }

  RestoreReport run() {
    const auto failure = tape::failure_of([&] {
      each_selected(
          members_, wanted_.selection(), [&](const MemberRecord& record) { meet(record); },
          // A volume without its index: what else there is gets restored.
          [this](const Error& error) { volume_lost(error); });
    });
    if (!members_.in_path_order()) {
      std::sort(open_.begin(), open_.end(),
                [](const Open& a, const Open& b) { return tape::path_before(a.path, b.path); });
    }
    // Also when the run ends early: an open directory has mode 0700 and today's time.
    close_directories(std::nullopt);
    if (failure) throw Error(*failure);
    if (log()) log()->remove();
    return report_;
  }

 private:
  // A directory whose metadata waits until everything below it is there.
  struct Open {
    std::string path;
    tape::Member member;
    bool finish = false;
  };

  // A member, and where it goes below the target.
  struct Placed {
    const MemberRecord& record;
    std::string at;
  };

  RestoreLog* log() const { return options_.log; }
  bool goes_on() const { return log() && log()->is_continued(); }

  // Of each killed run the one file that it was writing. What cannot be looked at keeps it.
  void sweep() {
    for (const RestoreLog::Leftover& leftover : log()->leftovers()) {
      if (leftover.folder)
        static_cast<void>(tape::failure_of([&] { sweep(*leftover.folder, leftover.run); }));
    }
  }

  void sweep(const std::string& folder, const std::string& run) {
    const std::string begin = ".part-" + run;
    std::vector<std::string> left;
    tape::open_tree(options_.target).tree->list(folder, [&](std::string_view name) {
      if (name.starts_with(begin)) left.push_back(below(folder, name));
    });
    for (const std::string& path : left)
      tree_->remove(path);
  }

  static std::string below(const std::string& folder, std::string_view name) {
    return folder.empty() ? std::string(name) : folder + "/" + std::string(name);
  }

  void meet(const MemberRecord& record) {
    if (auto place = wanted_.place_of(record)) one({record, std::move(*place)});
  }

  void one(const Placed& member) {
    if (events_.progress) events_.progress(report_.bytes, member.at);
    close_directories(member.at);
    if (options_.dry_run) return look_at(member);
    if (blocked_ && tape::path_within(member.at, blocked_->path)) return pass_over(member);
    blocked_.reset();
    const std::uint64_t noted = report_.needs_root;
    const auto failure = tape::failure_of([&] { make(member); });
    if (failure) return fail(member, *failure);
    // Somebody else's file is ours now: one note, whatever else only root may set.
    if (!owners_ && report_.needs_root == noted && is_foreign(member.record)) ++report_.needs_root;
  }

  static bool is_foreign(const MemberRecord& record) {
    return record.has(tape::kRecordOwner) &&
           (record.uid != ::geteuid() || record.gid != ::getegid());
  }

  void look_at(const Placed& member) {
    std::optional<tape::SourceStat> found;
    if (tree_ && !member.at.empty()) {
      const auto failure = tape::failure_of([&] { found = tree_->stat(member.at); });
      if (failure) return fail(member, *failure);
    }
    if (found && member.record.type != MemberType::directory && !replaces(member.record, *found))
      return keep(member, *found);
    ++report_.restored;
    report_.bytes += member.record.size;
  }

  void make(const Placed& member) {
    const MemberRecord& record = member.record;
    if (member.at.empty()) return;  // the root of no prefix is the target itself
    if (!is_parent_open(member.at)) tree_->make_parents(member.at);
    if (record.type == MemberType::directory) return make_directory(member);
    const auto found = tree_->stat(member.at);
    if (found && !replaces(record, *found)) return keep(member, *found);
    const bool replace = found.has_value();
    if (wanted_.strips() && !made_.insert(std::hash<std::string>{}(member.at)).second)
      contested_.insert(std::hash<std::string>{}(member.at));
    if (log()) log()->writes_in(parent_of(member.at));
    if (record.type == MemberType::hard_link) return make_link(member, replace);
    if (record.type == MemberType::regular) return make_file(member, record, replace);
    make_node(member, record, replace);
  }

  // Empty: the target.
  static std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
  }

  bool is_parent_open(const std::string& path) const {
    const std::string parent = parent_of(path);
    return parent.empty() || (!open_.empty() && open_.back().path == parent);
  }

  void make_node(const Placed& member, const MemberRecord& content, bool replace) {
    const bool device =
        content.type == MemberType::character_device || content.type == MemberType::block_device;
    if (device && !(owners_ && content.has(tape::kRecordOwner))) {
      ++report_.needs_root;
      missed(member.record);
      return;
    }
    account(
        tree_->make_node(member.at, granted(content, members_.open(content)->header()), replace));
  }

  // Set-id bits and root's attributes are for archives that record owners, as devices are: in one
  // that does not (`portable`) no writer of ours puts any.
  tape::Member granted(const MemberRecord& record, tape::Member header) {
    if (record.has(tape::kRecordOwner)) return header;
    const auto is_roots = [](const tape::Xattr& xattr) {
      return xattr.name.starts_with("trusted.") || xattr.name.starts_with("security.");
    };
    const std::uint32_t set_id = header.type == MemberType::directory ? 0 : header.mode & 06000;
    if (set_id != 0 || std::erase_if(header.xattrs, is_roots) != 0) ++report_.needs_root;
    header.mode &= ~set_id;
    return header;
  }

  void make_directory(const Placed& member) {
    const MemberRecord& record = member.record;
    const auto found = tree_->stat(member.at);
    if (found && found->kind != SourceKind::directory) {
      blocked_ = {member.at, true};
      return leave_alone(record, "something that is no directory has its name");
    }
    // In this order: one that is made and not in the log would never be finished.
    if (!found && log()) log()->made(member.at);
    const bool fresh = tree_->make_directory(member.at);
    const bool ours = !fresh && goes_on() && log()->has_made(member.at);
    if (ours) tree_->reopen_directory(member.at);
    // Unchanged so far, it may still get names below: its time is set again in the end.
    const bool finish = fresh || ours || options_.overwrite == Overwrite::if_changed ||
                        (found && updates(record, *found));
    open_.push_back({member.at, record.member(), finish});
    if (!finish) return;
    // A damaged header costs the directory its xattrs, not what is below it.
    const auto failure =
        tape::failure_of([&] { open_.back().member = members_.open(record)->header(); });
    if (failure) return fail_but_keep(record, *failure);
    ++report_.restored;
  }

  void make_file(const Placed& member, const MemberRecord& content, bool replace) {
    const auto reader = members_.open(content);
    const auto file = tree_->create_file(member.at);
    buffer_.resize(tape::kWalkBuffer);
    while (const std::size_t n = reader->read(buffer_)) {
      file->write(tape::ByteView(buffer_).first(n));
      report_.bytes += n;
      if (events_.progress) events_.progress(report_.bytes, member.at);
    }
    const tape::HashResult hash = reader->finish();
    if (hash == tape::HashResult::wrong) {
      ++report_.wrong_hash;
      throw Error(
          ErrorKind::corrupt,
          "its content does not have the recorded XXH3-128; nothing was written under its name");
    }
    if (hash == tape::HashResult::none && !options_.damaged)
      throw Error(ErrorKind::unsupported,
                  std::string(kTorn) + "; --damaged restores it all the same");
    account(file->commit(granted(content, reader->header()), replace));
    if (hash == tape::HashResult::none) {
      ++report_.torn;
      if (events_.warning)
        events_.warning(tape::shown(member.record.path) + ": restored: " + kTorn);
    }
  }

  // A name for what this run restored; else the content is fetched and the file stands by itself.
  void make_link(const Placed& member, bool replace) {
    const MemberRecord target = first_name_of(members_, member.record);
    const auto first = wanted_.place_of(target);
    const auto found = first ? tree_->stat(*first) : std::nullopt;
    // Where several names lost so much that they are one, another's content may be there.
    const bool is_its_own = first && !contested_.contains(std::hash<std::string>{}(*first));
    const bool is_it = is_its_own && found && found->kind != SourceKind::directory &&
                       (!is_missing(target) || has_content(*first, *found, target));
    if (is_it) {
      tree_->make_link(member.at, *first, found->kind, replace);
      ++report_.restored;
    } else if (target.type == MemberType::regular) {
      make_file(member, target, replace);
    } else {
      make_node(member, target, replace);
    }
  }

  // Of the interrupted run: under its name a file is whole. When the machine went down only its
  // content can tell.
  bool was_restored(const MemberRecord& record,
                    const std::string& at,
                    const tape::SourceStat& found) {
    if (!goes_on() || differs(record, found)) return false;
    if (!log()->was_rebooted() || found.kind != SourceKind::regular) return true;
    const bool is_link = record.type == MemberType::hard_link;
    return has_content(at, found, is_link ? first_name_of(members_, record) : record);
  }

  // Whether a file that the interrupted run restored, as it seems, has the content of a member:
  // then it gets one more name.
  bool has_content(const std::string& path,
                   const tape::SourceStat& found,
                   const MemberRecord& content) {
    if (!goes_on() || content.type != MemberType::regular || differs(content, found)) return false;
    bool same = false;
    const auto failure = tape::failure_of([&] {
      const auto file = tape::open_tree(options_.target).tree->open(path);
      same = reads_same(*file, *members_.open(content));
    });
    if (failure) rethrow_unless_of_one_member(*failure);
    return same && !failure;
  }

  bool reads_same(const tape::SourceFile& file, tape::MemberReader& member) {
    buffer_.resize(tape::kWalkBuffer);
    tape::Bytes there(tape::kWalkBuffer);
    tape::FileOffset at(0);
    while (const std::size_t n = member.read(buffer_)) {
      const std::size_t have = file.read_at(at, tape::MutableBytes(there).first(n));
      if (have != n || std::memcmp(there.data(), buffer_.data(), n) != 0) return false;
      at = at + n;
    }
    return true;
  }

  bool replaces(const MemberRecord& record, const tape::SourceStat& found) const {
    return found.kind != SourceKind::directory && updates(record, found);
  }

  // Whether --overwrite lets what is recorded take the place of what is there.
  bool updates(const MemberRecord& record, const tape::SourceStat& found) const {
    switch (options_.overwrite) {
      case Overwrite::never:
        return false;
      case Overwrite::if_newer:
        return record.mtime > found.mtime;
      case Overwrite::if_changed:
        return differs(record, found);
      case Overwrite::always:
        return true;
    }
    return false;
  }

  // By kind, mtime and size; a hard link is compared with the file that it leads to.
  bool differs(const MemberRecord& record, const tape::SourceStat& found) const {
    const bool regular = found.kind == SourceKind::regular;
    if (record.mtime != found.mtime && header_time(record, found) != found.mtime) return true;
    switch (record.type) {
      case MemberType::regular:
        return !regular || record.size != found.size;
      case MemberType::hard_link:
        return false;
      case MemberType::symlink:
        return found.kind != SourceKind::symlink;
      default:
        return regular || found.kind == SourceKind::symlink;
    }
  }

  // Of a foreign archive the record has whole seconds, the header may have more.
  tape::Timestamp header_time(const MemberRecord& record, const tape::SourceStat& found) const {
    if (record.mtime.seconds != found.mtime.seconds || record.mtime.nanoseconds != 0)
      return record.mtime;
    return members_.open(record)->header().mtime;
  }

  // Something has the name. With `never` that is for the user to know; else it was asked for.
  void keep(const Placed& member, const tape::SourceStat& found) {
    const bool asked = options_.overwrite == Overwrite::if_newer ||
                       options_.overwrite == Overwrite::if_changed ||
                       was_restored(member.record, member.at, found);
    if (!asked || found.kind == SourceKind::directory)
      return leave_alone(member.record, "it is there already");
    ++report_.unchanged;
    missed(member.record);
  }

  // Depth first: a directory is complete when the first name outside of it comes. In archives of
  // another order none is before the end.
  void close_directories(const std::optional<std::string>& next) {
    if (next && !members_.in_path_order()) return;
    while (!open_.empty() && !(next && tape::path_within(*next, open_.back().path))) {
      const Open directory = std::move(open_.back());
      open_.pop_back();
      if (!directory.finish) continue;
      const auto failure = tape::failure_of(
          [&] { note(tree_->finish_directory(directory.path, directory.member)); });
      if (failure) warn(tape::shown(directory.path) + ": " + failure->what());
    }
  }

  void account(const tape::Shortfall& shortfall) {
    ++report_.restored;
    note(shortfall);
  }

  void note(const tape::Shortfall& shortfall) {
    if (shortfall.needs_root) ++report_.needs_root;
    for (const std::string& what : shortfall.refused)
      warn(what);
  }

  void warn(const std::string& what) {
    ++report_.failed;
    if (events_.warning) events_.warning(what);
  }

  void leave_alone(const MemberRecord& record, const std::string& why) {
    ++report_.left_alone;
    missed(record);
    if (events_.warning) events_.warning(tape::shown(record.path) + ": left alone: " + why);
  }

  void pass_over(const Placed& member) {
    if (blocked_->left_alone)
      return leave_alone(member.record, "something that is no directory is in its way");
    missed(member.record);
    warn(tape::shown(member.record.path) + ": its directory could not be made");
  }

  void fail(const Placed& member, const Error& error) {
    rethrow_unless_of_one_member(error);
    missed(member.record);
    if (member.record.type == MemberType::directory) blocked_ = {member.at, false};
    fail_but_keep(member.record, error);
  }

  // No hard link may lead to it.
  void missed(const MemberRecord& record) {
    missing_.insert(std::hash<std::string>{}(record.path));
  }
  bool is_missing(const MemberRecord& record) const {
    return missing_.contains(std::hash<std::string>{}(record.path));
  }

  void volume_lost(const Error& error) {
    ++report_.damaged;
    warn(std::string(error.what()) + "; what was in it is not restored");
  }

  // A full disk, a signal, another archive and one that is gone are never the matter of one member.
  void rethrow_unless_of_one_member(const Error& error) const {
    const ErrorKind kind = error.kind();
    if (kind == ErrorKind::exhausted || kind == ErrorKind::canceled ||
        kind == ErrorKind::object_changed || kind == ErrorKind::transient)
      throw Error(error);
    if (!events_.source_failure) return;
    if (const auto failure = events_.source_failure()) throw Error(*failure);
  }

  void fail_but_keep(const MemberRecord& record, const Error& error) {
    rethrow_unless_of_one_member(error);
    if (error.kind() == ErrorKind::corrupt) ++report_.damaged;
    const std::string name = tape::shown(record.path);
    const std::string why = error.what();
    warn(why.starts_with(name) ? why : name + ": " + why);
  }

  tape::Members& members_;
  const Wanted& wanted_;
  const RestoreOptions& options_;
  const RestoreEvents& events_;
  const bool owners_;  // owners, devices, set-id bits are root's to give
  std::unique_ptr<tape::TreeWriter> tree_;
  RestoreReport report_;
  std::vector<Open> open_;
  // A directory that could not be made, and so nothing below it.
  struct Blocked {
    std::string path;
    bool left_alone = false;  // something else has its name
  };
  std::optional<Blocked> blocked_;
  // Hashes of the paths that were not made: a collision only costs a copy instead of a link.
  std::unordered_set<std::size_t> missing_;
  // With components stripped, of places: those that a member was made at, those of several.
  std::unordered_set<std::size_t> made_;
  std::unordered_set<std::size_t> contested_;
  tape::Bytes buffer_;
};

}  // namespace

RestoreReport restore(tape::Members& members,
                      const Wanted& wanted,
                      const RestoreOptions& options,
                      const RestoreEvents& events) {
  return Restore(members, wanted, options, events).run();
}

}  // namespace agent
