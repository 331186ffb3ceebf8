#include "net/http_object.h"

#include <algorithm>

#include "net/http_error.h"
#include "tape/error.h"

namespace agent {
namespace {

const char* const kNoRanges = "this store gives no ranges: download the archive and read it there";

}  // namespace

std::string strong_etag(const HttpResponse& response) {
  const std::string text = response.header("ETag");
  const bool strong = text.size() > 2 && text.front() == '"' && text.back() == '"';
  return strong ? text.substr(1, text.size() - 2) : "";
}

std::string HttpObject::etag() const {
  const std::lock_guard lock(mutex_);
  return etag_;
}

void HttpObject::must_be_the_same(const HttpResponse& response) const {
  const std::string tag = strong_etag(response);
  const bool is_sure = !tag.empty();
  const std::string found =
      is_sure ? tag : response.header("ETag") + " " + response.header("Last-Modified");
  const std::lock_guard lock(mutex_);
  std::string& known = is_sure ? etag_ : unsure_;
  if (known.empty()) known = found;
  // A server that packs on the way may weaken a tag, but it keeps its text.
  const std::string weak = is_sure ? "" : response.header("ETag");
  const bool is_other = !weak.empty() && !etag_.empty() && weak != "W/\"" + etag_ + "\"";
  if (known != found || is_other)
    throw HttpError(HttpFailure::changed, name() + ": replaced while it was read");
}

void HttpObject::read_at(tape::GzOffset at, tape::MutableBytes out) const {
  if (out.empty()) return;
  const std::uint64_t last = at.value() + out.size() - 1;
  const std::string range = std::to_string(at.value()) + "-" + std::to_string(last);
  const bool whole = at.value() == 0 && out.size() == size_;
  HttpRequest request;
  request.headers.push_back({"Range", "bytes=" + range});
  if (const std::string tag = etag(); !tag.empty())
    request.headers.push_back({"If-Match", "\"" + tag + "\""});
  request.sink_status = whole ? 0 : 206;
  std::size_t taken = 0;
  request.sink = [&](tape::ByteView piece) {
    if (piece.size() > out.size() - taken)
      throw HttpError(HttpFailure::garbled, name() + ": more than bytes " + range);
    std::copy(piece.begin(), piece.end(), out.begin() + static_cast<std::ptrdiff_t>(taken));
    taken += piece.size();
  };
  check(ask(std::move(request)), range, whole);
  if (taken != out.size())
    throw HttpError(HttpFailure::connection, name() + ": " + std::to_string(taken) + " bytes of " +
                                                 std::to_string(out.size()));
}

// `whole`: all of the object was asked for.
void HttpObject::check(const HttpResponse& response, const std::string& range, bool whole) const {
  // A success may be somebody's page of an error, too.
  const std::string length = response.header("Content-Length");
  if (response.status != 206 && !length.empty() && length != std::to_string(size_))
    throw HttpError(HttpFailure::garbled, name() + ": HTTP " + std::to_string(response.status) +
                                              " with something else than bytes " + range);
  must_be_the_same(response);
  if (response.status == 200 && whole) return;
  if (response.status != 206)
    throw HttpError(HttpFailure::no_ranges,
                    name() + ": all of it came, bytes " + range + " were asked for", kNoRanges);
  const std::string bytes = "bytes " + range + "/";
  const std::string expected = bytes + std::to_string(size_);
  const std::string found = response.header("Content-Range");
  // A server need not know how many there are in all (RFC 9110 §14.4).
  if (found != expected && found != bytes + "*")
    throw HttpError(HttpFailure::changed, name() + ": Content-Range \"" + tape::shown(found) +
                                              "\", \"" + expected + "\" expected");
}

}  // namespace agent
