#include "store/file_store.h"

#include <atomic>
#include <filesystem>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "conformance/object_store.h"
#include "support/memory_store.h"
#include "support/temporary_folder.h"

using namespace agent;
using namespace test;
using tape::failed;

TEST_CASE("file_store: conforms", "[file_store]") {
  const TemporaryFolder folder;
  conforms(
      [&] {
        bool made = false;
        auto store = create_file_store(folder / "store", made);
        CHECK(made);
        return store;
      },
      1000);
}

TEST_CASE("memory_store: conforms", "[file_store]") {
  conforms([] { return std::make_unique<MemoryStore>(); }, 1000);
}

TEST_CASE("file_store: files are 0600, folders 0700, and only objects match *.tar.gz*",
          "[file_store]") {
  const TemporaryFolder folder;
  bool made = false;
  const auto store = create_file_store(folder / "store", made);
  const std::string upload = store->begin_upload("set/id/x.tar.gz");
  send_part(*store, "set/id/x.tar.gz", upload, 1, 0, bytes_of("part"));
  for (const auto& entry : std::filesystem::directory_iterator(folder / "store/set/id"))
    CHECK(entry.path().filename().string().starts_with(".part-"));
  store->complete_upload("set/id/x.tar.gz", upload, store->list_parts("set/id/x.tar.gz", upload));
  struct stat info {};
  ::stat((folder / "store/set/id/x.tar.gz").c_str(), &info);
  CHECK((info.st_mode & 07777) == 0600);
  for (const char* path : {"store", "store/set", "store/set/id"}) {
    ::stat((folder / path).c_str(), &info);
    CHECK((info.st_mode & 07777) == 0700);
  }
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator(folder / "store/set/id"))
    ++count;
  CHECK(count == 1);
}

TEST_CASE("file_store: a log line that was cut names no part", "[file_store]") {
  const TemporaryFolder folder;
  bool made = false;
  const auto store = create_file_store(folder / "store", made);
  const std::string upload = store->begin_upload("x");
  send_part(*store, "x", upload, 1, 0, bytes_of("first"));
  const std::string log = folder / ("store/.part-" + upload + ".parts");
  const auto whole = std::filesystem::file_size(log);
  send_part(*store, "x", upload, 2, 5, bytes_of("second"));
  for (auto size = std::filesystem::file_size(log) - 1; size >= whole; --size) {
    std::filesystem::resize_file(log, size);
    CHECK(store->list_parts("x", upload).size() == 1);
  }
  // And spoils none behind it.
  std::filesystem::resize_file(log, whole + 9);
  send_part(*store, "x", upload, 3, 11, bytes_of("third"));
  CHECK(store->list_parts("x", upload).size() == 2);
}

TEST_CASE("file_store: a part that its file is too short for is none", "[file_store]") {
  const TemporaryFolder folder;
  bool made = false;
  const auto store = agent::create_file_store(folder / "store", made);
  const std::string upload = store->begin_upload("s/x");
  const tape::Bytes part(1000, 1);
  send_part(*store, "s/x", upload, 1, 0, part);
  send_part(*store, "s/x", upload, 2, 1000, part);
  std::filesystem::resize_file(folder / ("store/s/.part-" + upload), 1999);
  CHECK(store->list_parts("s/x", upload).size() == 1);
  std::filesystem::resize_file(folder / ("store/s/.part-" + upload), 0);
  CHECK(store->list_parts("s/x", upload).empty());
}

TEST_CASE("file_store: a put that was cut, and an upload, are gone with abort_uploads",
          "[file_store]") {
  const TemporaryFolder folder;
  bool made = false;
  const auto store = agent::create_file_store(folder / "store", made);
  store->begin_upload("s/a/x");
  write_file(folder / "store/s/a/.part-0123456789abcdef", "half");
  make_folder(folder / "elsewhere");
  write_file(folder / "elsewhere/.part-0123456789abcdef", "another's");
  std::filesystem::create_directory_symlink(folder / "elsewhere", folder / "store/s/a/link");
  store->abort_uploads("s/a/");
  CHECK(std::filesystem::exists(folder / "elsewhere/.part-0123456789abcdef"));
  std::filesystem::remove(folder / "store/s/a/link");
  store->abort_uploads("s/a/");
  CHECK_FALSE(std::filesystem::exists(folder / "store/s"));
}

