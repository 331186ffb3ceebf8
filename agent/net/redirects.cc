#include "net/redirects.h"

#include <memory>

#include <curl/curl.h>

#include "net/http_error.h"
#include "tape/error.h"

namespace agent {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

struct FreeText {
  void operator()(char* text) const { curl_free(text); }
};

[[noreturn]] void refused(const std::string& location, const std::string& why) {
  throw HttpError(HttpFailure::refused, "redirect to " + shown_url(location) + ": " + why);
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

std::string redirected(const std::string& base, const std::string& location) {
  const std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  if (!url) throw tape::Error(tape::ErrorKind::exhausted, "no memory for a URL");
  char* text = nullptr;
  if (curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK ||
      curl_url_get(url.get(), CURLUPART_URL, &text, 0) != CURLUE_OK)
    refused(location, "not a URL");
  const std::unique_ptr<char, FreeText> held(text);
  std::string out = text;
  const bool plain = out.starts_with("http://");
  if (!plain && !out.starts_with("https://")) refused(location, "neither http nor https");
  if (plain && base.starts_with("https://")) refused(location, "from https to http");
  return out;
}

HttpResponse send_following(HttpClient& client, HttpRequest& request) {
  for (int redirects = 0;; ++redirects) {
    HttpResponse response = client.send(request);
    const std::string location = response.header("Location");
    if (!is_redirect(response.status) || location.empty()) return response;
    if (redirects == kRedirectsMax) refused(location, "more than 8 redirects");
    request.url = redirected(request.url, location);
  }
}

}  // namespace agent
