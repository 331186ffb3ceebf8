#include "tape/scan.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <map>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/endian.h"
#include "base/unique_fd.h"
#include "base/utf8.h"
#include "catalog/catalog_schema.h"
#include "catalog/exclusion.h"
#include "catalog/layout.h"
#include "catalog/sealed_catalog.h"
#include "catalog/tree_reader.h"
#include "catalog/whole_path_order.h"
#include "format/tar_format.h"
#include "tape/error.h"
#include "tape/files.h"

namespace tape {
namespace {

constexpr std::size_t kHashBuffer = std::size_t{1} << 20;
// Rows come in the order of both keys, so little of the file is touched again.
constexpr ByteCount kScanCacheBytes = ByteCount{2} << 20;

Timestamp now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return {time.tv_sec, static_cast<std::uint32_t>(time.tv_nsec)};
}

// The new file: rows go in, seal() ends it.
class CatalogWriter {
 public:
  CatalogWriter(const std::string& path, const TapeSettings& settings)
      : connection_(prepared(path)),
        layout_(settings),
        settings_(settings),
        insert_(std::in_place, connection_, insert_statement()),
        problem_(std::in_place, connection_, "INSERT INTO problem (path, reason) VALUES (?1, ?2)"),
        path_at_(std::in_place, connection_, "SELECT path FROM entry WHERE tape_offset = ?1") {}

  TapeOffset add(SeenEntry& seen) {
    if (seen.first) seen.first_path = path_at(*seen.first);
    const Member member = member_of(seen, settings_);
    const Bytes header = encode_header(member, settings_.profile);
    if (header.size() > kHeaderSizeMax)
      throw Error(ErrorKind::unsupported, "its header would have " + std::to_string(header.size()) +
                                              " bytes, " + std::to_string(kHeaderSizeMax) +
                                              " at the most");
    const TapeOffset offset = layout_.end();
    layout_.add(seen, member, header);
    insert_row(*insert_, seen, offset, static_cast<std::uint32_t>(header.size() / kBlockSize));
    return offset;
  }

  void add_problem(const std::string& path, const std::string& reason) {
    tape::add_problem(problems_, path, reason);
    problem_->bind(1, as_bytes(path));
    problem_->bind_text(2, reason);
    problem_->step();
    problem_->reset();
  }

  // Fills what the rows determine, writes the summary, closes the file.
  void seal(CatalogSummary& summary) {
    summary.tape_size = layout_.tape_size();
    summary.entries = layout_.entries();
    summary.fingerprint = layout_.fingerprint();
    summary.state = layout_.state();
    summary.contents = layout_.contents();
    write_summary(summary);
    insert_.reset();
    problem_.reset();
    path_at_.reset();
    connection_.run("COMMIT");
    connection_.close();
  }

  std::uint64_t entries() const { return layout_.entries(); }
  const std::string& path() const { return connection_.path(); }

 private:
  static Connection prepared(const std::string& path) {
    Connection connection = Connection::create(path, kScanCacheBytes);
    connection.run(kCatalogSchema);
    connection.run("BEGIN");
    return connection;
  }

  std::string path_at(TapeOffset at) {
    path_at_->bind(1, static_cast<std::int64_t>(at.value()));
    path_at_->step();
    std::string path = path_at_->blob(0);
    path_at_->reset();
    return path;
  }

  void write_summary(const CatalogSummary& summary) {
    Statement insert(connection_,
                     "INSERT INTO tape VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
                     "?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)");
    int column = 0;
    const auto number = [&](auto value) {
      insert.bind(++column, static_cast<std::int64_t>(value));
    };
    const auto blob = [&](ByteView bytes) { insert.bind(++column, bytes); };
    blob(as_bytes(summary.root));
    number(summary.single_file);
    blob(as_bytes(summary.prefix));
    insert.bind_text(++column, summary.metadata == Metadata::full ? "full" : "portable");
    insert.bind_text(++column, summary.profile == Profile::tartape ? "tartape" : "ragtape");
    if (summary.source_date_epoch) {
      number(*summary.source_date_epoch);
    } else {
      insert.bind_null(++column);
    }
    number(summary.tape_size);
    number(summary.entries);
    blob(summary.fingerprint);
    blob(summary.state);
    number(summary.hashed);
    blob(summary.contents);
    number(summary.started.seconds);
    number(summary.started.nanoseconds);
    number(summary.problems);
    number(summary.skipped_sockets);
    number(summary.skipped_devices);
    number(summary.skipped_own_files);
    number(summary.excluded);
    blob(seal_of(summary, problems_.digest()));
    insert.step();
    write_source_options(summary.source_options);
  }

