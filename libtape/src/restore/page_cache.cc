#include "restore/page_cache.h"

namespace tape {

// The promise to make a page. Broken, when it could not be made, it leaves nothing behind.
class PageCache::Making {
 public:
  Making(PageCache& cache, std::uint64_t number) : cache_(cache), number_(number) {}
  Making(const Making&) = delete;
  Making& operator=(const Making&) = delete;
  ~Making() {
    {
      const std::lock_guard lock(cache_.mutex_);
      if (page_) {
        cache_.keep(number_, page_);
      } else {
        cache_.entries_.erase(number_);
      }
    }
    cache_.made_.notify_all();
  }

  Page fulfil(DecodedPage page) {
    page_ = std::make_shared<const DecodedPage>(std::move(page));
    return page_;
  }

 private:
  PageCache& cache_;
  std::uint64_t number_;
  Page page_;
};

PageCache::Page PageCache::found_or_promised(std::uint64_t number) {
  std::unique_lock lock(mutex_);
  auto found = entries_.find(number);
  for (; found != entries_.end() && !found->second.page; found = entries_.find(number))
    made_.wait(lock);
  if (found == entries_.end()) {
    entries_.emplace(number, Entry{});
    return nullptr;
  }
  order_.splice(order_.begin(), order_, found->second.place);
  return found->second.page;
}

PageCache::Page PageCache::get(std::uint64_t number, const std::function<DecodedPage()>& make) {
  if (Page page = found_or_promised(number)) return page;
  Making making(*this, number);
  return making.fulfil(make());
}

bool PageCache::holds(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(number);
  return found != entries_.end() && found->second.page;
}

void PageCache::keep(std::uint64_t number, const Page& page) {
  if (page->bytes.size() > budget_) {
    entries_.erase(number);
    return;
  }
  order_.push_front(number);
  entries_[number] = {page, order_.begin()};
  kept_ += page->bytes.size();
  while (kept_ > budget_) {
    const auto oldest = entries_.find(order_.back());
    kept_ -= oldest->second.page->bytes.size();
    entries_.erase(oldest);
    order_.pop_back();
  }
}

}  // namespace tape
