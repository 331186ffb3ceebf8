// What the reading verbs read: one archive, or a snapshot in a store. Opened and counted.
//
// Spec:    docs/cli.md "WHAT".
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "cli/range_cache.h"
#include "cli/report.h"
#include "cli/sidecars.h"
#include "cli/verb.h"
#include "cli/where.h"
#include "store/object_store.h"
#include "tape/archive.h"
#include "tape/counting_source.h"
#include "tape/foreign_archive.h"
#include "tape/manifest.h"
#include "tape/members.h"

namespace agent {

// As typed.
struct WhatWords {
  std::string what;
  std::string set;
  std::string snapshot;
  std::string index;  // of an archive by others: where its sidecars are
  StoreWords store;

  void add(const Verb& verb, const std::string& help);
};

// A remote object that tells whether it can still be read.
//
// Threads: any number of readers.
class WatchedSource final : public tape::RangeSource {
 public:
  explicit WatchedSource(std::unique_ptr<tape::RangeSource> object) : object_(std::move(object)) {}
  tape::ByteCount size() const override { return object_->size(); }
  std::string name() const override { return object_->name(); }
  void distrust() const override { object_->distrust(); }
  void read_at(tape::GzOffset at, tape::MutableBytes out) const override;
  // Why the last read failed, if it did.
  std::optional<tape::Error> failure() const;

 private:
  const std::unique_ptr<tape::RangeSource> object_;
  mutable std::mutex mutex_;  // of this one
  mutable std::optional<tape::Error> failure_;
};

// The bytes of one archive, a file's or a remote object's, counted.
class OpenArchive {
 public:
  OpenArchive(const std::string& what, const StoreWords& words);

  const tape::RangeSource& source() const { return *source_; }
  // From here on small pieces of a remote one are kept.
  void keep_in(RangeCache& cache);
  bool is_remote() const { return store_ != nullptr; }
  // Why a remote one cannot be read any more, if so.
  std::optional<tape::Error> failure() const;
  // Names the object and what it is made of; empty: a file, or without a strong ETag.
  const std::string& version() const { return version_; }
  // What to read at a time from begin to end: from afar a request is worth more.
  std::size_t piece() const { return is_remote() ? kPieceAfar : kPieceHere; }
  // A file beside the archive, whose name has `ending` more. Fails: not_found.
  std::unique_ptr<tape::RangeSource> beside(const std::string& ending);
  // A local file, counted with it.
  std::unique_ptr<tape::RangeSource> file(const std::string& path);
  ReadFigures figures() const;

 private:
  static constexpr std::size_t kPieceHere = std::size_t{1} << 20;
  static constexpr std::size_t kPieceAfar = std::size_t{8} << 20;

  const std::string what_;
  tape::ReadCounts counts_;  // of files
  std::unique_ptr<OpenStore> store_;
  const WatchedSource* watched_ = nullptr;  // in source_
  std::unique_ptr<tape::RangeSource> source_;
  std::string version_;
};

class Opened {
 public:
  // Fails: Error{usage} when --set or --snapshot go with an archive; as the archive does.
  Opened(const WhatWords& words, const GlobalOptions& global);

  // For messages.
  const std::string& name() const { return name_; }
  tape::Members& members() { return *members_; }
  // Fails: Error{unsupported} for an archive by others.
  tape::Archive& archive();
  // Null: it is by others.
  tape::Archive* own_archive() { return own_; }
  // Null: it is one of ours.
  tape::ForeignArchive* foreign() { return foreign_; }
  // What to read at a time of an archive by others, from begin to end.
  std::size_t piece() const { return file_->piece(); }
  // Why a remote archive cannot be read any more, if so; of a store each volume has its own fate.
  std::optional<tape::Error> source_failure() const {
    return file_ ? file_->failure() : std::nullopt;
  }
  // What was asked of the archive, or of the store, so far.
  ReadFigures figures() const;
  // Of a snapshot.
  const std::optional<tape::Manifest>& manifest() const { return manifest_; }
  bool is_remote() const { return store_ ? store_->is_remote() : file_->is_remote(); }
  // Bytes of the archive, or of all volumes.
  tape::ByteCount size() const { return size_; }

 private:
  void open_snapshot_of(const WhatWords& words);
  void open_archive(const WhatWords& words);
  std::optional<Sidecars> kept_sidecars() const;
  void open_foreign(const std::string& index);

  RangeCache cache_;
  std::string name_;
  std::unique_ptr<OpenStore> store_;
  std::optional<tape::Manifest> manifest_;
  std::unique_ptr<OpenArchive> file_;
  tape::ByteCount size_ = 0;
  std::unique_ptr<tape::RangeSource> gzip_index_;
  std::unique_ptr<tape::Members> members_;
  tape::Archive* own_ = nullptr;  // members_, when it is one of ours
  tape::ForeignArchive* foreign_ = nullptr;
};

// Runs a step that reads; its errors name what is read. A failure is reported, with --json followed
// by the figures of the reading, and comes back as its exit code.
template <class Step>
std::optional<ExitCode> reading(const Opened& opened, const Output& out, Step step) {
  const auto failure = tape::failure_of([&] { tape::within(opened.name(), [&] { step(); }); });
  out.detail(fmt::format("{}: {} requests, {} bytes read", opened.name(), opened.figures().requests,
                         opened.figures().bytes));
  if (!failure) return std::nullopt;
  const ExitCode code = exit_code_of(*failure);
  out.error(*failure, code);
  if (out.json()) out.line("summary", reading_fields(opened.figures()));
  return code;
}

}  // namespace agent