  void write_source_options(const std::vector<SourceOption>& options) {
    Statement insert(connection_, "INSERT INTO source_option (name, value) VALUES (?1, ?2)");
    for (const SourceOption& option : options) {
      insert.bind_text(1, option.name);
      insert.bind(2, as_bytes(option.value));
      insert.step();
      insert.reset();
    }
  }

  Connection connection_;
  Layout layout_;
  Xxh3Stream problems_;
  TapeSettings settings_;
  std::optional<Statement> insert_;
  std::optional<Statement> problem_;
  std::optional<Statement> path_at_;
};

// What the profile tartape cannot say; empty when it can.
std::string why_tartape_refuses(const Member& member) {
  constexpr std::size_t kPathMax = 255;
  constexpr std::size_t kComponentMax = 100;
  constexpr std::uint64_t kIdMaxThere = (std::uint64_t{1} << 21) - 1;
  constexpr std::int64_t kTimeEnd = std::int64_t{1} << 33;
  const std::string path = member_path(member.name, member.type);
  const auto most = [](std::size_t found, std::size_t limit) {
    return std::to_string(found) + " bytes, " + std::to_string(limit) + " at the most";
  };
  if (!is_utf8(path)) return "its path is not UTF-8";
  if (path.size() > kPathMax) return "its path has " + most(path.size(), kPathMax);
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (end - begin > kComponentMax)
      return "a component of its path has " + most(end - begin, kComponentMax);
    begin = end + 1;
  }
  if (!split_name(member.name)) return "its path does not fit the two name fields of ustar";
  if (!is_utf8(member.target)) return "its target is not UTF-8";
  if (member.target.size() > kComponentMax)
    return "its target has " + most(member.target.size(), kComponentMax);
  if (member.mtime.seconds < 0 || member.mtime.seconds >= kTimeEnd)
    return "its mtime of " + std::to_string(member.mtime.seconds) + " s is not in 0 to 8^11 - 1";
  if (member.uid > kIdMaxThere || member.gid > kIdMaxThere)
    return "its owner's number is above " + std::to_string(kIdMaxThere);
  return "";
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

// Whether a tape, sound or damaged, is at `path`, which may be replaced; false when nothing is. A
// file is a tape by its SQLite header (sqlite.org/fileformat.html §1.3): magic, application id at
// offset 68. Fails: Error{usage} for anything else.
bool holds_tape(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return false;
  std::array<std::uint8_t, 72> head{};
  if (S_ISREG(info.st_mode)) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file) throw errno_error(shown(path), errno);
    read_full_at(file.get(), 0, head, shown(path));
  }
  const bool sqlite =
      std::equal(head.begin(), head.begin() + 16, as_bytes({"SQLite format 3\0", 16}).begin());
  if (sqlite && load_be32(&head[68]) == kCatalogApplicationId) return true;
  throw Error(ErrorKind::usage, shown(path) + ": is there already, and is no tape",
              "choose another name; only an older tape is replaced");
}

void rename_file(const std::string& from, const std::string& to, bool replace) {
  if (!replace && !rename_if_absent(from, to))
    throw Error(ErrorKind::usage, shown(to) + ": is there now, made by somebody else");
  if (replace && std::rename(from.c_str(), to.c_str()) != 0) throw errno_error(shown(to), errno);
}

// A file on its way: removed unless it got its name.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string path) : path_(std::move(path)) {
    const UniqueFd file(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) throw errno_error(shown(path_), errno);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  const std::string& path() const { return path_; }

  FileIdentity identity() const {
    struct stat info {};
    if (::stat(path_.c_str(), &info) != 0) throw errno_error(shown(path_), errno);
    return {info.st_dev, info.st_ino};
  }

  // `replace`: an older tape was there before the scan.
  void rename_durably(const std::string& to, bool replace) {
    {
      const UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
      if (!file) throw errno_error(shown(path_), errno);
      sync_descriptor(file.get(), shown(path_));
    }
    rename_file(path_, to, replace);
    path_.clear();
    sync_directory(folder_of(to));
  }

 private:
  std::string path_;
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
  TemporaryFile file(place.temporary);
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
