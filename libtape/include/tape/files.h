// The POSIX ends of the seams.
//
// Fails:   not_found, denied, exhausted, io, usage as said.
// Threads: factories: any; what they make: as the seam says.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tape/io.h"
#include "tape/source_tree.h"

namespace tape {

// A tree below a directory, or the tree of one member around a single file.
struct OpenedTree {
  std::unique_ptr<SourceTree> tree;
  std::string root;          // absolute, resolved
  bool single_file = false;  // root is a file; the only path is its last component
};
OpenedTree open_tree(const std::string& path);

// Reads a regular file. Fails also: Error{unsupported} for anything else.
std::unique_ptr<RangeSource> open_file_source(const std::string& path);

// A file that appears under `path` when finish() returns, whole and durable, and only if nothing
// has that name: it is written as `.part-<random>` beside it, synced, renamed, its folder synced.
// Mode 0666 less umask. Fails: Error{usage} when `path` exists, at the start or at the end.
std::unique_ptr<ByteSink> create_file_sink(const std::string& path);

// An inherited descriptor, such as standard output. finish() does not close it.
std::unique_ptr<ByteSink> descriptor_sink(int descriptor, const std::string& name);

// A file without a name in `folder`, gone with the object: appended to at one end, read at the
// other. finish() does nothing.
class ScratchFile {
 public:
  ScratchFile() = default;
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  virtual ~ScratchFile() = default;
  virtual ByteSink& out() = 0;
  virtual const RangeSource& in() const = 0;
};
std::unique_ptr<ScratchFile> create_scratch_file(const std::string& folder);

// `folder`/.part-<16 hex digits>: a temporary name that no glob for archives matches.
std::string temporary_name(const std::string& folder);

// The folder part of a path; `.` when it has none.
std::string folder_of(const std::string& path);

// rename(2) that never replaces. False: `to` is taken. Not durable yet. Where a file system can
// neither refuse nor link, it looks first.
bool rename_if_absent(const std::string& from, const std::string& to);

// Removes a file; false: there was none. Not durable yet.
bool remove_if_there(const std::string& path);

// A new name, and one that went, are durable only when their folder is synced. A folder that may
// not be read is passed over.
void sync_folder(const std::string& path);

// Makes the folder (0700); false when it is there already. Fails: not_found without a parent.
bool create_folder(const std::string& path);
// And its parents. Durable when it returns.
void create_folders(const std::string& path);

// A file of our own in the making, 0600.
class WorkingFile {
 public:
  // Fails: usage when `path` is there. Not durable before sync() and sync_folder().
  static std::unique_ptr<WorkingFile> create(const std::string& path);
  // Fails: not_found.
  static std::unique_ptr<WorkingFile> open(const std::string& path);

  WorkingFile() = default;
  WorkingFile(const WorkingFile&) = delete;
  WorkingFile& operator=(const WorkingFile&) = delete;
  virtual ~WorkingFile() = default;
  virtual ByteCount size() const = 0;
  virtual void write_at(std::uint64_t at, ByteView bytes) = 0;
  // In one piece, whoever else appends.
  virtual void append(ByteView bytes) = 0;
  virtual void truncate(ByteCount size) = 0;
  virtual void sync() = 0;
};

// Absolute path without symlinks, `.` and `..`. Fails: not_found, denied.
std::string resolved(const std::string& path);

// Whether `path` leads to what standard output writes to.
bool is_standard_output(const std::string& path);

bool is_directory(const std::string& path);  // a final symlink is followed

// The identity of what is at `path` (a final symlink is followed), if anything is.
std::optional<FileIdentity> identity_of(const std::string& path);
// The identity of an open descriptor when it is a regular file.
std::optional<FileIdentity> identity_of_descriptor(int descriptor);

}  // namespace tape
