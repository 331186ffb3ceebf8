#include "tape/scan.h"

#include <algorithm>
#include <ctime>
#include <map>

#include "catalog/catalog_writer.h"
#include "catalog/exclusion.h"
#include "catalog/new_file.h"
#include "catalog/sealed_catalog.h"
#include "catalog/tartape_limits.h"
#include "catalog/tree_reader.h"
#include "catalog/whole_path_order.h"
#include "format/tar_format.h"
#include "tape/error.h"

namespace tape {
namespace {

constexpr std::size_t kHashBuffer = std::size_t{1} << 20;

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
        reader_(tree, writer_.path() + ".names", reader_options()) {}

  void run(const std::string& top) {
    top_ = top;
    ReadEntry source = reader_.read(top);
    recorded(top, source.unseen);
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
  // The first member of an inode with several names, and how many of them are still to come.
  struct FirstName {
    TapeOffset offset;
    std::uint64_t names_left = 0;
  };

  TreeReader::Options reader_options() {
    TreeReader::Options out;
    out.readers = options_.readers;
    out.xattrs = options_.metadata == Metadata::full && !is_tartape();
    out.is_entered = [this](const ReadEntry& entry) {
      return !is_own(entry.source) && !exclusion_.reason(entry.path, entry.source) &&
             !exclusion_.reason_not_to_enter(entry.source);
    };
    out.anywhere = exclusion_.is_settled();
    if (options_.progress) out.waiting = [this] { options_.progress(writer_.entries()); };
    return out;
  }

  void problem(const std::string& path, const std::string& reason) {
    writer_.add_problem(path, reason);
    ++summary_.problems;
  }

  // What is wrong with one entry is recorded; with the source itself, a full disk or a signal ends
  // the scan. True: nothing is wrong.
  bool recorded(const std::string& path, const std::optional<Error>& failure) {
    if (!failure) return true;
    if (path == top_ || failure->kind() == ErrorKind::exhausted ||
        failure->kind() == ErrorKind::canceled)
      throw Error(*failure);
    problem(path, failure->what());
    return false;
  }

  void visit_below(ReadEntry& entry) {
    if (!recorded(entry.path, entry.unseen)) return;
    if (const auto why = exclusion_.reason(entry.path, entry.source))
      return leave_out(entry.path, *why);
    if (visit(entry) && entry.source.kind == SourceKind::directory) enter(entry);
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
    visit_below(kept);
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
    if (options_.progress) options_.progress(writer_.entries());
    return added;
  }

  bool add(ReadEntry& entry) {
    const std::string& path = entry.path;
    const SourceStat& source = entry.source;
    const std::size_t length = member_name(options_.prefix, path, source.kind).size();
    if (length > kMemberNameMax) {
      problem(path, "its member name has " + std::to_string(length) + " bytes, " +
                        std::to_string(kMemberNameMax) + " at the most");
      return false;
    }
    // Only what the source withholds is a problem of one entry; a catalog that cannot be written is
    // not.
    if (!recorded(path, entry.withheld)) return false;
    SeenEntry seen;
    seen.path = path;
    seen.source = source;
    seen.target = std::move(entry.target);
    seen.xattrs = std::move(entry.xattrs);
    if (!recorded(path, failure_of([&] { describe(seen); }))) return false;
    if (is_tartape()) return add_by_whole_path(seen);
    const auto first = first_names_.find(source.identity);
    if (first != first_names_.end()) seen.first = first->second.offset;
    if (source.mtime.seconds < kTimeMin || source.mtime.seconds > kTimeMax) {
      problem(path, "its mtime of " + std::to_string(source.mtime.seconds) + " s is beyond 2^62 s");
      return false;
    }
    if (!fits(seen)) return false;
    const TapeOffset offset = writer_.add(seen);
    remember(source, offset);
    return true;
  }

  bool is_tartape() const { return options_.profile == Profile::tartape; }
  static bool is_tartape_type(MemberType type) {
    return type == MemberType::regular || type == MemberType::directory ||
           type == MemberType::symlink;
  }

  bool add_by_whole_path(const SeenEntry& seen) {
    const std::string why = why_tartape_refuses(member_of(seen, settings_of(summary_)));
    if (!why.empty()) {
      ++refused_;
      if (options_.refused) options_.refused(seen.path, why);
      return true;  // what is below it may have its own reason
    }
    if (!by_whole_path_) by_whole_path_.emplace(writer_.path() + ".order");
    by_whole_path_->add(seen);
    return true;
  }

  void write_by_whole_path() {
    if (refused_ > 0)
      throw Error(ErrorKind::unsupported,
                  shown(options_.root) + ": " + std::to_string(refused_) +
                      " entries do not fit the profile tartape",
                  "the default profile holds them");
    if (by_whole_path_) by_whole_path_->each([&](SeenEntry& seen) { writer_.add(seen); });
  }

  void describe(SeenEntry& seen) {
    const SourceStat& source = seen.source;
    if (seen.target.size() > kTargetMax)
      throw Error(ErrorKind::unsupported, "its target has " + std::to_string(seen.target.size()) +
                                              " bytes, " + std::to_string(kTargetMax) +
                                              " at the most");
    if (options_.hash && source.kind == SourceKind::regular) seen.hash = content_hash(seen);
    if (options_.metadata == Metadata::portable) return;
    seen.uname = tree_.user_name(source.uid);
    seen.gname = tree_.group_name(source.gid);
  }

  // None when it is written to meanwhile.
  std::optional<Hash128> content_hash(const SeenEntry& seen) {
    if (const auto known = known_hash(seen)) return known;
    const auto file = tree_.open(seen.path);
    Xxh3Stream hash;
    buffer_.resize(kHashBuffer);
    FileOffset at;
    while (const std::size_t n = file->read_at(at, buffer_)) {
      hash.update(ByteView(buffer_).first(n));
      at = at + n;
      if (options_.progress) options_.progress(writer_.entries());
    }
    const SourceStat now = file->stat();
    const bool same = at.value() == seen.source.size && is_as_it_was(now, seen.source);
    return same ? std::optional(hash.digest()) : std::nullopt;
  }

  static bool is_as_it_was(const SourceStat& now, const SourceStat& then) {
    return now.identity == then.identity && now.size == then.size && now.mtime == then.mtime &&
           now.ctime == then.ctime;
  }

  // What an earlier scan read, unless the file could have been written to in the same tick of its
  // clock.
  std::optional<Hash128> known_hash(const SeenEntry& seen) {
    constexpr std::int64_t kYoungSeconds = 2;
    if (options_.earlier == nullptr) return {};
    const CatalogSummary& earlier = options_.earlier->summary();
    const auto entry = options_.earlier->find(member_path(
        member_name(earlier.prefix, seen.path, SourceKind::regular), MemberType::regular));
    const auto is_young = [&](const Timestamp& time) {
      return time.seconds >= earlier.started.seconds - kYoungSeconds;
    };
    if (!entry || !entry->hash || !is_as_it_was(seen.source, entry->source) ||
        is_young(seen.source.mtime) || is_young(seen.source.ctime))
      return {};
    return entry->hash;
  }

  bool fits(const SeenEntry& seen) {
    ByteCount size = 0;
    for (const Xattr& xattr : seen.xattrs)
      size += 3 * (xattr.name.size() + xattr.value.size()) + 64;
    if (size < kHeaderSizeMax / 2) return true;
    problem(seen.path, "its extended attributes need a header of more than " +
                           std::to_string(kHeaderSizeMax / 2) + " bytes");
    return false;
  }

  void remember(const SourceStat& source, TapeOffset offset) {
    if (source.kind == SourceKind::directory || source.links < 2) return;
    const auto [at, fresh] =
        first_names_.try_emplace(source.identity, FirstName{offset, source.links});
    if (--at->second.names_left == 0) first_names_.erase(at);
  }

  SourceTree& tree_;
  CatalogWriter& writer_;
  const ScanOptions& options_;
  CatalogSummary& summary_;
  Exclusion exclusion_;
  std::string top_;
  std::size_t depth_ = 0;  // directories that were entered and not left
  std::map<FileIdentity, FirstName> first_names_;
  std::optional<WholePathOrder> by_whole_path_;  // profile tartape
  std::uint64_t refused_ = 0;
  Bytes buffer_;       // for hashes
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
