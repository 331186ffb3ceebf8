#include "tape/scan.h"

#include <algorithm>
#include <ctime>

#include "catalog/catalog_writer.h"
#include "catalog/content_hash.h"
#include "catalog/exclusion.h"
#include "catalog/first_names.h"
#include "catalog/new_file.h"
#include "catalog/sealed_catalog.h"
#include "catalog/tartape_limits.h"
#include "catalog/tree_reader.h"
#include "catalog/whole_path_order.h"
#include "format/tar_format.h"
#include "tape/error.h"

namespace tape {
namespace {

Timestamp now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return {time.tv_sec, static_cast<std::uint32_t>(time.tv_nsec)};
}

// Depth first, a directory before its contents, siblings by unsigned bytes of the name.
class Walk {
 public:
  Walk(SourceTree& tree, CatalogWriter& writer, const ScanOptions& options, CatalogSummary& summary)
      : tree_(tree),
        writer_(writer),
        options_(options),
        summary_(summary),
        exclusion_(options.source_options, options.profile, options.root),
        first_names_(writer_.path() + ".links"),
        content_hash_(tree, options.earlier, [this] { tell_progress(); }),
        reader_(tree, writer_.path() + ".names", reader_options()) {}

  void run(const std::string& top) {
    top_ = top;
    ReadEntry source = reader_.read(top);
    if (source.lacks == Lacks::everything) recorded(top, source.failure);
    if (summary_.single_file && source.source.kind == SourceKind::directory)
      throw Error(ErrorKind::source_changed, shown(options_.root) + ": a directory by now");
    exclusion_.begin(source.source);
    if (!visit(source)) return refuse(source.source);
    if (source.source.kind == SourceKind::directory) enter(source);
    while (depth_ > 0) {
      if (auto entry = reader_.next()) {
        visit_below(*entry);
      } else {
        leave();
        exclusion_.leave();
      }
    }
    write_by_whole_path();
  }

 private:
  TreeReader::Options reader_options() {
    TreeReader::Options out;
    out.readers = options_.readers;
    out.xattrs = options_.metadata == Metadata::full && !is_tartape();
    out.is_entered = [this](const ReadEntry& entry) {
      return !is_own(entry.source) && !exclusion_.reason(entry.path, entry.source) &&
             !exclusion_.reason_not_to_enter(entry.source);
    };
    out.anywhere = exclusion_.is_settled();
    out.waiting = [this] { tell_progress(); };
    return out;
  }

  void tell_progress() const {
    if (!options_.progress) return;
    options_.progress(by_whole_path_ ? by_whole_path_->count() : writer_.entries());
  }

  void problem(const std::string& path, const std::string& reason) {
    writer_.add_problem(path, reason);
    ++summary_.problems;
  }

  // What is wrong with one entry is recorded; with the source itself, a full disk or a signal ends
  // the scan. True: nothing is wrong.
  bool recorded(const std::string& path, const std::optional<Error>& failure) {
    if (!failure) return true;
    if (path == top_ || ends_the_scan(*failure)) throw Error(*failure);
    problem(path, failure->what());
    return false;
  }

  static bool ends_the_scan(const Error& failure) {
    return failure.kind() == ErrorKind::exhausted || failure.kind() == ErrorKind::canceled;
  }

  // The entry is on the tape all the same, without `what`: a directory that had to go for its
  // attributes would take all below it with it.
  void lacking(const std::string& path, const char* what, const std::optional<Error>& failure) {
    if (!failure) return;
    // What is not to be had at all is told once, not for each entry.
    const bool at_all = path == top_ && failure->kind() == ErrorKind::unsupported;
    if (at_all || ends_the_scan(*failure)) throw Error(*failure);
    problem(path, std::string(failure->what()) + "; on the tape without " + what);
  }

  void visit_below(ReadEntry& entry) {
    if (is_member(entry) && entry.source.kind == SourceKind::directory) enter(entry);
  }

  // False: it is left out, or not to be had. What a pattern leaves out need not be to be had.
  bool is_member(ReadEntry& entry) {
    const bool unseen = entry.lacks == Lacks::everything;
    if (unseen && ends_the_scan(*entry.failure)) throw Error(*entry.failure);
    if (const auto why = exclusion_.reason(entry.path, entry.source)) {
      leave_out(entry.path, *why);
      return false;
    }
    return unseen ? recorded(entry.path, entry.failure) : visit(entry);
  }

  void leave_out(const std::string& path, const std::string& why) {
    ++summary_.excluded;
    if (options_.excluded) options_.excluded(path, why);
  }

