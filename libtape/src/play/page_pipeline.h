// PagePipeline: pages become gzip members in several threads and come back in order.
//
// In, out: whole pages; buffers go round.
// Limits:  kPagesInFlightBytes of pages, at least one; as much again in members.
// Threads: one caller; N workers of its own (0: the caller's thread does it all).
// Spec:    docs/format.md §3.
#pragma once
#include <functional>
#include <memory>

#include "codec/deflate.h"
#include "tape/bytes.h"
#include "tape/ordered_workers.h"

namespace tape {

inline constexpr ByteCount kPagesInFlightBytes = ByteCount{64} << 20;

struct Page {
  Bytes bytes;
  Bytes member;  // header, deflate stream, trailer
  bool zero = false;
};

class PagePipeline {
 public:
  using MakeDeflater = std::function<std::unique_ptr<Deflater>()>;
  PagePipeline(const MakeDeflater& make_deflater, std::size_t page_size, std::size_t workers);

  bool empty() const { return workers_.empty(); }
  bool full() const { return workers_.full(); }
  bool ready() const { return workers_.ready(); }
  void submit(Bytes bytes);
  Page take();

  // An empty buffer of a page that went through.
  Bytes buffer();
  void give_back(Page page);

 private:
  const std::size_t page_size_;
  std::vector<Page> free_;
  Bytes zero_member_;  // of a whole page of zeros, once one came
  OrderedWorkers<Page> workers_;
};

}  // namespace tape
