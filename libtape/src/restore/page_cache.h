// PageCache: decoded pages, the ones used last, for any number of threads.
//
// Limits:  a budget of bytes; pages that somebody still reads come on top. A page that several
//          threads ask for at once is made by one of them.
// Threads: any.
#pragma once
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "tape/bytes.h"
#include "tape/offset.h"

namespace tape {

struct DecodedPage {
  Bytes bytes;
  GzOffset end;  // of its last member with content
};

class PageCache {
 public:
  // Shared: a reader copies from a page while the cache lets it go.
  using Page = std::shared_ptr<const DecodedPage>;

  explicit PageCache(ByteCount budget) : budget_(budget) {}

  // Fails: as `make`, whose failure only its own caller hears; the others make it themselves.
  Page get(std::uint64_t number, const std::function<DecodedPage()>& make);
  // Whether the page is there.
  bool holds(std::uint64_t number) const;

 private:
  struct Entry {
    Page page;  // null while it is made
    std::list<std::uint64_t>::iterator place;
  };
  class Making;
  // The page; null when the caller is to make it.
  Page found_or_promised(std::uint64_t number);
  void keep(std::uint64_t number, const Page& page);

  const ByteCount budget_;
  ByteCount kept_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable made_;
  std::unordered_map<std::uint64_t, Entry> entries_;
  std::list<std::uint64_t> order_;  // of pages that are there, the one used last in front
};

}  // namespace tape
