// What every ObjectStore must do. A store's own test calls this with a fresh, empty one.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "store/object_store.h"
#include "support/expect.h"
#include "tape/digest.h"
#include "tape/error.h"

namespace test {

inline tape::Bytes bytes_of(const std::string& text) {
  const tape::ByteView view = tape::as_bytes(text);
  return {view.begin(), view.end()};
}

inline std::string content(agent::ObjectStore& store, const std::string& key) {
  return tape::as_text(store.get(key, 1 << 24));
}

inline std::vector<std::string> keys_in(agent::ObjectStore& store, const std::string& prefix) {
  std::vector<std::string> out;
  store.list(prefix, [&](const agent::ObjectInfo& info) { out.push_back(info.key); });
  return out;
}

inline agent::PartInfo send_part(agent::ObjectStore& store,
                                 const std::string& key,
                                 const std::string& upload,
                                 std::uint32_t number,
                                 std::uint64_t offset,
                                 const tape::Bytes& bytes) {
  return store.put_part(key, upload, {number, offset, bytes, tape::sha256(bytes)});
}

// `part_size`: the smallest that the store takes for all parts but the last. `creates_atomically`:
// not so where a store knows no conditional writes; then of two at the same moment both may think
// that they made it.
inline void conforms(const std::function<std::unique_ptr<agent::ObjectStore>()>& make,
                     std::size_t part_size,
                     bool creates_atomically = true) {
  using agent::ObjectStore;
  using tape::ErrorKind;
  using tape::failed;
  const auto store = make();

  SECTION("aborting all uploads below a prefix leaves objects, and uploads elsewhere") {
    const tape::Bytes bytes(part_size, 1);
    const std::string gone = store->begin_upload("s/a/x");
    send_part(*store, "s/a/x", gone, 1, 0, bytes);
    const std::string nested = store->begin_upload("s/a/deep/x");
    const std::string kept = store->begin_upload("s/b/x");
    send_part(*store, "s/b/x", kept, 1, 0, bytes);
    store->put("s/a/object", tape::as_bytes("o"), ObjectStore::Put::replace);
    store->abort_uploads("s/a/");
    CHECK(failed([&] { store->list_parts("s/a/x", gone); }).kind() == ErrorKind::not_found);
    CHECK(failed([&] { store->list_parts("s/a/deep/x", nested); }).kind() == ErrorKind::not_found);
    CHECK(store->list_parts("s/b/x", kept).size() == 1);
    CHECK(keys_in(*store, "") == std::vector<std::string>{"s/a/object"});
    store->abort_uploads("nothing/there/");
  }

  SECTION("uploads that are under way are listed below their prefix, and each can be aborted") {
    const std::string one = store->begin_upload("s/a/x");
    const std::string two = store->begin_upload("s/b/y +%41");
    // There may be others: of a call that was tried again, its answer being lost.
    const auto listed = [&](const std::string& prefix, const std::string& upload) {
      std::vector<agent::UploadInfo> out = store->list_uploads(prefix);
      for (const agent::UploadInfo& info : out)
        CHECK(info.key.starts_with(prefix));
      std::erase_if(out, [&](const agent::UploadInfo& info) { return info.upload != upload; });
      return out;
    };
    CHECK(listed("", one).size() == 1);
    CHECK(listed("", two).size() == 1);
    CHECK(listed("s/b/", one).empty());
    const auto below = listed("s/b/", two);
    REQUIRE(below.size() == 1);
    store->abort_upload(below[0].key, below[0].upload);
    CHECK(listed("", two).empty());
    CHECK(store->list_parts("s/a/x", one).empty());
  }

  SECTION("an object that is known is opened, another one in its place is not") {
    store->put("a/b", tape::as_bytes("hello"), ObjectStore::Put::replace);
    auto info = *store->head("a/b");
    tape::Bytes bytes(5);
    store->open_known(info)->read_at(tape::GzOffset(0), bytes);
    CHECK(tape::as_text(bytes) == "hello");
    store->put("a/b", tape::as_bytes("longer than that"), ObjectStore::Put::replace);
    CHECK(failed([&] { store->open_known(info)->read_at(tape::GzOffset(0), bytes); }).kind() ==
          ErrorKind::object_changed);
  }

  SECTION("an object larger than it may be is not got") {
    store->put("a/b", tape::as_bytes("hello"), ObjectStore::Put::replace);
    CHECK(tape::as_text(store->get("a/b", 5)) == "hello");
    CHECK(failed([&] { store->get("a/b", 4); }).kind() == ErrorKind::corrupt);
    CHECK(failed([&] { store->get("a/c", 4); }).kind() == ErrorKind::not_found);
  }

  SECTION("many are removed at once, and those that are not there") {
    std::vector<std::string> keys = {"none"};
    for (int i = 0; i < 5; ++i) {
      keys.push_back("r/key " + std::to_string(i));
      store->put(keys.back(), tape::as_bytes("x"), ObjectStore::Put::replace);
    }
    store->put("r/kept", tape::as_bytes("x"), ObjectStore::Put::replace);
    store->remove_all(keys);
    store->remove_all({});
    CHECK(keys_in(*store, "") == std::vector<std::string>{"r/kept"});
  }

  SECTION("any key is stored, listed and removed as it is") {
    const std::vector<std::string> odd = {"odd/ space",          "odd/%41",
                                          "odd/+plus+",          "odd/<a&b>\"'",
                                          "odd/=?#;:@,$!*()[]~", "odd/\xC3\xA9\xE2\x82\xAC",
                                          "odd/\xF0\x9F\x93\xBC"};
    for (const std::string& key : odd)
      store->put(key, tape::as_bytes(key), ObjectStore::Put::replace);
    CHECK(keys_in(*store, "odd/") == odd);
    for (const std::string& key : odd) {
      INFO(key);
      CHECK(content(*store, key) == key);
    }
    store->remove(odd.front());
    CHECK_FALSE(store->head(odd.front()));
    store->remove_all(odd);
    CHECK(keys_in(*store, "").empty());
  }

  SECTION("what was put is read back, whole and in ranges") {
    CHECK(store->put("a/b", tape::as_bytes("hello"), ObjectStore::Put::replace)->size == 5);
    CHECK(content(*store, "a/b") == "hello");
    const auto source = store->open("a/b");
    tape::Bytes middle(3);
    source->read_at(tape::GzOffset(1), middle);
    CHECK(tape::as_text(middle) == "ell");
    CHECK(store->head("a/b")->size == 5);
    CHECK(store->head("a/b")->key == "a/b");
    store->put("a/b", tape::as_bytes("other"), ObjectStore::Put::replace);
    CHECK(content(*store, "a/b") == "other");
    store->put("empty", {}, ObjectStore::Put::replace);
    CHECK(content(*store, "empty").empty());
  }
  SECTION("a key that is taken stays as it is when it must be absent") {
    CHECK(store->put("k", tape::as_bytes("first"), ObjectStore::Put::if_absent));
    CHECK_FALSE(store->put("k", tape::as_bytes("second"), ObjectStore::Put::if_absent));
    CHECK(content(*store, "k") == "first");
  }
  SECTION("of many who create one key, one does") {
    std::atomic<int> made = 0;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 8; ++i)
        threads.emplace_back([&, i] {
          // Swift answers a put that another one overtook with a success without an ETag: a try
          // that failed, behind which the next one finds the key taken.
          constexpr int kTries = 4;
          std::optional<agent::ObjectInfo> put;
          for (int tries = 1;; ++tries) {
            const auto failure = tape::failure_of([&] {
              put = store->put("k", tape::as_bytes(std::to_string(i)), ObjectStore::Put::if_absent);
            });
            if (!failure) break;
            if (failure->kind() != ErrorKind::transient || tries == kTries)
              throw tape::Error(*failure);
          }
          if (put) ++made;
        });
    }
    CHECK(made >= 1);
    if (creates_atomically) CHECK(made == 1);
  }
  SECTION("what is not there is none, or not found") {
    CHECK_FALSE(store->head("none"));
    CHECK_FALSE(store->head("none/below"));
    CHECK(failed([&] { store->open("none"); }).kind() == ErrorKind::not_found);
    CHECK(keys_in(*store, "").empty());
    CHECK(keys_in(*store, "none/").empty());
    CHECK(store->folders("").empty());
    store->remove("none");
    store->remove("none/below");
  }
  SECTION("lists are sorted by key, and of their prefix") {
    for (const char* key : {"b/2", "a", "b/1", "b/c/d", "b-1", "z"})
      store->put(key, tape::as_bytes("x"), ObjectStore::Put::replace);
    CHECK(keys_in(*store, "") == std::vector<std::string>{"a", "b-1", "b/1", "b/2", "b/c/d", "z"});
    CHECK(keys_in(*store, "b/") == std::vector<std::string>{"b/1", "b/2", "b/c/d"});
    CHECK(store->folders("") == std::vector<std::string>{"b"});
    CHECK(store->folders("b/") == std::vector<std::string>{"c"});
    store->remove("b/c/d");
    CHECK(store->folders("b/").empty());
    CHECK_FALSE(store->head("b/c/d"));
  }
  SECTION("an upload is invisible before it is completed, and then whole") {
    const tape::Bytes first(part_size, 'a');
    const tape::Bytes second(part_size, 'b');
    const tape::Bytes last = bytes_of("end");
    const std::string upload = store->begin_upload("f/x");
    // In any order.
    const auto p2 = send_part(*store, "f/x", upload, 2, part_size, second);
    const auto p1 = send_part(*store, "f/x", upload, 1, 0, first);
    const auto p3 = send_part(*store, "f/x", upload, 3, 2 * part_size, last);
    CHECK_FALSE(store->head("f/x"));
    CHECK(keys_in(*store, "").empty());
    const auto held = store->list_parts("f/x", upload);
    REQUIRE(held.size() == 3);
    CHECK(held[0].number == 1);
    CHECK(held[1].etag == p2.etag);
    CHECK(held[2].size == 3);
    CHECK(store->complete_upload("f/x", upload, {p1, p2, p3}).size == 2 * part_size + 3);
    const std::string whole = content(*store, "f/x");
    CHECK(whole == std::string(part_size, 'a') + std::string(part_size, 'b') + "end");
    // Or, where a store forgets uploads late, what it was made of.
    std::vector<agent::PartInfo> left = held;
    const auto gone = tape::failure_of([&] { left = store->list_parts("f/x", upload); });
    CHECK((!gone || gone->kind() == ErrorKind::not_found));
    CHECK(left.size() == held.size());
    tape::ByteCount again = 2 * part_size + 3;
    const auto failure = tape::failure_of([&] {
      again = store->complete_upload("f/x", upload, {p1, p2, p3}).size;
    });
    CHECK((!failure || failure->kind() == ErrorKind::not_found));
    CHECK(again == 2 * part_size + 3);
    // Another object of that size is not the one that was uploaded.
    store->put("f/x", tape::Bytes(2 * part_size + 3, 0), ObjectStore::Put::replace);
    CHECK(tape::failure_of([&] {
      static_cast<void>(store->complete_upload("f/x", upload, {p1, p2, p3}));
    }));
    store->put("f/x", tape::as_bytes(whole), ObjectStore::Put::replace);
    CHECK(content(*store, "f/x") == whole);
  }
  SECTION("a part that is sent again replaces the first") {
    const std::string upload = store->begin_upload("x");
    const auto old = send_part(*store, "x", upload, 1, 0, tape::Bytes(part_size, 'o'));
    const auto now = send_part(*store, "x", upload, 1, 0, tape::Bytes(part_size, 'n'));
    CHECK(old.etag != now.etag);
    CHECK(store->list_parts("x", upload).size() == 1);
    CHECK(failed([&] { store->complete_upload("x", upload, {old}); }).kind() == ErrorKind::corrupt);
    store->complete_upload("x", upload, {now});
    CHECK(content(*store, "x") == std::string(part_size, 'n'));
  }
  SECTION("an upload that was given up leaves nothing, and takes nothing more") {
    const std::string upload = store->begin_upload("f/x");
    send_part(*store, "f/x", upload, 1, 0, bytes_of("part"));
    store->abort_upload("f/x", upload);
    store->abort_upload("f/x", upload);
    CHECK_FALSE(store->head("f/x"));
    CHECK(failed([&] { send_part(*store, "f/x", upload, 2, 4, bytes_of("part")); }).kind() ==
          ErrorKind::not_found);
    CHECK(failed([&] { store->list_parts("f/x", "0123456789abcdef"); }).kind() ==
          ErrorKind::not_found);
  }
  SECTION("two uploads of one key do not mix") {
    const std::string one = store->begin_upload("x");
    const std::string two = store->begin_upload("x");
    const auto p1 = send_part(*store, "x", one, 1, 0, bytes_of("one"));
    send_part(*store, "x", two, 1, 0, bytes_of("two"));
    store->complete_upload("x", one, {p1});
    CHECK(content(*store, "x") == "one");
    CHECK(store->list_parts("x", two).size() == 1);
  }
  SECTION("what is no key is a usage error") {
    for (const char* key : {"", "/a", "a/", "a//b", "../a", "a/../b", "./a", "a/."}) {
      INFO(key);
      CHECK(failed([&] { store->put(key, {}, ObjectStore::Put::replace); }).kind() ==
            ErrorKind::usage);
      CHECK(failed([&] { store->open(key); }).kind() == ErrorKind::usage);
    }
  }
}

}  // namespace test
