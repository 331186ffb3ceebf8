#include <filesystem>

#include <unistd.h>

#include "restore/restore.h"
#include "restore/restore_log.h"
#include "support/expect.h"
#include "support/memory_tree.h"
#include "support/packed.h"

using namespace tape;
using namespace test;

namespace {

// Ends in the middle of the first file of more than 100 000 bytes.
void restore_interrupted(OpenedArchive& opened, agent::RestoreOptions options) {
  agent::RestoreEvents events;
  ByteCount first = 0;
  std::string before;
  events.progress = [&](ByteCount bytes, const std::string& current) {
    if (current != before) first = bytes;
    before = current;
    if (bytes > first + 100'000) throw Error(ErrorKind::canceled, "interrupted");
  };
  const agent::Wanted all(opened.archive, {});
  CHECK(failed([&] { return agent::restore(opened.archive, all, options, events); }).kind() ==
        ErrorKind::canceled);
}

// The same, with a log of its own.
void interrupted_run(OpenedArchive& opened,
                     agent::RestoreOptions options,
                     const std::string& log_path,
                     const std::string& boot = agent::RestoreLog::boot_id()) {
  const auto log = agent::RestoreLog::open(log_path, boot);
  REQUIRE(log);
  options.log = log.get();
  restore_interrupted(opened, options);
}

}  // namespace

TEST_CASE("restore: with its log an interrupted run goes on, and all is as in one go",
          "[restore]") {
  MemoryTree tree;
  tree.add("closed", SourceKind::directory, 0555);
  tree.add_file("closed/a", "first");
  tree.add_link("closed/b", "closed/a");
  tree.add_file("closed/large", Bytes(600'000, 'l'));
  tree.add_link("last", "closed/a");
  const TemporaryFolder folder;
  OpenedArchive opened(packed(tree, portable("p")));
  agent::RestoreOptions options;
  options.target = folder / "to";
  const std::string log_path = folder / "log";
  {
    const auto log = agent::RestoreLog::open(log_path);
    REQUIRE(log);
    CHECK_FALSE(log->is_continued());
    CHECK_FALSE(agent::RestoreLog::open(log_path));
    options.log = log.get();
    restore_interrupted(opened, options);
    // What a kill would leave.
    write_file(folder / "to/p/closed/.part-" + log->run() + "01234567", "half");
    write_file(folder / "to/p/closed/.part-0123456789abcdef", "somebody else's");
  }
  {
    const auto log = agent::RestoreLog::open(log_path);
    REQUIRE(log);
    CHECK(log->is_continued());
    options.log = log.get();
    const agent::Wanted all(opened.archive, {});
    const auto report = agent::restore(opened.archive, all, options, {});
    CHECK(report.left_alone == 0);
    CHECK(report.failed == 0);
    CHECK(report.unchanged == 2);
  }
  CHECK(names_in(folder / "to/p/closed") ==
        std::vector<std::string>{".part-0123456789abcdef", "a", "b", "large"});
  CHECK(read_file(folder / "to/p/closed/large") == std::string(600'000, 'l'));
  CHECK(stat_of(folder / "to/p/closed/a").st_nlink == 3);
  CHECK(stat_of(folder / "to/p/last").st_ino == stat_of(folder / "to/p/closed/a").st_ino);
  CHECK((stat_of(folder / "to/p/closed").st_mode & 07777) == 0755);
  CHECK_FALSE(agent::RestoreLog::open(log_path)->is_continued());
}

TEST_CASE("restore: a file that is not the interrupted run's is left alone by the next",
          "[restore]") {
  MemoryTree tree;
  tree.add_file("a", "abc");
  tree.add_link("b", "a");
  tree.add_file("large", Bytes(600'000, 'l'));
  const TemporaryFolder folder;
  OpenedArchive opened(packed(tree, portable("p")));
  agent::RestoreOptions options;
  options.target = folder.path();
  const std::string log_path = folder / "log";
  interrupted_run(opened, options, log_path);
  // Of the same size and time, with other content: nobody looked inside, so no link leads there.
  const Timestamp time = mtime_of(folder / "p/a");
  must(::unlink((folder / "p/a").c_str()) == 0, "unlink");
  must(::unlink((folder / "p/b").c_str()) == 0, "unlink");
  write_file(folder / "p/a", "xyz");
  set_mtime(folder / "p/a", time);
  write_file(folder / "p/large", "mine");
  const auto log = agent::RestoreLog::open(log_path);
  options.log = log.get();
  const agent::Wanted all(opened.archive, {});
  const auto report = agent::restore(opened.archive, all, options, {});
  CHECK(report.left_alone == 1);
  CHECK(report.unchanged == 1);
  CHECK(read_file(folder / "p/large") == "mine");
  CHECK(read_file(folder / "p/a") == "xyz");
  CHECK(read_file(folder / "p/b") == "abc");
}

TEST_CASE("restore: when the machine went down meanwhile, what is there is read", "[restore]") {
  MemoryTree tree;
  tree.add_file("a", "abc");
  tree.add_file("c", "def");
  tree.add_link("d", "c");
  tree.add_link("e", "a");
  tree.add_symlink("f", "a");
  tree.add_file("large", Bytes(600'000, 'l'));
  const TemporaryFolder folder;
  OpenedArchive opened(packed(tree, portable("p")));
  agent::RestoreOptions options;
  options.target = folder.path();
  const std::string log_path = folder / "log";
  interrupted_run(opened, options, log_path, "boot one");
  // Its size and time were written in time, its content was not.
  const Timestamp time = mtime_of(folder / "p/a");
  write_file(folder / "p/a", std::string(3, '\0'));
  set_mtime(folder / "p/a", time);
  CHECK_FALSE(agent::RestoreLog::open(log_path, "boot one")->was_rebooted());
  const auto log = agent::RestoreLog::open(log_path, "boot two");
  CHECK(log->was_rebooted());
  options.log = log.get();
  const agent::Wanted all(opened.archive, {});
  std::vector<std::string> said;
  agent::RestoreEvents events;
  events.warning = [&](const std::string& what) { said.push_back(what); };
  const auto report = agent::restore(opened.archive, all, options, events);
  CHECK(said == std::vector<std::string>{"p/a: left alone: it is there already",
                                         "p/e: left alone: it is there already"});
  CHECK(report.left_alone == 2);
  CHECK(report.unchanged == 3);
  CHECK(read_file(folder / "p/large") == std::string(600'000, 'l'));
  CHECK(agent::RestoreLog::open(folder / "other", "")->was_rebooted() == false);
  CHECK(agent::RestoreLog::open(folder / "other", "")->was_rebooted());
}

TEST_CASE("restore_log: half a record at its end hides nothing that comes behind", "[restore]") {
  const TemporaryFolder folder;
  const std::string path = folder / "log";
  agent::RestoreLog::open(path)->made("first");
  agent::RestoreLog::open(path)->made("lost");
  for (const std::size_t cut : {1UL, 3UL, 12UL, 13UL}) {
    INFO(cut);
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - cut);
    {
      const auto log = agent::RestoreLog::open(path);
      CHECK(log->has_made("first"));
      CHECK_FALSE(log->has_made("lost"));
      log->made("behind");
      log->writes_in("behind");
    }
    const auto log = agent::RestoreLog::open(path);
    CHECK(log->has_made("behind"));
    CHECK(log->leftovers().back().folder == "behind");
    log->made("lost again");
  }
}
