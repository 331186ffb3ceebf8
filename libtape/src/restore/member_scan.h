// MemberScan: the gzip members of an object, one behind the other.
//
// In:      a RangeSource, read forward in pieces of kScanReadSize.
// Out:     where each member lies, its first subfield, its content.
// Limits:  memory: kScanReadSize and one MemberStream, whatever the size of a member.
// Threads: one caller at a time.
// Spec:    RFC 1952. Zero bytes behind a member are padding, as for gzip.
#pragma once
#include <functional>
#include <optional>

#include "restore/member_stream.h"
#include "tape/io.h"

namespace tape {

inline constexpr std::size_t kScanReadSize = std::size_t{1} << 20;

class MemberScan {
 public:
  // `begin`: 0, or the end of a member. `source` must outlive the scan.
  MemberScan(const RangeSource& source, GzOffset begin) : source_(source), position_(begin) {}

  // The next member, checked whole; none at the end of the object. `content`, which may be empty,
  // gets its bytes before the member is known to be right. Fails: Error{corrupt} that names the
  // offset: no gzip member, a cut or a damaged one; position() stays, and so does the failure.
  std::optional<ScannedMember> next(const std::function<void(ByteView)>& content);

  // The end of the last good member; `begin` before the first.
  GzOffset position() const { return position_; }

  // Zero bytes that were passed over behind the member at whose end position() is.
  ByteCount padding() const { return padding_; }

 private:
  ByteView bytes_at(GzOffset at);
  GzOffset pass_over_zeros();

  const RangeSource& source_;
  GzOffset position_;
  ByteCount padding_ = 0;
  MemberStream stream_;
  Bytes window_;
  GzOffset window_begin_;
};

}  // namespace tape