  void enter(const ReadEntry& directory) {
    const std::string& path = directory.path;
    if (const auto why = exclusion_.reason_not_to_enter(directory.source))
      return leave_out(path, *why);
    std::vector<std::string> noticed;
    const auto withheld = reader_.enter(path, [&](std::string_view name) {
      if (exclusion_.notices(name)) noticed.emplace_back(name);
    });
    if (!recorded(path, withheld)) return;
    ++depth_;
    const auto left_out = exclusion_.enter(
        tree_, path, noticed,
        [&](const std::string& file, const std::string& why) { problem(file, why); });
    if (left_out) pass_over(path, *left_out);
  }

  // All of a directory's content but one entry.
  void pass_over(const std::string& folder, const Exclusion::Content& content) {
    const auto below = [&](const std::string& name) {
      return folder.empty() ? name : folder + "/" + name;
    };
    while (const auto name = reader_.next_name()) {
      if (*name != content.kept) leave_out(below(*name), content.why);
    }
    leave();
    ReadEntry kept = reader_.read(below(content.kept));
    if (is_member(kept) && kept.source.kind == SourceKind::directory)
      leave_out(kept.path, content.why);
  }

  void leave() {
    reader_.leave();
    --depth_;
  }

  // The source itself is not on the tape: a socket, or with `portable` a device, leaves it empty.
  void refuse(const SourceStat& source) const {
    if (is_own(source)) {
      throw Error(ErrorKind::usage, shown(options_.root) + ": is ragtape's own file or state");
    }
  }

  bool is_own(const SourceStat& source) const {
    const auto& own = options_.own_files;
    return std::find(own.begin(), own.end(), source.identity) != own.end();
  }

  // True when it is a member now.
  bool visit(ReadEntry& entry) {
    const std::string& path = entry.path;
    const SourceStat& source = entry.source;
    if (is_own(source)) {
      ++summary_.skipped_own_files;
      return false;
    }
    const auto type = member_type(source.kind);
    if (!type) {
      writer_.add_problem(path, kSocketReason);
      ++summary_.skipped_sockets;
      return false;
    }
    if (is_tartape() && !is_tartape_type(*type)) {
      ++summary_.skipped_devices;
      return false;
    }
    const bool device = *type == MemberType::character_device || *type == MemberType::block_device;
    if (device && options_.metadata == Metadata::portable) {
      ++summary_.skipped_devices;
      return false;
    }
    const bool added = add(entry);
    tell_progress();
    return added;
  }

  bool add(ReadEntry& entry) {
    if (!can_be_stored(entry)) return false;
    if (entry.lacks == Lacks::xattrs) lacking(entry.path, "them", entry.failure);
    SeenEntry seen;
    seen.path = entry.path;
    seen.source = entry.source;
    seen.target = std::move(entry.target);
    seen.xattrs = std::move(entry.xattrs);
    name_owner(seen);
    return is_tartape() ? add_by_whole_path(seen) : add_in_order(seen);
  }

  bool can_be_stored(const ReadEntry& entry) {
    const auto over = [&](const char* what, std::size_t size, std::size_t most) {
      problem(entry.path, std::string(what) + " has " + std::to_string(size) + " bytes, " +
                              std::to_string(most) + " at the most");
      return false;
    };
    const std::size_t name = member_name(options_.prefix, entry.path, entry.source.kind).size();
    if (name > kMemberNameMax) return over("its member name", name, kMemberNameMax);
    if (entry.lacks == Lacks::content && !recorded(entry.path, entry.failure)) return false;
    if (entry.target.size() > kTargetMax)
      return over("its target", entry.target.size(), kTargetMax);
    return true;
  }

  bool add_in_order(SeenEntry& seen) {
    const SourceStat source = seen.source;
    if (!settle_mtime(seen)) return false;
    settle_xattrs(seen);
    const auto first = first_names_.meet(source);
    if (first) {
      seen.first = first->offset;
      seen.hash = first->hash;
    } else {
      hash_content(seen);
    }
    const TapeOffset offset = writer_.add(seen);
    if (!first) first_names_.add(source, offset, seen.hash);
    return true;
  }

  bool is_tartape() const { return options_.profile == Profile::tartape; }
  static bool is_tartape_type(MemberType type) {
    return type == MemberType::regular || type == MemberType::directory ||
           type == MemberType::symlink;
  }

  bool add_by_whole_path(SeenEntry& seen) {
    const std::string why = why_tartape_refuses(member_of(seen, settings_of(summary_)));
    if (!why.empty()) {
      ++refused_;
      if (options_.refused) options_.refused(seen.path, why);
      return true;  // what is below it may have its own reason
    }
    hash_once(seen);
    if (!by_whole_path_) by_whole_path_.emplace(writer_.path() + ".order");
    by_whole_path_->add(seen);
    return true;
  }

  // Each name has its own copy of the content, which is read once all the same.
  void hash_once(SeenEntry& seen) {
    if (!options_.hash) return;
    const auto first = first_names_.meet(seen.source);
    if (first) {
      seen.hash = first->hash;
    } else {
      hash_content(seen);
      first_names_.add(seen.source, {}, seen.hash);
    }
  }

