// Wrappers of the seams that fail on command.
//
// Threads: one caller at a time.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tape/error.h"
#include "tape/io.h"
#include "tape/source_tree.h"

namespace tape {

// Which calls fail, counted from 1 over everything that shares this object.
class Faults {
 public:
  // Only call `number` fails.
  static Faults at_call(std::uint64_t number, const Error& error) {
    return Faults(number, number, error);
  }
  // Call `number` and all behind it fail.
  static Faults from_call(std::uint64_t number, const Error& error) {
    return Faults(number, ~std::uint64_t{0}, error);
  }
  // Each call fails with the chance `share`; equal seeds fail equal calls.
  static Faults by_seed(std::uint64_t seed, double share, const Error& error) {
    Faults faults(1, 0, error);
    faults.random_.emplace(seed);
    faults.share_ = share;
    return faults;
  }
  // No call fails; for counting them.
  static Faults none() { return Faults(1, 0, Error(ErrorKind::io, "no fault")); }

  // One call of a seam.
  void call() {
    ++calls_;
    const bool chosen = random_ && std::bernoulli_distribution(share_)(*random_);
    if (!chosen && (calls_ < first_ || calls_ > last_)) return;
    ++failures_;
    throw Error(error_);
  }

  std::uint64_t calls() const { return calls_; }
  std::uint64_t failures() const { return failures_; }

 private:
  Faults(std::uint64_t first, std::uint64_t last, const Error& error)
      : first_(first), last_(last), error_(error) {}

  std::uint64_t first_;
  std::uint64_t last_;
  Error error_;
  std::optional<std::mt19937_64> random_;
  double share_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t failures_ = 0;
};

// What is wrapped and the faults must outlive each wrapper.

class FaultySink final : public ByteSink {
 public:
  FaultySink(ByteSink& sink, Faults& faults) : sink_(sink), faults_(faults) {}
  void write(ByteView bytes) override {
    faults_.call();
    sink_.write(bytes);
  }
  void finish() override {
    faults_.call();
    sink_.finish();
  }

 private:
  ByteSink& sink_;
  Faults& faults_;
};

// size() and name() cannot fail.
class FaultySource final : public RangeSource {
 public:
  FaultySource(const RangeSource& source, Faults& faults) : source_(source), faults_(faults) {}
  ByteCount size() const override { return source_.size(); }
  std::string name() const override { return source_.name(); }
  void read_at(GzOffset at, MutableBytes out) const override {
    faults_.call();
    source_.read_at(at, out);
  }

 private:
  const RangeSource& source_;
  Faults& faults_;
};

class FaultyFile final : public SourceFile {
 public:
  FaultyFile(std::unique_ptr<SourceFile> file, Faults& faults)
      : file_(std::move(file)), faults_(faults) {}
  SourceStat stat() const override {
    faults_.call();
    return file_->stat();
  }
  std::size_t read_at(FileOffset at, MutableBytes out) const override {
    faults_.call();
    return file_->read_at(at, out);
  }

 private:
  std::unique_ptr<SourceFile> file_;
  Faults& faults_;
};

// The files that it opens fail by the same count.
class FaultyTree final : public SourceTree {
 public:
  FaultyTree(SourceTree& tree, Faults& faults) : tree_(tree), faults_(faults) {}

  SourceStat stat(const std::string& path) override {
    faults_.call();
    return tree_.stat(path);
  }
  void list(const std::string& path, const NameVisitor& visit) override {
    faults_.call();
    tree_.list(path, visit);
  }
  std::string read_link(const std::string& path) override {
    faults_.call();
    return tree_.read_link(path);
  }
  std::vector<Xattr> xattrs(const std::string& path) override {
    faults_.call();
    return tree_.xattrs(path);
  }
  std::unique_ptr<SourceFile> open(const std::string& path) override {
    faults_.call();
    return std::make_unique<FaultyFile>(tree_.open(path), faults_);
  }
  void check_readable(const std::string& path) override {
    faults_.call();
    tree_.check_readable(path);
  }
  std::string user_name(std::uint64_t uid) override { return tree_.user_name(uid); }
  std::string group_name(std::uint64_t gid) override { return tree_.group_name(gid); }

 private:
  SourceTree& tree_;
  Faults& faults_;
};

}  // namespace tape
