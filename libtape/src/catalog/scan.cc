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
#include "catalog/catalog_schema.h"
#include "catalog/layout.h"
#include "catalog/sealed_catalog.h"
#include "catalog/sorted_names.h"
#include "format/tar_format.h"
#include "tape/error.h"
#include "tape/files.h"

namespace tape {
namespace {

// Rows come in the order of both keys, so little of the file is touched again.
constexpr ByteCount kScanCacheBytes = ByteCount{2} << 20;

Timestamp now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return {time.tv_sec, static_cast<std::uint32_t>(time.tv_nsec)};
}

std::string insert_statement() {
  std::string sql = std::string("INSERT INTO entry (") + kEntryColumns + ") VALUES (?";
  for (int column = 1; column < kEntryColumnCount; ++column)
    sql += ", ?";
  return sql + ")";
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
    const Bytes header = encode_header(member);
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
                     "?13, ?14, ?15, ?16)");
    int column = 0;
    const auto number = [&](auto value) {
      insert.bind(++column, static_cast<std::int64_t>(value));
    };
    const auto blob = [&](ByteView bytes) { insert.bind(++column, bytes); };
    blob(as_bytes(summary.root));
    number(summary.single_file);
    blob(as_bytes(summary.prefix));
    insert.bind_text(++column, summary.metadata == Metadata::full ? "full" : "portable");
    if (summary.source_date_epoch) {
      number(*summary.source_date_epoch);
    } else {
      insert.bind_null(++column);
    }
    number(summary.tape_size);
    number(summary.entries);
    blob(summary.fingerprint);
    blob(summary.state);
    number(summary.started.seconds);
    number(summary.started.nanoseconds);
    number(summary.problems);
    number(summary.skipped_sockets);
    number(summary.skipped_devices);
    number(summary.skipped_own_files);
    blob(seal_of(summary, problems_.digest()));
    insert.step();
  }

  Connection connection_;
  Layout layout_;
  Xxh3Stream problems_;
  TapeSettings settings_;
  std::optional<Statement> insert_;
  std::optional<Statement> problem_;
  std::optional<Statement> path_at_;
};

// Depth first, a directory before its contents, siblings by unsigned bytes of the name.
class Walk {
 public:
  Walk(SourceTree& tree, CatalogWriter& writer, const ScanOptions& options, CatalogSummary& summary)
      : tree_(tree),
        writer_(writer),
        options_(options),
        summary_(summary),
        spill_path_(writer.path() + ".names") {}

  void run(const std::string& top) {
    top_ = top;
    const SourceStat source = tree_.stat(top);
    if (!visit(top, source)) return refuse(source);
    if (source.kind == SourceKind::directory) enter(top);
    while (!open_.empty()) {
      Folder& folder = open_.back();
      const auto name = folder.names.next();
      if (!name) {
        open_.pop_back();
        continue;
      }
      visit_below(below(folder.path, *name));
    }
  }

 private:
  struct Folder {
    std::string path;
    SortedNames names;
  };

  // The first member of an inode with several names, and how many of them are still to come.
  struct FirstName {
    TapeOffset offset;
    std::uint64_t names_left = 0;
  };

  static std::string below(const std::string& folder, std::string_view name) {
    return folder.empty() ? std::string(name) : folder + "/" + std::string(name);
  }

  void problem(const std::string& path, const std::string& reason) {
    writer_.add_problem(path, reason);
    ++summary_.problems;
  }

  // What is wrong with one entry is recorded; a full disk or a signal ends the scan.
  template <class Step>
  bool recorded(const std::string& path, Step step) {
    const auto failure = failure_of(step);
    if (!failure) return true;
    if (failure->kind() == ErrorKind::exhausted || failure->kind() == ErrorKind::canceled)
      throw Error(*failure);
    problem(path, failure->what());
    return false;
  }

