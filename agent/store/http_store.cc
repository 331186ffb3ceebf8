#include "store/http_store.h"

#include <algorithm>
#include <optional>

#include "net/http_error.h"
#include "net/http_object.h"
#include "net/redirects.h"
#include "net/sigv4.h"
#include "store/listing.h"
#include "store/snapshots.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using tape::shown;

[[noreturn]] void read_only(const std::string& url) {
  throw Error(ErrorKind::unsupported, shown(url) + ": a store behind plain HTTP is read-only",
              "backups go to a directory or to s3://BUCKET/PREFIX");
}

[[noreturn]] void fail(const HttpRequest& request, const HttpResponse& response) {
  const bool denied = response.status == 401 || response.status == 403;
  HttpError error(
      failure_of_status(response.status),
      request.method + " " + shown_url(request.url) + ": HTTP " + std::to_string(response.status),
      denied ? "the server wants credentials, or does not give this to anybody" : "");
  error.set_retry_after(response.retry_after);
  throw HttpError(error);
}

// Digits alone, of a size that there can be.
std::optional<tape::ByteCount> size_in(const std::string& text) {
  constexpr std::size_t kDigitsMax = 18;
  if (text.empty() || text.size() > kDigitsMax ||
      text.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::stoull(text);
}

std::optional<tape::ByteCount> content_length(const HttpResponse& response) {
  return size_in(response.header("Content-Length"));
}

// What an answer to a request for the first byte says of the size of the whole.
std::optional<tape::ByteCount> size_of_whole(const HttpResponse& response) {
  if (response.status == 200) return content_length(response);
  const std::string range = response.header("Content-Range");
  const std::string before = response.status == 206 ? "bytes 0-0/" : "bytes */";
  return range.starts_with(before) ? size_in(range.substr(before.size())) : std::nullopt;
}

// The URL that answered last is asked next: redirects are followed once.
class HttpFile final : public HttpObject {
 public:
  HttpFile(HttpClient& http, std::string url, const ObjectInfo& known)
      : HttpObject(known.size, known.etag), http_(http), begin_(std::move(url)), url_(begin_) {}

  std::string name() const override { return shown_url(begin_); }

 private:
  HttpResponse ask(HttpRequest request) const override {
    {
      const std::lock_guard lock(mutex_);
      request.url = url_;
    }
    const bool moved = request.url != begin_;
    HttpResponse response = send_following(http_, request);
    // Where it was moved to may be good for a time only.
    if (moved && response.status >= 400 && response.status < 500) {
      request.url = begin_;
      response = send_following(http_, request);
    }
    if (!response.ok()) fail(request, response);
    const std::lock_guard lock(mutex_);
    url_ = request.url;
    return response;
  }

  HttpClient& http_;
  const std::string begin_;
  mutable std::mutex mutex_;  // of this one
  mutable std::string url_;
};

class HttpStore final : public ObjectStore {
 public:
  HttpStore(HttpClient& http, std::string url, std::string query)
      : http_(http), url_(std::move(url)), query_(std::move(query)) {}

  std::string name() const override { return url_; }

  std::optional<ObjectInfo> put(const std::string&, tape::ByteView, Put) override {
    read_only(url_);
  }
  std::string begin_upload(const std::string&) override { read_only(url_); }
  PartInfo put_part(const std::string&, const std::string&, const UploadedPart&) override {
    read_only(url_);
  }
  std::vector<PartInfo> list_parts(const std::string&, const std::string&) override {
    read_only(url_);
  }
  ObjectInfo complete_upload(const std::string&,
                             const std::string&,
                             const std::vector<PartInfo>&) override {
    read_only(url_);
  }
  void abort_upload(const std::string&, const std::string&) override { read_only(url_); }
  void abort_uploads(const std::string&) override { read_only(url_); }
  std::vector<UploadInfo> list_uploads(const std::string&) override { read_only(url_); }
  void remove(const std::string&) override { read_only(url_); }
  void remove_all(const std::vector<std::string>&) override { read_only(url_); }

  std::optional<ObjectInfo> head(const std::string& key) override {
    // A signature in the query is good for GET alone.
    if (!query_.empty()) return head_by_range(key);
    HttpRequest request = of("HEAD", key);
    const HttpResponse response = send_following(http_, request);
    if (response.status == 404 || response.status == 410) return std::nullopt;
    const bool knows_none = response.status == 405 || response.status == 501;
    const auto size = content_length(response);
    if (knows_none || (response.ok() && !size)) return head_by_range(key);
    if (!response.ok()) fail(request, response);
    return ObjectInfo{key, *size, strong_etag(response)};
  }

  std::unique_ptr<tape::RangeSource> open(const std::string& key) override {
    const auto found = head(key);
    if (!found) throw Error(ErrorKind::not_found, shown(url_of_key(key)) + ": not there");
    return open_known(*found);
  }

  std::unique_ptr<tape::RangeSource> open_known(const ObjectInfo& known) override {
    return std::make_unique<HttpFile>(http_, url_of_key(known.key) + query_, known);
  }

  tape::Bytes get(const std::string& key, tape::ByteCount limit) override {
    HttpRequest request = of("GET", key);
    request.body_limit = limit;
    HttpResponse response = send_following(http_, request);
    if (!response.ok()) fail(request, response);
    return std::move(response.body);
  }

  // Manifests, of all snapshots that the listing names; without their sizes.
  void list(const std::string& prefix,
            const std::function<void(const ObjectInfo&)>& visit) override {
    const std::string set = prefix.substr(0, prefix.find('/'));
    if (prefix != set + "/") return;
    for (const std::string& id : folders(prefix))
      visit({manifest_key(set, id), 0, ""});
  }

  std::vector<std::string> folders(const std::string& prefix) override {
    if (prefix.empty()) return parse_sets(listing(kSetsKey));
    const std::string set = prefix.substr(0, prefix.size() - 1);
    if (set.find('/') != std::string::npos) return {};
    return parse_snapshots(listing(snapshots_key(set)));
  }

 private:
  std::string url_of_key(const std::string& key) const {
    check_object_key(key);
    return url_ + "/" + percent_encoded(key, true);
  }

  HttpRequest of(const std::string& method, const std::string& key) const {
    HttpRequest out;
    out.method = method;
    out.url = url_of_key(key) + query_;
    return out;
  }

  std::optional<ObjectInfo> head_by_range(const std::string& key) {
    HttpRequest request = of("GET", key);
    request.headers.push_back({"Range", "bytes=0-0"});
    request.sink = [](tape::ByteView) {};
    request.sink_status = 206;
    const HttpResponse response = send_following(http_, request);
    if (response.status == 404 || response.status == 410) return std::nullopt;
    if (!response.ok() && response.status != 416) fail(request, response);
    const auto size = size_of_whole(response);
    if (!size)
      throw HttpError(HttpFailure::refused,
                      "GET " + shown_url(request.url) + ": the server does not say how large it is",
                      "download the archive and read it there");
    return ObjectInfo{key, *size, strong_etag(response)};
  }

  tape::Bytes listing(const std::string& key) {
    std::optional<tape::Bytes> out;
    const auto failure = tape::failure_of([&] { out = get(key, kListingMax); });
    if (failure && failure->kind() == ErrorKind::not_found)
      throw Error(ErrorKind::not_found, shown(url_of_key(key)) + ": no listing of this store",
                  "plain HTTP cannot list: `ragtape backup --listing` keeps one in the store");
    if (failure) throw Error(*failure);
    return *out;
  }

  HttpClient& http_;
  const std::string url_;    // without a `/` at its end
  const std::string query_;  // behind each, with its `?`; or empty
};

}  // namespace

std::unique_ptr<ObjectStore> open_http_store(HttpClient& http, const std::string& url) {
  const std::size_t mark = std::min(url.find('?'), url.size());
  std::string base = url.substr(0, mark);
  while (base.ends_with('/'))
    base.pop_back();
  if (url.find('#') != std::string::npos || base.find('@') != std::string::npos ||
      base.find("://") == std::string::npos)
    throw Error(ErrorKind::usage, shown_url(url) + ": https://HOST/PATH expected",
                "a password has no place there");
  return std::make_unique<HttpStore>(http, base, url.substr(mark));
}

}  // namespace agent
