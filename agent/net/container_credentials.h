// Credentials that a container is given: by ECS, EKS Pod Identity and others.
//
// Fails:   denied: refused, or an address that such a request must not go to; usage; transient.
// Limits:  64 KiB of answer; 5 s, 3 attempts.
// Threads: as HttpClient.
// Spec:    AWS SDKs and Tools Reference Guide, "Container credential provider".
#pragma once
#include <optional>
#include <string>

#include "net/credentials.h"
#include "net/http_client.h"

namespace agent {

// None: there is no such thing here. By https:// they are asked for with `http`.
std::optional<Credentials> container_credentials(const Environment& environment,
                                                 HttpClient& http,
                                                 Clock& clock);

// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI below http://169.254.170.2, else
// AWS_CONTAINER_CREDENTIALS_FULL_URI; empty: neither is set. Fails: denied for http:// to others
// than this machine and the addresses of ECS and EKS; usage.
std::string container_url(const Environment& environment);

}  // namespace agent