  // The source itself: what it withholds ends the scan.
  template <class Step>
  bool recorded_unless_top(const std::string& path, Step step) {
    if (path != top_) return recorded(path, step);
    step();
    return true;
  }

  void visit_below(const std::string& path) {
    SourceStat source;
    if (!recorded(path, [&] { source = tree_.stat(path); })) return;
    if (visit(path, source) && source.kind == SourceKind::directory) enter(path);
  }

  void enter(const std::string& path) {
    SortedNames names(spill_, spill_path_);
    if (recorded_unless_top(path, [&] { list_into(names, path); }))
      open_.push_back({path, std::move(names)});
    if (spill_failure_) throw Error(*spill_failure_);
  }

  // What fails in our own file is no problem of the directory.
  void list_into(SortedNames& names, const std::string& path) {
    tree_.list(path, [&](std::string_view name) {
      if (!spill_failure_) spill_failure_ = failure_of([&] { names.add(name); });
    });
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
  bool visit(const std::string& path, const SourceStat& source) {
    if (is_own(source)) {
      ++summary_.skipped_own_files;
      return false;
    }
    const auto type = member_type(source.kind);
    if (!type) {
      writer_.add_problem(path, "a socket: no archive holds one");
      ++summary_.skipped_sockets;
      return false;
    }
    const bool device = *type == MemberType::character_device || *type == MemberType::block_device;
    if (device && options_.metadata == Metadata::portable) {
      ++summary_.skipped_devices;
      return false;
    }
    const bool added = add(path, source);
    if (options_.progress) options_.progress(writer_.entries());
    return added;
  }

  bool add(const std::string& path, const SourceStat& source) {
    const std::size_t length = member_name(options_.prefix, path, source.kind).size();
    if (length > kMemberNameMax) {
      problem(path, "its member name has " + std::to_string(length) + " bytes, " +
                        std::to_string(kMemberNameMax) + " at the most");
      return false;
    }
    SeenEntry seen;
    seen.path = path;
    seen.source = source;
    // Only what the source withholds is a problem of one entry; a catalog that cannot be written is
    // not.
    if (!recorded_unless_top(path, [&] { describe(seen); })) return false;
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

  void describe(SeenEntry& seen) {
    const SourceStat& source = seen.source;
    if (source.kind == SourceKind::regular && source.size > 0) tree_.check_readable(seen.path);
    if (source.kind == SourceKind::symlink) {
      seen.target = tree_.read_link(seen.path);
      if (seen.target.size() > kTargetMax)
        throw Error(ErrorKind::unsupported, "its target has " + std::to_string(seen.target.size()) +
                                                " bytes, " + std::to_string(kTargetMax) +
                                                " at the most");
    }
    if (options_.metadata == Metadata::portable) return;
    seen.uname = tree_.user_name(source.uid);
    seen.gname = tree_.group_name(source.gid);
    seen.xattrs = tree_.xattrs(seen.path);
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
  std::string top_;
  const std::string spill_path_;
  std::optional<Error> spill_failure_;
  std::optional<NameSpill> spill_;  // before open_, which uses it
  std::vector<Folder> open_;
  std::map<FileIdentity, FirstName> first_names_;
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
  summary.source_date_epoch = options.source_date_epoch;
  summary.started = now();
  summary.single_file = !options.single_file.empty();

  const bool replace = !place.path.empty() && holds_tape(place.path);
  TemporaryFile file(place.temporary);
  ScanOptions settled = options;
  settled.own_files.push_back(file.identity());
  CatalogWriter writer(file.path(), {options.prefix, options.metadata, options.source_date_epoch});
  Walk(tree, writer, settled, summary).run(options.single_file);
  writer.seal(summary);
  // Beyond this point the catalog is sealed.
  if (place.path.empty()) return open_sealed_catalog(file.path());
  file.rename_durably(place.path, replace);
  return open_sealed_catalog(place.path);
}

}  // namespace tape
