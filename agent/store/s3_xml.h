// The documents of the S3 API: what a store answers, as values, and what is sent to it.
//
// Fails:   corrupt: not XML, of another kind than expected, or past a limit.
// Limits:  depth 16, 64 Ki elements; sizes up to 2^60, parts up to number 10 000; no document type,
//          so no entities of its own.
// Threads: pure functions.
// Spec:    Amazon S3 API Reference; docs/adr/0016.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/object_store.h"
#include "tape/bytes.h"

namespace agent {

// Empty: not said.
struct S3Failure {
  std::string code;
  std::string message;
  std::string region;  // where the bucket is
  std::string key;     // of one object of many
};

// The document of an answer that is an error; none when it is another document, or none at all.
std::optional<S3Failure> failure_in(tape::ByteView document);

struct ListPage {
  std::vector<ObjectInfo> objects;
  std::vector<std::string> folders;  // with their `/`
  std::string next;                  // continuation token; empty: the last page
};
ListPage parse_list(tape::ByteView document);

std::string parse_upload_id(tape::ByteView document);

struct PartsPage {
  std::vector<PartInfo> parts;
  std::optional<std::uint32_t> next;  // part-number-marker; none: the last page
};
PartsPage parse_parts(tape::ByteView document);

struct UploadsPage {
  std::vector<UploadInfo> uploads;
  bool is_encoded = false;  // it says that its keys came encoded, so they were decoded
  bool more = false;
  std::string next_key;  // behind which it goes on
  std::string next_upload;
};
UploadsPage parse_uploads(tape::ByteView document);

// One rule of a bucket's lifecycle, of those that are enabled.
struct LifecycleRule {
  std::string prefix;
  std::optional<std::uint64_t> abort_uploads_days;
  std::optional<std::uint64_t> expire_days;  // 0: at a date
};
std::vector<LifecycleRule> parse_lifecycle(tape::ByteView document);

// What could not be deleted.
std::vector<S3Failure> parse_delete_failures(tape::ByteView document);

// Whether a key is UTF-8 of XML's own characters only: others cannot be sent in a document.
bool fits_xml(const std::string& key);

std::string complete_document(const std::vector<PartInfo>& parts);
std::string tagging_document(const std::vector<std::pair<std::string, std::string>>& tags);
std::string retention_document(const std::string& mode, const std::string& until);
std::string delete_document(const std::vector<std::string>& keys);

}  // namespace agent
