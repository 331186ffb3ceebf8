// SQLite: Connection and Statement, errors as Error.
//
// Fails:   corrupt (not a database, damaged), exhausted (full disk, memory), denied, io.
// Threads: one caller at a time for each connection and its statements.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "tape/bytes.h"
#include "tape/offset.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tape {

class Connection {
 public:
  // A new file that nobody else opens: no rollback journal, no syncing; the caller syncs it when
  // done.
  static Connection create(const std::string& path, ByteCount cache_bytes);
  // A file of ours that grows while it is used and survives a kill at any moment: write-ahead log,
  // synced at each commit. It must be there: an empty file is a new one. Fails also: unsupported
  // where a file system cannot hold such a log.
  static Connection open_durable(const std::string& path, ByteCount cache_bytes);
  // An existing file that never changes.
  static Connection open_sealed(const std::string& path, ByteCount cache_bytes);

  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // Runs one or more statements that yield nothing.
  void run(const std::string& sql);
  std::int64_t number(const std::string& sql);
  sqlite3* handle() const { return handle_; }
  const std::string& path() const { return path_; }
  void close();

 private:
  Connection(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  sqlite3* handle_;
  std::string path_;
};

// One prepared statement. Parameters from 1, columns from 0. Values are bound until reset().
class Statement {
 public:
  // `connection` must outlive the statement.
  Statement(Connection& connection, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void bind(int parameter, std::int64_t value);
  void bind(int parameter, ByteView blob);  // copied
  void bind_text(int parameter, std::string_view text);
  void bind_null(int parameter);

  // True when there is a row.
  bool step();
  void reset();

  // The columns of the row. Fails: corrupt when the value is of another type.
  std::int64_t integer(int column) const;
  std::string blob(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;

 private:
  [[noreturn]] void wrong_type(int column) const;
  Connection& connection_;
  sqlite3_stmt* handle_ = nullptr;
};

}  // namespace tape
