#include "tape/catalog.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>

#include "base/endian.h"
#include "base/unique_fd.h"
#include "catalog/catalog_schema.h"
#include "catalog/layout.h"
#include "catalog/sealed_catalog.h"
#include "format/tar_format.h"
#include "tape/error.h"
#include "tape/files.h"

namespace tape {
namespace {

constexpr std::int64_t kVersion = 1;

Hash128 hash_column(const Statement& row, int column) {
  const std::string bytes = row.blob(column);
  Hash128 hash;
  if (bytes.size() != hash.size())
    throw Error(ErrorKind::corrupt,
                "a digest of " + std::to_string(bytes.size()) + " bytes, 16 expected");
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

Hash128 problems_digest(Connection& connection) {
  Xxh3Stream digest;
  Statement rows(connection, "SELECT path, reason FROM problem ORDER BY id");
  while (rows.step())
    add_problem(digest, rows.blob(0), rows.text(1));
  return digest.digest();
}

// What kCatalogSchema makes, in the words of sqlite_schema: a view in the place of a table, or an
// index on something else, could make a look-up endless or wrong.
std::string schema_of(Connection& connection) {
  Statement rows(
      connection,
      "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY name");
  std::string out;
  while (rows.step())
    out += rows.text(0) + "\n";
  return out;
}

std::string expected_schema() {
  Connection empty = Connection::create(":memory:", kCatalogCacheBytes);
  empty.run(kCatalogSchema);
  return schema_of(empty);
}

std::vector<SourceOption> read_source_options(Connection& connection) {
  std::vector<SourceOption> out;
  Statement rows(connection, "SELECT name, value FROM source_option ORDER BY id");
  while (rows.step())
    out.push_back({rows.text(0), rows.blob(1)});
  return out;
}

CatalogSummary read_summary_row(Connection& connection) {
  Statement row(
      connection,
      "SELECT root, single_file, prefix, metadata, profile, source_date_epoch, tape_size, "
      "entries, fingerprint, state, hashed, contents, started_s, started_ns, "
      "problems, skipped_sockets, skipped_devices, skipped_own_files, excluded, seal "
      "FROM tape");
  if (!row.step()) throw Error(ErrorKind::corrupt, "not sealed: the scan did not end");
  CatalogSummary out;
  out.root = row.blob(0);
  out.single_file = row.integer(1) != 0;
  out.prefix = row.blob(2);
  out.metadata = row.text(3) == "full" ? Metadata::full : Metadata::portable;
  out.profile = row.text(4) == "tartape" ? Profile::tartape : Profile::ragtape;
  if (!row.is_null(5)) out.source_date_epoch = row.integer(5);
  out.tape_size = static_cast<ByteCount>(row.integer(6));
  out.entries = static_cast<std::uint64_t>(row.integer(7));
  out.fingerprint = hash_column(row, 8);
  out.state = hash_column(row, 9);
  out.hashed = row.integer(10) != 0;
  out.contents = hash_column(row, 11);
  out.started = {row.integer(12), static_cast<std::uint32_t>(row.integer(13))};
  out.problems = static_cast<std::uint64_t>(row.integer(14));
  out.skipped_sockets = static_cast<std::uint64_t>(row.integer(15));
  out.skipped_devices = static_cast<std::uint64_t>(row.integer(16));
  out.skipped_own_files = static_cast<std::uint64_t>(row.integer(17));
  out.excluded = static_cast<std::uint64_t>(row.integer(18));
  out.source_options = read_source_options(connection);
  if (hash_column(row, 19) != seal_of(out, problems_digest(connection)))
    throw Error(ErrorKind::corrupt, "table tape does not match its seal");
  if (row.step()) throw Error(ErrorKind::corrupt, "table tape has more than one row");
  return out;
}

CatalogSummary read_summary(Connection& connection) {
  const std::string where = shown(connection.path());
  if (connection.number("PRAGMA application_id") != kCatalogApplicationId) {
    throw Error(ErrorKind::corrupt, where + ": an SQLite file, but not a tape catalog");
  }
  const std::int64_t version = connection.number("PRAGMA user_version");
  if (version != kVersion) {
    throw Error(ErrorKind::unsupported,
                where + ": a catalog of version " + std::to_string(version) + ", 1 expected");
  }
  if (schema_of(connection) != expected_schema()) {
    throw Error(ErrorKind::corrupt, where + ": its tables are not those of a tape catalog");
  }
  // What SQLite itself reports names the file already, and is met here once more at the worst.
  return within(where, [&] { return read_summary_row(connection); });
}

class SealedCatalog final : public Catalog {
 public:
  explicit SealedCatalog(Connection connection)
      : connection_(std::move(connection)),
        summary_(read_summary(connection_)),
        settings_(settings_of(summary_)),
        at_(connection_, select("WHERE tape_offset <= ?1 ORDER BY tape_offset DESC LIMIT 1")),
        by_path_(connection_, select("WHERE path = ?1")),
        path_at_(connection_, "SELECT path FROM entry WHERE tape_offset = ?1"),
        names_(connection_,
               "SELECT path FROM entry WHERE tape_offset = ?1 OR first = ?1 ORDER BY tape_offset"),
        before_(connection_, "SELECT path FROM entry WHERE path <= ?1 ORDER BY path DESC LIMIT ?2"),
        behind_(connection_, "SELECT path FROM entry WHERE path > ?1 ORDER BY path LIMIT ?2") {}

  const CatalogSummary& summary() const override { return summary_; }

  std::optional<Entry> entry_at(TapeOffset at) override {
    at_.bind(1, static_cast<std::int64_t>(at.value()));
    auto entry = one_entry(at_);
    if (entry && entry->end() <= at) return {};
    return entry;
  }

  std::optional<Entry> find(const std::string& path) override {
    const auto below = below_root(path);
    if (!below) return {};
    by_path_.bind(1, as_bytes(*below));
    return one_entry(by_path_);
  }

  std::vector<std::string> neighbours(const std::string& path, std::size_t count) override {
    const std::string place = below_root(path).value_or(path);
    std::vector<std::string> out;
    const auto take = [&](Statement& rows, std::size_t most) {
      rows.bind(1, as_bytes(place));
      rows.bind(2, static_cast<std::int64_t>(most));
      while (rows.step())
        out.push_back(member_path_of(rows.blob(0)));
      rows.reset();
    };
    take(before_, count / 2);
    std::reverse(out.begin(), out.end());
    take(behind_, count - out.size());
    return out;
  }

  std::unique_ptr<EntryCursor> entries_from(TapeOffset at) override {
    const auto first = entry_at(at);
    return std::make_unique<Cursor>(*this, first ? first->offset : at);
  }

  std::vector<std::string> names_of(const Entry& entry) override {
    names_.bind(1, static_cast<std::int64_t>(entry.first.value_or(entry.offset).value()));
    std::vector<std::string> out;
    while (names_.step())
      out.push_back(names_.blob(0));
    names_.reset();
    return out;
  }

  void each_problem(
      const std::function<void(const std::string&, const std::string&)>& visit) override {
    Statement rows(connection_, "SELECT path, reason FROM problem ORDER BY id");
    while (rows.step())
      visit(rows.blob(0), rows.text(1));
  }

  void check() override {
    Layout layout(settings_);
    Statement rows(connection_, select("ORDER BY tape_offset"));
    while (rows.step()) {
      SeenEntry seen;
      const Entry entry = entry_of(rows, seen);
      const Bytes header = encode_header(entry.member, settings_.profile);
      if (entry.offset != layout.end() || header.size() != entry.header_blocks * kBlockSize) {
        corrupt("entry " + shown(entry.path) + " at " + std::to_string(entry.offset.value()) +
                " with " + std::to_string(entry.header_blocks) + " header blocks, expected at " +
                std::to_string(layout.end().value()) + " with " +
                std::to_string(header.size() / kBlockSize));
      }
      layout.add(seen, entry.member, header);
    }
    compare(layout.entries(), summary_.entries, "number of entries");
    compare(layout.tape_size(), summary_.tape_size, "tape size");
    if (layout.fingerprint() != summary_.fingerprint) {
      corrupt("its entries give fingerprint " + hex(layout.fingerprint()) + ", it says " +
              hex(summary_.fingerprint));
    }
    if (layout.state() != summary_.state) {
      corrupt("its entries give state " + hex(layout.state()) + ", it says " + hex(summary_.state));
    }
    if (layout.contents() != summary_.contents)
      corrupt("its hashes give " + hex(layout.contents()) + ", it says " + hex(summary_.contents));
  }

 private:
  class Cursor final : public EntryCursor {
   public:
    Cursor(SealedCatalog& catalog, TapeOffset from)
        : catalog_(catalog),
          rows_(catalog.connection_, select("WHERE tape_offset >= ?1 ORDER BY tape_offset")) {
      rows_.bind(1, static_cast<std::int64_t>(from.value()));
    }
    std::optional<Entry> next() override {
      if (!rows_.step()) return {};
      SeenEntry seen;
      return catalog_.entry_of(rows_, seen);
    }

   private:
    SealedCatalog& catalog_;
    Statement rows_;
  };

  static std::string select(const std::string& rest) {
    return std::string("SELECT ") + kEntryColumns + " FROM entry " + rest;
  }

  [[noreturn]] void corrupt(const std::string& what) const {
    throw Error(ErrorKind::corrupt, shown(connection_.path()) + ": " + what);
  }

  void compare(std::uint64_t found, std::uint64_t said, const char* what) const {
    if (found != said) {
      corrupt(std::string(what) + " is " + std::to_string(found) + ", it says " +
              std::to_string(said));
    }
  }

  // None: not below the prefix.
  std::optional<std::string> below_root(const std::string& member_path) const {
    const std::string& prefix = summary_.prefix;
    if (prefix.empty() || member_path == prefix) return prefix.empty() ? member_path : "";
    if (!member_path.starts_with(prefix) || member_path[prefix.size()] != '/') return {};
    return member_path.substr(prefix.size() + 1);
  }
  std::string member_path_of(const std::string& below) const {
    if (summary_.prefix.empty() || below.empty()) return summary_.prefix + below;
    return summary_.prefix + "/" + below;
  }

  std::optional<Entry> one_entry(Statement& row) {
    std::optional<Entry> out;
    SeenEntry seen;
    if (row.step()) out = entry_of(row, seen);
    row.reset();
    return out;
  }

  Entry entry_of(const Statement& row, SeenEntry& seen) {
    Entry entry;
    within(name_, [&] { seen = read_row(row, entry.offset, entry.header_blocks); });
    if (seen.first) seen.first_path = path_at(*seen.first, seen.path);
    entry.path = seen.path;
    entry.member = member_of(seen, settings_);
    entry.source = seen.source;
    entry.first = seen.first;
    entry.hash = seen.hash;
    return entry;
  }

  std::string path_at(TapeOffset at, const std::string& asking) {
    path_at_.bind(1, static_cast<std::int64_t>(at.value()));
    if (!path_at_.step()) corrupt("entry " + shown(asking) + ": a hard link to nothing");
    std::string path = path_at_.blob(0);
    path_at_.reset();
    return path;
  }

  Connection connection_;
  const std::string name_ = shown(connection_.path());
  CatalogSummary summary_;
  TapeSettings settings_;
  Statement at_;
  Statement by_path_;
  Statement path_at_;
  Statement names_;
  Statement before_;
  Statement behind_;
};

// FNV-1a, 64 bits: a short name for a path. The root is recorded in the tape and compared.
std::uint64_t name_hash(const std::string& text) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : text)
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001B3U;
  return hash;
}

}  // namespace

std::unique_ptr<Catalog> open_sealed_catalog(const std::string& path) {
  return std::make_unique<SealedCatalog>(Connection::open_sealed(path, kCatalogCacheBytes));
}

std::unique_ptr<Catalog> Catalog::open(const std::string& path) {
  // SQLite says only that it cannot open a file; open(2) says why.
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw errno_error(shown(path), errno);
  return open_sealed_catalog(path);
}

std::unique_ptr<Catalog> Catalog::open_of(const std::string& folder, const std::string& root) {
  const std::string path = folder + "/" + tape_name(root);
  if (!identity_of(path)) return nullptr;
  auto out = open(path);
  return out->summary().root == root ? std::move(out) : nullptr;
}

std::string tape_name(const std::string& root) {
  Bytes bytes;
  append_be(bytes, name_hash(root), 8);
  return hex(bytes) + ".tape";
}

}  // namespace tape
