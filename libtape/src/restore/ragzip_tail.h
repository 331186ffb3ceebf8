// What stands between the last index and the end of a ragzip object.
//
// Threads: the caller of the object's metadata.
// Spec:    docs/format.md §3.6.
#pragma once
#include "restore/ragzip_object.h"

namespace tape {

// That it is metadata: an object with another one behind it, that has the same indexes, would be
// read as the first one alone. Reads nothing where extensions and footer follow the top index at
// once, or with the member index that TMIX names between them. Without indexes the only page says
// it. Fails: corrupt.
void expect_no_content_in_tail(RagzipObject& object);

}  // namespace tape