TEST_CASE(
    "file_store: a set may be a symlink; what is one below it is not there, and nothing is "
    "deleted through it",
    "[file_store]") {
  const TemporaryFolder folder;
  bool made = false;
  const auto store = agent::create_file_store(folder / "store", made);
  make_folder(folder / "disk");
  std::filesystem::create_directory_symlink(folder / "disk", folder / "store/set");
  store->put("set/one/x", bytes_of("x"), ObjectStore::Put::replace);
  store->put("set/two/x", bytes_of("x"), ObjectStore::Put::replace);
  make_folder(folder / "elsewhere");
  write_file(folder / "elsewhere/x", "another's");
  std::filesystem::create_directory_symlink(folder / "elsewhere", folder / "disk/three");
  std::filesystem::create_directory_symlink(folder / "elsewhere", folder / "disk/one/deep");
  std::filesystem::create_directory_symlink(".", folder / "disk/one/loop");
  CHECK(store->folders("set/") == std::vector<std::string>{"one", "two"});
  CHECK(keys_in(*store, "") == std::vector<std::string>{"set/one/x", "set/two/x"});
  for (const char* key : {"set/three/x", "set/one/deep/x"})
    CHECK(failed([&] { store->remove(key); }).kind() == tape::ErrorKind::usage);
  CHECK(failed([&] { store->abort_uploads("set/three/"); }).kind() == tape::ErrorKind::usage);
  store->remove("set/two/x");
  CHECK(read_file(folder / "elsewhere/x") == "another's");
  CHECK(keys_in(*store, "") == std::vector<std::string>{"set/one/x"});
}

TEST_CASE("file_store: a store that went away is not an empty one", "[file_store]") {
  const TemporaryFolder folder;
  bool made = false;
  const auto store = create_file_store(folder / "store", made);
  const std::string upload = store->begin_upload("x");
  std::filesystem::remove_all(folder / "store");
  using tape::ErrorKind;
  const auto fails = [&](const auto& step) { CHECK(failed(step).kind() == ErrorKind::transient); };
  const auto all_fail = [&] {
    fails([&] { store->head("x"); });
    fails([&] { store->open("x"); });
    fails([&] { store->folders("none/"); });
    fails([&] { store->put("x", {}, ObjectStore::Put::replace); });
    fails([&] { store->list_parts("x", upload); });
    fails([&] { send_part(*store, "x", upload, 1, 0, bytes_of("part")); });
    fails([&] { store->complete_upload("x", upload, {}); });
  };
  all_fail();
  CHECK_FALSE(std::filesystem::exists(folder / "store"));
  // Another one in its place, as when a disk is not mounted.
  make_folder(folder / "store");
  all_fail();
}

TEST_CASE("file_store: what strangers left in it hides nothing", "[file_store]") {
  const TemporaryFolder folder;
  bool made = false;
  const auto store = create_file_store(folder / "store", made);
  store->put("set/x", {}, ObjectStore::Put::replace);
  std::filesystem::create_directory(folder / "elsewhere");
  std::filesystem::create_symlink("loop", folder / "store/loop");
  std::filesystem::create_symlink("nowhere", folder / "store/dangling");
  std::filesystem::create_directory_symlink(folder / "elsewhere", folder / "store/other-disk");
  CHECK(store->folders("") == std::vector<std::string>{"other-disk", "set"});
  CHECK(keys_in(*store, "") == std::vector<std::string>{"set/x"});
}

TEST_CASE("file_store: a new store needs a parent; a file is none", "[file_store]") {
  const TemporaryFolder folder;
  bool made = false;
  CHECK(failed([&] { create_file_store(folder / "none/store", made); }).kind() ==
        tape::ErrorKind::not_found);
  write_file(folder / "file", "x");
  CHECK(failed([&] { create_file_store(folder / "file", made); }).kind() == tape::ErrorKind::usage);
  CHECK(failed([&] { open_file_store(folder / "none"); }).kind() == tape::ErrorKind::not_found);
  CHECK_FALSE(create_file_store(folder.path(), made) == nullptr);
  CHECK_FALSE(made);
}

TEST_CASE("file_store: a folder that another removes behind its last object fails no removal",
          "[file_store]") {
  const TemporaryFolder folder;
  bool made = false;
  const auto store = create_file_store(folder / "store", made);
  const std::string path = folder / "store/set/id";
  for (int round = 0; round < 200; ++round) {
    store->put("set/id/a", bytes_of("a"), ObjectStore::Put::replace);
    std::atomic<bool> is_over = false;
    std::jthread other([&] {
      while (!is_over)
        ::rmdir(path.c_str());
    });
    CHECK_NOTHROW(store->remove("set/id/a"));
    is_over = true;
    other.join();
    CHECK(store->folders("").empty());
  }
}
