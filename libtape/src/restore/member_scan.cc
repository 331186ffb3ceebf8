#include "restore/member_scan.h"

#include <algorithm>
#include <utility>

namespace tape {

// What is read from `at` on, at least a byte; empty at the end of the object.
ByteView MemberScan::bytes_at(GzOffset at) {
  const GzRange held{window_begin_, window_.size()};
  if (!held.contains(at)) {
    // Empty until the read has succeeded, so that a failure leaves nothing that looks read.
    Bytes window = std::exchange(window_, {});
    const ByteCount left = source_.size() > at.value() ? source_.size() - at.value() : 0;
    window.resize(static_cast<std::size_t>(std::min<ByteCount>(left, kScanReadSize)));
    if (!window.empty()) source_.read_at(at, window);
    window_ = std::move(window);
    window_begin_ = at;
  }
  return ByteView(window_).subspan(static_cast<std::size_t>(at - window_begin_));
}

GzOffset MemberScan::pass_over_zeros() {
  GzOffset at = position_;
  padding_ = 0;
  if (at == GzOffset(0)) return at;  // behind a member, not in front of the first
  for (ByteView in = bytes_at(at); !in.empty(); in = bytes_at(at)) {
    const auto other =
        std::find_if(in.begin(), in.end(), [](std::uint8_t byte) { return byte != 0; });
    at = at + static_cast<ByteCount>(other - in.begin());
    if (other != in.end()) break;
  }
  padding_ = at - position_;
  return at;
}

std::optional<ScannedMember> MemberScan::next(const std::function<void(ByteView)>& content) {
  GzOffset at = pass_over_zeros();
  if (at.value() >= source_.size()) return std::nullopt;
  stream_.begin(at);
  while (stream_.open()) {
    const ByteView in = bytes_at(at);
    if (in.empty()) stream_.fail_cut(at);
    at = at + stream_.feed(in, content);
  }
  position_ = at;
  padding_ = 0;
  return stream_.member();
}

}  // namespace tape
