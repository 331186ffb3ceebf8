// The k-th call of each seam fails, for every k: nothing half-made is visible, the error says
// something, and the next run gives the bytes that an untroubled one gives.
#include "restore/restore.h"
#include "support/expect.h"
#include "support/faulty.h"
#include "support/memory_tree.h"
#include "support/packed.h"
#include "tape/files.h"

using namespace tape;
using namespace test;

namespace {

void fill(MemoryTree& tree) {
  tree.add_directory("dir");
  tree.add_file("dir/file", Bytes(3000, 'f'));
  tree.add_link("dir/second", "dir/file");
  tree.add_symlink("link", "dir/file");
  tree.add_file("empty", "");
  tree.add_file(std::string(150, 'n'), "pax");
  tree.add("fifo", SourceKind::fifo, 0600);
}

const ErrorKind kKinds[] = {ErrorKind::io, ErrorKind::exhausted};

Error planted(ErrorKind kind) {
  return {kind, "planted failure"};
}

// pack with each seam in the hands of the test: `tree`, the output and the spool's two ends.
struct Pack {
  SourceTree& tree;
  Faults& scan_faults;
  Faults& play_faults;
  Faults& sink_faults;
  Faults& spool_faults;
  std::uint64_t problems = 0;

  void run(const std::string& folder, const std::string& output) {
    const auto sink = create_file_sink(output);
    FaultySink faulty_sink(*sink, sink_faults);
    FaultyTree scanned_tree(tree, scan_faults);
    const auto catalog = scan(scanned_tree, {temporary_name(folder), ""}, full("p"));
    problems = catalog->summary().problems;
    const auto scratch = create_scratch_file(folder);
    FaultySink spool_out(scratch->out(), spool_faults);
    FaultySource spool_in(scratch->in(), spool_faults);
    FaultyTree played_tree(tree, play_faults);
    VolumeWriter volume(
        faulty_sink, {spool_out, spool_in},
        {small_pages(), {TapeOffset(0), catalog->summary().tape_size}, Metadata::full});
    TapeStream stream(*catalog, played_tree, &volume);
    Bytes buffer(1000);
    while (const std::size_t n = stream.read(buffer))
      volume.write(ByteView(buffer).first(n));
    volume.finish();
    faulty_sink.finish();
  }
};

enum class Seam { scan, play, sink, spool };

// Packs into `folder`/out with `faults` at one seam; returns what it failed with.
std::optional<Error> pack_with(Seam seam,
                               Faults& faults,
                               const TemporaryFolder& folder,
                               std::uint64_t* problems = nullptr) {
  MemoryTree tree;
  fill(tree);
  // Whatever the source does not give is missed: each entry has an attribute.
  for (const auto& path :
       {std::string(), std::string("dir"), std::string("dir/file"), std::string("link"),
        std::string("empty"), std::string(150, 'n'), std::string("fifo")})
    tree.inode(path).xattrs = {{"user.k", "v"}};
  Faults none = Faults::none();
  Pack pack{tree, seam == Seam::scan ? faults : none, seam == Seam::play ? faults : none,
            seam == Seam::sink ? faults : none, seam == Seam::spool ? faults : none};
  const auto failure = failure_of([&] { pack.run(folder.path(), folder / "out"); });
  if (problems != nullptr) *problems = pack.problems;
  return failure;
}

std::string untroubled() {
  const TemporaryFolder folder;
  Faults none = Faults::none();
  REQUIRE_FALSE(pack_with(Seam::sink, none, folder));
  return read_file(folder / "out");
}

std::uint64_t calls_at(Seam seam) {
  const TemporaryFolder folder;
  Faults counting = Faults::none();
  REQUIRE_FALSE(pack_with(seam, counting, folder));
  REQUIRE(counting.calls() > 1);
  return counting.calls();
}

void nothing_is_left_and_the_next_run_is_right(const TemporaryFolder& folder,
                                               const std::string& right) {
  CHECK(names_in(folder.path()).empty());
  Faults none = Faults::none();
  CHECK_FALSE(pack_with(Seam::sink, none, folder));
  CHECK(read_file(folder / "out") == right);
}

}  // namespace

