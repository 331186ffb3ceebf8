#include "store/s3_source.h"

#include <algorithm>

#include "net/http_error.h"

namespace agent {
namespace {

const char* const kNoRanges = "this store gives no ranges: download the archive and read it there";

// RFC 9110 §8.8.3: a weak one says nothing of bytes.
bool is_strong(const std::string& etag) {
  return etag.size() > 2 && etag.front() == '"' && etag.back() == '"';
}

}  // namespace

std::string S3Source::etag() const {
  const std::lock_guard lock(mutex_);
  return etag_;
}

// Some servers pass over If-Match: what they answer is looked at, too.
void S3Source::must_have_etag(const std::string& found) const {
  if (!is_strong(found)) return;
  const std::string text = found.substr(1, found.size() - 2);
  const std::lock_guard lock(mutex_);
  if (etag_.empty()) etag_ = text;
  if (etag_ != text)
    throw HttpError(HttpFailure::changed, name() + ": replaced while it was read");
}

void S3Source::read_at(tape::GzOffset at, tape::MutableBytes out) const {
  if (out.empty()) return;
  const std::uint64_t last = at.value() + out.size() - 1;
  const std::string range = std::to_string(at.value()) + "-" + std::to_string(last);
  S3Request request;
  request.method = "GET";
  request.key = key_;
  request.headers = headers_;
  request.headers.push_back({"Range", "bytes=" + range});
  if (const std::string tag = etag(); !tag.empty())
    request.headers.push_back({"If-Match", "\"" + tag + "\""});
  std::size_t taken = 0;
  request.sink = [&](tape::ByteView piece) {
    if (piece.size() > out.size() - taken)
      throw HttpError(HttpFailure::no_ranges, name() + ": more than bytes " + range, kNoRanges);
    std::copy(piece.begin(), piece.end(), out.begin() + static_cast<std::ptrdiff_t>(taken));
    taken += piece.size();
  };
  check(client_.send(request), range, at.value() == 0 && out.size() == size_);
  if (taken != out.size())
    throw HttpError(HttpFailure::connection, name() + ": " + std::to_string(taken) + " bytes of " +
                                                 std::to_string(out.size()));
}

// `whole`: all of the object was asked for.
void S3Source::check(const HttpResponse& response, const std::string& range, bool whole) const {
  must_have_etag(response.header("ETag"));
  if (response.status == 200 && whole) return;
  if (response.status != 206)
    throw HttpError(HttpFailure::no_ranges, name() + ": all of it came, bytes " + range +
                                                " were asked for", kNoRanges);
  const std::string expected = "bytes " + range + "/" + std::to_string(size_);
  const std::string found = response.header("Content-Range");
  if (found != expected)
    throw HttpError(HttpFailure::changed, name() + ": Content-Range \"" + tape::shown(found) +
                                              "\", \"" + expected + "\" expected");
}

}  // namespace agent
