#include "restore/restore.h"

#include <algorithm>
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

class Restore {
 public:
  Restore(tape::Members& members,
          const Selection& selection,
          const RestoreOptions& options,
          const RestoreEvents& events)
      : members_(members),
        selection_(selection),
        options_(options),
        events_(events),
        owners_(::geteuid() == 0) {
    // A dry run looks at the target, if there is one, and makes nothing.
    if (!options.dry_run || tape::is_directory(options.target)) {
      tree_ = tape::TreeWriter::open(options.target, {owners_, options.numeric_owner});
    }
  }

  RestoreReport run() {
    const auto failure = tape::failure_of([&] {
      each_selected(
          members_, selection_, [&](const MemberRecord& record) { one(record); },
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
    return report_;
  }

 private:
  // A directory whose metadata waits until everything below it is there.
  struct Open {
    std::string path;
    tape::Member member;
    bool finish = false;
  };

  void one(const MemberRecord& record) {
    if (events_.progress) events_.progress(report_.bytes, record.path);
    close_directories(record.path);
    if (options_.dry_run) return look_at(record);
    if (blocked_ && tape::path_within(record.path, blocked_->path)) return pass_over(record);
    blocked_.reset();
    const std::uint64_t noted = report_.needs_root;
    const auto failure = tape::failure_of([&] { make(record); });
    if (failure) return fail(record, *failure);
    // Somebody else's file is ours now: one note, whatever else only root may set.
    if (!owners_ && report_.needs_root == noted && is_foreign(record)) ++report_.needs_root;
  }

  static bool is_foreign(const MemberRecord& record) {
    return record.has(tape::kRecordOwner) &&
           (record.uid != ::geteuid() || record.gid != ::getegid());
  }

  void look_at(const MemberRecord& record) {
    std::optional<tape::SourceStat> found;
    if (tree_ && !record.path.empty()) {
      const auto failure = tape::failure_of([&] { found = tree_->stat(record.path); });
      if (failure) return fail(record, *failure);
    }
    if (found && record.type != MemberType::directory && !replaces(record, *found))
      return keep(record, *found);
    ++report_.restored;
    report_.bytes += record.size;
  }

  void make(const MemberRecord& record) {
    if (record.path.empty()) return;  // the root of no prefix is the target itself
    if (open_.empty() || !members_.in_path_order()) tree_->make_parents(record.path);
    if (record.type == MemberType::directory) return make_directory(record);
    const auto found = tree_->stat(record.path);
    if (found && !replaces(record, *found)) return keep(record, *found);
    const bool replace = found.has_value();
    if (record.type == MemberType::hard_link) return make_link(record, replace);
    if (record.type == MemberType::regular) return make_file(record, record, replace);
    make_node(record, record, replace);
  }

  void make_node(const MemberRecord& record, const MemberRecord& content, bool replace) {
    const bool device =
        content.type == MemberType::character_device || content.type == MemberType::block_device;
    if (device && !(owners_ && content.has(tape::kRecordOwner))) {
      ++report_.needs_root;
      missing_.insert(std::hash<std::string>{}(record.path));
      return;
    }
    account(
        tree_->make_node(record.path, granted(content, members_.open(content)->header()), replace));
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

  void make_directory(const MemberRecord& record) {
    const auto found = tree_->stat(record.path);
    if (found && found->kind != SourceKind::directory) {
      blocked_ = {record.path, true};
      return leave_alone(record, "something that is no directory has its name");
    }
    const bool fresh = tree_->make_directory(record.path);
    // Unchanged so far, it may still get names below: its time is set again in the end.
    const bool finish =
        fresh || options_.overwrite == Overwrite::if_changed || (found && updates(record, *found));
    open_.push_back({record.path, record.member(), finish});
    if (!finish) return;
    // A damaged header costs the directory its xattrs, not what is below it.
    const auto failure =
        tape::failure_of([&] { open_.back().member = members_.open(record)->header(); });
    if (failure) return fail_but_keep(record, *failure);
    ++report_.restored;
  }

  void make_file(const MemberRecord& record, const MemberRecord& content, bool replace) {
    const auto reader = members_.open(content);
    const auto file = tree_->create_file(record.path);
    buffer_.resize(tape::kWalkBuffer);
    while (const std::size_t n = reader->read(buffer_)) {
      file->write(tape::ByteView(buffer_).first(n));
      report_.bytes += n;
      if (events_.progress) events_.progress(report_.bytes, record.path);
    }
    const tape::HashResult hash = reader->finish();
    if (hash == tape::HashResult::wrong) {
      ++report_.wrong_hash;
      throw Error(
          ErrorKind::corrupt,
          "its content does not have the recorded XXH3-128; nothing was written under its name");
    }
    if (hash == tape::HashResult::none)
      throw Error(ErrorKind::unsupported,
                  "it was torn when the archive was made: it changed while it was read");
    account(file->commit(granted(content, reader->header()), replace));
  }

  // A name for what this run restored; else the content is fetched and the file stands by itself.
  void make_link(const MemberRecord& record, bool replace) {
    const auto target = members_.find(record.target);
    if (!target || target->type == MemberType::hard_link || target->type == MemberType::directory ||
        members_.tape_offset(*target) >= members_.tape_offset(record)) {
      throw Error(ErrorKind::corrupt, "a hard link to " + tape::shown(record.target) +
                                          ", which is no file in front of it in the archive");
    }
    const bool made = is_selected(selection_, target->path) &&
                      !missing_.contains(std::hash<std::string>{}(target->path));
    const auto first = made ? tree_->stat(target->path) : std::nullopt;
    if (first && first->kind != SourceKind::directory) {
      tree_->make_link(record.path, target->path, first->kind, replace);
      ++report_.restored;
    } else if (target->type == MemberType::regular) {
      make_file(record, *target, replace);
    } else {
      make_node(record, *target, replace);
    }
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
    if (record.mtime != found.mtime) return true;
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

  // Something has the name. With `never` that is for the user to know; else it was asked for.
  void keep(const MemberRecord& record, const tape::SourceStat& found) {
    const bool asked =
        options_.overwrite == Overwrite::if_newer || options_.overwrite == Overwrite::if_changed;
    if (!asked || found.kind == SourceKind::directory)
      return leave_alone(record, "it is there already");
    ++report_.unchanged;
    missing_.insert(std::hash<std::string>{}(record.path));
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
    missing_.insert(std::hash<std::string>{}(record.path));
    if (events_.warning) events_.warning(tape::shown(record.path) + ": left alone: " + why);
  }

  void pass_over(const MemberRecord& record) {
    if (blocked_->left_alone)
      return leave_alone(record, "something that is no directory is in its way");
    missing_.insert(std::hash<std::string>{}(record.path));
    warn(tape::shown(record.path) + ": its directory could not be made");
  }

  void fail(const MemberRecord& record, const Error& error) {
    rethrow_unless_of_one_member(error);
    missing_.insert(std::hash<std::string>{}(record.path));
    if (record.type == MemberType::directory) blocked_ = {record.path, false};
    fail_but_keep(record, error);
  }

  void volume_lost(const Error& error) {
    ++report_.damaged;
    warn(std::string(error.what()) + "; what was in it is not restored");
  }

  // A full disk, a signal and another archive are never the matter of one member.
  static void rethrow_unless_of_one_member(const Error& error) {
    const ErrorKind kind = error.kind();
    if (kind == ErrorKind::exhausted || kind == ErrorKind::canceled ||
        kind == ErrorKind::object_changed || kind == ErrorKind::transient)
      throw Error(error);
  }

  void fail_but_keep(const MemberRecord& record, const Error& error) {
    rethrow_unless_of_one_member(error);
    if (error.kind() == ErrorKind::corrupt) ++report_.damaged;
    const std::string name = tape::shown(record.path);
    const std::string why = error.what();
    warn(why.starts_with(name) ? why : name + ": " + why);
  }

  tape::Members& members_;
  const Selection& selection_;
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
  tape::Bytes buffer_;
};

}  // namespace

RestoreReport restore(tape::Members& members,
                      const Selection& selection,
                      const RestoreOptions& options,
                      const RestoreEvents& events) {
  return Restore(members, selection, options, events).run();
}

}  // namespace agent
