// The POSIX ends of the seams.
//
// Fails:   not_found, denied, exhausted, io, usage as said.
// Threads: factories: any; what they make: as the seam says.
#pragma once
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