TEST_CASE("pack: whichever write of the output fails, nothing is left", "[fault]") {
  const std::string right = untroubled();
  for (const Seam seam : {Seam::sink, Seam::spool}) {
    const std::uint64_t calls = calls_at(seam);
    for (std::uint64_t k = 1; k <= calls; ++k) {
      for (const ErrorKind kind : kKinds) {
        const TemporaryFolder folder;
        Faults faults = Faults::at_call(k, planted(kind));
        const auto failure = pack_with(seam, faults, folder);
        INFO("call " << k << " of " << calls);
        REQUIRE(failure);
        CHECK(failure->kind() == kind);
        CHECK(says(*failure, "planted failure"));
        nothing_is_left_and_the_next_run_is_right(folder, right);
      }
    }
  }
}

TEST_CASE("pack: whichever call to the source fails while it is played, nothing is left",
          "[fault]") {
  const std::string right = untroubled();
  const std::uint64_t calls = calls_at(Seam::play);
  for (std::uint64_t k = 1; k <= calls; ++k) {
    for (const ErrorKind kind : kKinds) {
      const TemporaryFolder folder;
      // From this call on: a file with a second name would be found again under that.
      Faults faults = Faults::from_call(k, planted(kind));
      const auto failure = pack_with(Seam::play, faults, folder);
      INFO("call " << k << " of " << calls);
      REQUIRE(failure);
      CHECK_FALSE(std::string(failure->what()).empty());
      CHECK((failure->kind() == kind || failure->kind() == ErrorKind::source_changed));
      if (kind == ErrorKind::exhausted) CHECK(failure->kind() == kind);
      nothing_is_left_and_the_next_run_is_right(folder, right);
    }
  }
}

TEST_CASE("pack: whichever call to the source fails in the scan, it is a problem or the end",
          "[fault]") {
  const std::string right = untroubled();
  const std::uint64_t calls = calls_at(Seam::scan);
  for (std::uint64_t k = 1; k <= calls; ++k) {
    for (const ErrorKind kind : kKinds) {
      const TemporaryFolder folder;
      Faults faults = Faults::at_call(k, planted(kind));
      std::uint64_t problems = 0;
      const auto failure = pack_with(Seam::scan, faults, folder, &problems);
      INFO("call " << k << " of " << calls);
      if (failure) {
        // The root itself (its stat, list), and what no entry is to blame for.
        CHECK((k == 1 || k == 3 || kind == ErrorKind::exhausted));
        nothing_is_left_and_the_next_run_is_right(folder, right);
      } else {
        CHECK(kind == ErrorKind::io);
        CHECK(problems == 1);
        CHECK(read_file(folder / "out") != right);
      }
    }
  }
}

TEST_CASE("tape_stream: bytes given out before a failure are the right ones", "[fault]") {
  MemoryTree tree;
  fill(tree);
  const auto catalog = sealed(tree, full("p"));
  Bytes right(static_cast<std::size_t>(catalog->summary().tape_size));
  Faults counting = Faults::none();
  FaultyTree counted(tree, counting);
  REQUIRE(TapeStream(*catalog, counted, nullptr).read(right) == right.size());
  for (std::uint64_t k = 1; k <= counting.calls(); ++k) {
    Faults faults = Faults::from_call(k, planted(ErrorKind::io));
    FaultyTree faulty(tree, faults);
    TapeStream stream(*catalog, faulty, nullptr);
    Bytes out;
    const auto failure = failure_of([&] {
      Bytes piece(100);
      while (const std::size_t n = stream.read(piece))
        out.insert(out.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(n));
    });
    INFO("call " << k << " of " << counting.calls());
    CHECK(failure);
    REQUIRE(out.size() < right.size());
    CHECK(std::equal(out.begin(), out.end(), right.begin()));
  }
}

namespace {

struct Restored {
  std::optional<Error> failure;
  agent::RestoreReport report;
  std::vector<std::string> warnings;
};

Restored restore_with(Faults& faults, const Bytes& archive, const std::string& target) {
  const MemorySource source(archive);
  const FaultySource faulty(source, faults);
  Restored out;
  out.failure = failure_of([&] {
    Archive opened(faulty);
    // Every page a request of its own: more calls to fail.
    opened.expect_walk({1, 0});
    agent::RestoreOptions options;
    options.target = target;
    agent::RestoreEvents events;
    events.warning = [&](const std::string& what) { out.warnings.push_back(what); };
    out.report = agent::restore(opened, {opened, {}}, options, events);
  });
  return out;
}

const std::vector<std::string> kFiles = {"dir/file", "dir/second", "empty", std::string(150, 'n')};

std::string content_of(const std::string& file) {
  return file == "empty" ? "" : file.starts_with("dir") ? std::string(3000, 'f') : "pax";
}

// Whatever has a name is whole; nothing temporary is there.
void what_is_there_is_right(const std::string& target) {
  if (!is_there(target + "/p")) return;
  for (const std::string& folder : {target + "/p", target + "/p/dir"}) {
    if (!is_there(folder)) continue;
    for (const std::string& name : names_in(folder))
      CHECK_FALSE(name.starts_with(".part-"));
  }
  for (const std::string& file : kFiles) {
    if (is_there(target + "/p/" + file))
      CHECK(read_file(target + "/p/" + file) == content_of(file));
  }
}

}  // namespace

