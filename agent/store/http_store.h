// A store behind a plain HTTP server, read-only: what `backup` has made elsewhere, put there by
// whatever means.
//
// Such a server cannot list. What there is, sets.json and <set>/snapshots.json say (`backup
// --listing`), hints that a manifest has to confirm.
//
// Fails:   as ObjectStore says, with HttpError; unsupported for all that writes.
// Threads: any number of callers.
// Spec:    docs/format.md §5; docs/cli.md "STORE".
#pragma once
#include <memory>
#include <string>

#include "net/http_client.h"
#include "store/object_store.h"

namespace agent {

// `url`: http:// or https://; a query, such as the signature of one archive, goes with every
// request, and never into a message. `http` must outlive the store. Fails: Error{usage}.
std::unique_ptr<ObjectStore> open_http_store(HttpClient& http, const std::string& url);

}  // namespace agent