  void write_by_whole_path() {
    if (refused_ > 0)
      throw Error(ErrorKind::unsupported,
                  shown(options_.root) + ": " + std::to_string(refused_) +
                      " entries do not fit the profile tartape",
                  "the default profile holds them");
    if (!by_whole_path_) return;
    by_whole_path_->each([&](SeenEntry& seen) {
      writer_.add(seen);
      tell_progress();
    });
  }

  void hash_content(SeenEntry& seen) {
    if (!options_.hash || seen.source.kind != SourceKind::regular) return;
    lacking(seen.path, "a hash",
            failure_of([&] { seen.hash = content_hash_.of(seen.path, seen.source); }));
  }

  void name_owner(SeenEntry& seen) {
    if (options_.metadata == Metadata::portable) return;
    const SourceStat& source = seen.source;
    lacking(seen.path, "its owner's name",
            failure_of([&] { seen.uname = tree_.user_name(source.uid); }));
    lacking(seen.path, "its group's name",
            failure_of([&] { seen.gname = tree_.group_name(source.gid); }));
  }

  // False: no record holds the time. A directory gets the nearest that one does.
  bool settle_mtime(SeenEntry& seen) {
    Timestamp& mtime = seen.source.mtime;
    if (mtime.seconds >= kTimeMin && mtime.seconds <= kTimeMax) return true;
    problem(seen.path, "its mtime of " + std::to_string(mtime.seconds) + " s is beyond 2^62 s");
    mtime = {mtime.seconds < 0 ? kTimeMin : kTimeMax, 0};
    return seen.source.kind == SourceKind::directory;
  }

  // More of them than a header holds are left out.
  void settle_xattrs(SeenEntry& seen) {
    ByteCount size = 0;
    for (const Xattr& xattr : seen.xattrs)
      size += 3 * (xattr.name.size() + xattr.value.size()) + 64;
    if (size < kHeaderSizeMax / 2) return;
    problem(seen.path, "its extended attributes need a header of more than " +
                           std::to_string(kHeaderSizeMax / 2) + " bytes; on the tape without them");
    seen.xattrs.clear();
  }

  SourceTree& tree_;
  CatalogWriter& writer_;
  const ScanOptions& options_;
  CatalogSummary& summary_;
  Exclusion exclusion_;
  std::string top_;
  std::size_t depth_ = 0;  // directories that were entered and not left
  FirstNames first_names_;
  ContentHash content_hash_;
  std::optional<WholePathOrder> by_whole_path_;  // profile tartape
  std::uint64_t refused_ = 0;
  TreeReader reader_;  // its threads use what is const of the above
};

}  // namespace

std::string default_prefix(const std::string& root, bool single_file) {
  return single_file || root == "/" ? "" : root.substr(root.rfind('/') + 1);
}

void check_prefix(const std::string& prefix) {
  if (prefix.empty()) return;
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorKind::usage, "--prefix " + shown(prefix) + ": " + why);
  };
  if (prefix.size() + 1 > kPrefixMax)
    refuse("has " + std::to_string(prefix.size() + 1) + " bytes with its `/`, " +
           std::to_string(kPrefixMax) + " at the most");
  if (prefix.find('\0') != std::string::npos) refuse("holds a NUL");
  for (std::size_t begin = 0; begin <= prefix.size();) {
    const std::size_t end = std::min(prefix.find('/', begin), prefix.size());
    const std::string part = prefix.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..")
      refuse("no leading, double or final `/`, no `.` or `..`");
    begin = end + 1;
  }
}

std::unique_ptr<Catalog> scan(SourceTree& tree,
                              const CatalogPlace& place,
                              const ScanOptions& options) {
  CatalogSummary summary;
  summary.root = options.root;
  summary.prefix = options.prefix;
  summary.metadata = options.metadata;
  summary.profile = options.profile;
  if (options.profile == Profile::ragtape) summary.source_date_epoch = options.source_date_epoch;
  summary.source_options = options.source_options;
  summary.hashed = options.hash;
  summary.started = now();
  summary.single_file = !options.single_file.empty();

  const bool replace = !place.path.empty() && (place.ours || holds_tape(place.path));
  NewFile file(place.temporary);
  ScanOptions settled = options;
  settled.own_files.push_back(file.identity());
  CatalogWriter writer(file.path(), settings_of(summary));
  Walk(tree, writer, settled, summary).run(options.single_file);
  writer.seal(summary);
  // Beyond this point the catalog is sealed.
  if (place.path.empty()) return open_sealed_catalog(file.path());
  file.rename_durably(place.path, replace);
  return open_sealed_catalog(place.path);
}

}  // namespace tape
