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
// `mode` less umask. Fails: Error{usage} when `path` exists, at the start or at the end.
std::unique_ptr<ByteSink> create_file_sink(const std::string& path, std::uint32_t mode = 0666);

// The same, but what has that name is replaced, in one step: a regular file, whose mode it keeps,
// and as far as may be owner and xattrs but security.*. A symlink is followed and its target
// replaced. Fails: Error{usage} when anything else has the name.
std::unique_ptr<ByteSink> create_replacing_file_sink(const std::string& path,
                                                     std::uint32_t mode = 0666);

// The same, and the new file begins with the first `prefix` bytes of the regular file at `path`:
// as its clone where the file system can, else as a copy. Until finish() the old file is untouched,
// and locked by flock(2). Fails: not_found; Error{usage} when another program holds the lock;
// Error{object_changed} when it has fewer bytes, or, in finish(), when its device, inode, size,
// mtime or ctime are not what they were: then nothing is replaced.
std::unique_ptr<ByteSink> create_continued_file_sink(const std::string& path, ByteCount prefix);

// As create_file_sink or, to `replace`, create_replacing_file_sink, for disks that one thread does
// not fill: `threads` of its own write pieces of 1 MiB, each at its place; with none, the caller
// does. The bytes are the same for any number. Memory: 64 MiB at most. What a thread fails with
// comes out of a later write() or of finish().
std::unique_ptr<ByteSink> create_positioned_file_sink(const std::string& path,
                                                      bool replace,
                                                      unsigned threads,
                                                      std::uint32_t mode = 0666);

// Reads an inherited descriptor, such as standard input, from where it stands; a pipe until it is
// full or at its end. Does not close it. `waiting`, which may be empty, is called now and then
// while nothing comes; what it throws ends the read.
ByteReader descriptor_reader(int descriptor,
                             const std::string& name,
                             const std::function<void()>& waiting = {});

// The same of what is at `path`: a named pipe, a device. Fails: not_found, denied.
ByteReader file_reader(const std::string& path, const std::function<void()>& waiting = {});

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

bool is_directory(const std::string& path);     // a final symlink is followed
bool is_regular_file(const std::string& path);  // the same
// Permissions of what is at `path`, 0777 at most; 0666 when nothing is.
std::uint32_t permissions_of(const std::string& path);

// The identity of what is at `path` (a final symlink is followed), if anything is.
std::optional<FileIdentity> identity_of(const std::string& path);
// The identity of an open descriptor when it is a regular file.
std::optional<FileIdentity> identity_of_descriptor(int descriptor);

}  // namespace tape
