#include "store/dry_run_store.h"

namespace agent {

using What = DryRunCall::What;

std::optional<ObjectInfo> DryRunStore::put(const std::string& key, tape::ByteView bytes, Put how) {
  check_object_key(key);
  if (how == Put::if_absent && head(key)) return std::nullopt;
  tell_({What::put, key, bytes.size()});
  return ObjectInfo{key, bytes.size(), ""};
}

std::string DryRunStore::begin_upload(const std::string& key) {
  check_object_key(key);
  tell_({What::begin_upload, key, 0});
  return "dry-run";
}

PartInfo DryRunStore::put_part(const std::string& key,
                               const std::string&,
                               const UploadedPart& part) {
  tell_({What::put_part, key, part.bytes.size()});
  return {part.number, part.bytes.size(), tape::hex(part.sha256)};
}

ObjectInfo DryRunStore::complete_upload(const std::string& key,
                                        const std::string&,
                                        const std::vector<PartInfo>& parts) {
  tape::ByteCount size = 0;
  for (const PartInfo& part : parts)
    size += part.size;
  tell_({What::complete_upload, key, size});
  return {key, size, ""};
}

void DryRunStore::abort_upload(const std::string& key, const std::string&) {
  tell_({What::abort_upload, key, 0});
}

void DryRunStore::abort_uploads(const std::string& prefix) {
  tell_({What::abort_uploads, prefix, 0});
}

void DryRunStore::remove(const std::string& key) {
  check_object_key(key);
  tell_({What::remove, key, 0});
}

void DryRunStore::remove_all(const std::vector<std::string>& keys) {
  for (const std::string& key : keys)
    remove(key);
}

}  // namespace agent
