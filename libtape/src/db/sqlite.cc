#include "db/sqlite.h"

#include <sqlite3.h>

#include "base/assert.h"
#include "tape/error.h"

namespace tape {
namespace {

ErrorKind kind_of_sqlite(int code) {
  switch (code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_ERROR:  // the schema is not ours: no such table, no such column
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
      return ErrorKind::corrupt;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return ErrorKind::exhausted;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return ErrorKind::denied;
    default:
      return ErrorKind::io;
  }
}

[[noreturn]] void fail(sqlite3* handle, const std::string& path, int code) {
  const std::string text = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  throw Error(kind_of_sqlite(code), shown(path) + ": SQLite: " + text);
}

// A path in a `file:` URI.
std::string uri_of(const std::string& path) {
  std::string out = "file:";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '/' || c == '.' || c == '-' || c == '_';
    if (plain) {
      out += c;
    } else {
      constexpr const char* kDigits = "0123456789ABCDEF";
      out += '%';
      out += kDigits[static_cast<std::uint8_t>(c) >> 4];
      out += kDigits[static_cast<std::uint8_t>(c) & 15];
    }
  }
  return out + "?immutable=1";
}

sqlite3* open_handle(const std::string& path, const std::string& name, int flags) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(
      name.c_str(), &handle,
      flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE, nullptr);
  if (code != SQLITE_OK) {
    const std::string text = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
    sqlite3_close(handle);
    throw Error(kind_of_sqlite(code), shown(path) + ": SQLite: " + text);
  }
  return handle;
}

constexpr int kValueBytesMax = 64 << 20;
constexpr int kDurableValueBytesMax = 512 << 20;  // what large pages leave behind a cut

std::string cache_pragma(ByteCount bytes) {
  return "PRAGMA cache_size = -" + std::to_string(bytes / 1024);
}

}  // namespace

Connection Connection::create(const std::string& path, ByteCount cache_bytes) {
  Connection out(open_handle(path, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE), path);
  out.run("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE");
  out.run(cache_pragma(cache_bytes));
  return out;
}

Connection Connection::open_durable(const std::string& path, ByteCount cache_bytes) {
  Connection out(open_handle(path, path, SQLITE_OPEN_READWRITE), path);
  sqlite3_db_config(out.handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(out.handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_limit(out.handle_, SQLITE_LIMIT_LENGTH, kDurableValueBytesMax);
  // One process at a time, behind a lock of its own: no shared memory file.
  out.run(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON; "
      "PRAGMA mmap_size = 0");
  {
    Statement mode(out, "PRAGMA journal_mode = WAL");
    if (!mode.step() || mode.text(0) != "wal")
      throw Error(ErrorKind::unsupported,
                  shown(path) + ": SQLite cannot keep a write-ahead log on this file system");
  }
  out.run(cache_pragma(cache_bytes));
  return out;
}

Connection Connection::open_sealed(const std::string& path, ByteCount cache_bytes) {
  Connection out(open_handle(path, uri_of(path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI), path);
  // A schema is input too: it may not call functions or write to itself. (Not in create(): a
  // defensive connection ignores journal_mode = OFF.)
  sqlite3_db_config(out.handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(out.handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // Far above every value of ours, far below what a crafted row could ask for.
  sqlite3_limit(out.handle_, SQLITE_LIMIT_LENGTH, kValueBytesMax);
  out.run("PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0");
  out.run(cache_pragma(cache_bytes));
  return out;
}

Connection::Connection(Connection&& other) noexcept
    : handle_(other.handle_), path_(std::move(other.path_)) {
  other.handle_ = nullptr;
}

Connection::~Connection() {
  // Zombie until its statements are finalised, so the order of destruction does not matter.
  sqlite3_close_v2(handle_);
}

void Connection::run(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(handle_, path_, code);
}

std::int64_t Connection::number(const std::string& sql) {
  Statement statement(*this, sql);
  if (!statement.step()) throw Error(ErrorKind::corrupt, shown(path_) + ": no answer to " + sql);
  return statement.integer(0);
}

void Connection::close() {
  const int code = sqlite3_close(handle_);
  if (code != SQLITE_OK) fail(handle_, path_, code);
  handle_ = nullptr;
}

Statement::Statement(Connection& connection, std::string_view sql) : connection_(connection) {
  const int code = sqlite3_prepare_v3(connection.handle(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
  if (code != SQLITE_OK) fail(connection.handle(), connection.path(), code);
}

Statement::~Statement() {
  sqlite3_finalize(handle_);
}

void Statement::bind(int parameter, std::int64_t value) {
  const int code = sqlite3_bind_int64(handle_, parameter, value);
  TAPE_ASSERT(code == SQLITE_OK);
}

void Statement::bind(int parameter, ByteView blob) {
  // A null pointer would bind NULL.
  const void* bytes = blob.empty() ? static_cast<const void*>("") : blob.data();
  const int code = sqlite3_bind_blob64(handle_, parameter, bytes, blob.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) fail(connection_.handle(), connection_.path(), code);
}

void Statement::bind_text(int parameter, std::string_view text) {
  const int code = sqlite3_bind_text64(handle_, parameter, text.data(), text.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) fail(connection_.handle(), connection_.path(), code);
}

void Statement::bind_null(int parameter) {
  const int code = sqlite3_bind_null(handle_, parameter);
  TAPE_ASSERT(code == SQLITE_OK);
}

bool Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  fail(connection_.handle(), connection_.path(), code);
}

void Statement::reset() {
  sqlite3_reset(handle_);
}

void Statement::wrong_type(int column) const {
  const char* name = sqlite3_column_name(handle_, column);
  throw Error(ErrorKind::corrupt, std::string("column ") + (name == nullptr ? "?" : name) +
                                      " holds a value of another type");
}

std::int64_t Statement::integer(int column) const {
  if (sqlite3_column_type(handle_, column) != SQLITE_INTEGER) wrong_type(column);
  return sqlite3_column_int64(handle_, column);
}

std::string Statement::blob(int column) const {
  if (sqlite3_column_type(handle_, column) != SQLITE_BLOB) wrong_type(column);
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle_, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column));
  return size == 0 ? std::string() : std::string(bytes, size);
}

std::string Statement::text(int column) const {
  if (sqlite3_column_type(handle_, column) != SQLITE_TEXT) wrong_type(column);
  const void* bytes = sqlite3_column_text(handle_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column));
  return {static_cast<const char*>(bytes), size};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

}  // namespace tape