TEST_CASE("restore: whichever read of the archive fails, what is there is whole", "[fault]") {
  MemoryTree tree;
  fill(tree);
  const Bytes archive = packed(tree, full("p"));
  std::uint64_t calls = 0;
  {
    const TemporaryFolder folder;
    Faults counting = Faults::none();
    REQUIRE_FALSE(restore_with(counting, archive, folder / "to").failure);
    calls = counting.calls();
  }
  REQUIRE(calls > 5);
  for (std::uint64_t k = 1; k <= calls; ++k) {
    for (const ErrorKind kind : kKinds) {
      const TemporaryFolder folder;
      Faults faults = Faults::from_call(k, planted(kind));
      const Restored troubled = restore_with(faults, archive, folder / "to");
      INFO("call " << k << " of " << calls);
      if (troubled.failure) {
        CHECK(troubled.failure->kind() == kind);
        CHECK(says(*troubled.failure, "planted failure"));
      } else {
        CHECK(kind == ErrorKind::io);
        CHECK(troubled.report.failed > 0);
        CHECK_FALSE(troubled.warnings.empty());
      }
      what_is_there_is_right(folder / "to");
      // The same command again completes it.
      Faults none = Faults::none();
      CHECK_FALSE(restore_with(none, archive, folder / "to").failure);
      for (const std::string& file : kFiles) {
        REQUIRE(is_there(folder / ("to/p/" + file)));
        CHECK(read_file(folder / ("to/p/" + file)) == content_of(file));
      }
    }
  }
}

TEST_CASE("restore: a signal or another archive is no matter of one member, wherever it comes",
          "[fault]") {
  MemoryTree tree;
  fill(tree);
  const Bytes archive = packed(tree, full("p"));
  for (const ErrorKind kind :
       {ErrorKind::exhausted, ErrorKind::canceled, ErrorKind::object_changed}) {
    std::uint64_t k = 0;
    for (bool reached = true; reached;) {
      const TemporaryFolder folder;
      Faults faults = Faults::at_call(++k, planted(kind));
      const Restored troubled = restore_with(faults, archive, folder / "to");
      reached = faults.failures() > 0;
      INFO("call " << k);
      CHECK(troubled.failure.has_value() == reached);
      if (troubled.failure) CHECK(troubled.failure->kind() == kind);
    }
    CHECK(k > 5);
  }
}

TEST_CASE(
    "restore: a directory under way when the archive fails has its metadata after the next run",
    "[fault]") {
  MemoryTree tree;
  fill(tree);
  const Bytes archive = packed(tree, full("p"));
  const TemporaryFolder folder;
  {
    const MemorySource source(archive);
    Archive opened(source);
    agent::RestoreOptions options;
    options.target = folder / "to";
    agent::RestoreEvents events;
    events.progress = [](ByteCount, const std::string& current) {
      if (current == "p/dir/second") throw Error(ErrorKind::canceled, "interrupted");
    };
    const agent::Wanted all(opened, {});
    REQUIRE(failure_of([&] { agent::restore(opened, all, options, events); }));
  }
  // What was made so far has its metadata; the next run completes it.
  CHECK(mtime_of(folder / "to/p/dir") == tree.inode("dir").stat.mtime);
  {
    const MemorySource source(archive);
    Archive opened(source);
    agent::RestoreOptions options;
    options.target = folder / "to";
    options.overwrite = agent::Overwrite::if_changed;
    REQUIRE_FALSE(failure_of([&] { agent::restore(opened, {opened, {}}, options, {}); }));
  }
  CHECK((stat_of(folder / "to/p/dir").st_mode & 07777) == 0755);
  CHECK(mtime_of(folder / "to/p/dir") == tree.inode("dir").stat.mtime);
}
