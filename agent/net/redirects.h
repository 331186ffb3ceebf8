// Redirects of requests without credentials, followed by us.
//
// Threads: as HttpClient.
// Spec:    RFC 9110 §15.4.
#pragma once
#include <string>

#include "net/http_client.h"

namespace agent {

inline constexpr int kRedirectsMax = 8;

// `location` as `base` has it.  Fails: HttpError refused when it is no URL of http or https, or
// leads from https to http.
std::string redirected(const std::string& base, const std::string& location);

// Sends a GET or HEAD, and again where 301, 302, 303, 307 or 308 says. `request.url` becomes the
// URL that answered: the next request goes there. Fails also: HttpError refused past kRedirectsMax.
HttpResponse send_following(HttpClient& client, HttpRequest& request);

}  // namespace agent
