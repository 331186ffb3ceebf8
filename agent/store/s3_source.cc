#include "store/s3_source.h"

#include <algorithm>

#include "net/http_error.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;

}  // namespace

void S3Source::read_at(tape::GzOffset at, tape::MutableBytes out) const {
  if (out.empty()) return;
  const std::uint64_t last = at.value() + out.size() - 1;
  const std::string range = std::to_string(at.value()) + "-" + std::to_string(last);
  S3Request request;
  request.method = "GET";
  request.key = key_;
  request.headers = headers_;
  request.headers.push_back({"Range", "bytes=" + range});
  if (!known_.etag.empty()) request.headers.push_back({"If-Match", "\"" + known_.etag + "\""});
  std::size_t taken = 0;
  request.sink = [&](tape::ByteView piece) {
    if (piece.size() > out.size() - taken)
      throw HttpError(HttpFailure::no_ranges,
                      name() + ": more than the range " + range + " that was asked for",
                      "this store gives no ranges: download the archive and read it there");
    std::copy(piece.begin(), piece.end(), out.begin() + static_cast<std::ptrdiff_t>(taken));
    taken += piece.size();
  };
  const HttpResponse response = client_.send(request);
  const std::string etag = response.header("ETag");
  if (!known_.etag.empty() && !etag.empty() && etag.find(known_.etag) == std::string::npos)
    throw HttpError(HttpFailure::changed, name() + ": replaced while it was read");
  const std::string expected = "bytes " + range + "/" + std::to_string(known_.size);
  const std::string found = response.header("Content-Range");
  const bool whole = response.status == 200 && at.value() == 0 && out.size() == known_.size;
  if (!whole && response.status != 206)
    throw HttpError(HttpFailure::no_ranges, name() + ": the whole object, " + range + " expected",
                    "this store gives no ranges: download the archive and read it there");
  if (!whole && found != expected)
    throw HttpError(HttpFailure::changed, name() + ": Content-Range \"" + tape::shown(found) +
                                              "\", \"" + expected + "\" expected");
  if (taken != out.size())
    throw HttpError(HttpFailure::connection, name() + ": " + std::to_string(taken) + " bytes of " +
                                                 std::to_string(out.size()));
}

}  // namespace agent
