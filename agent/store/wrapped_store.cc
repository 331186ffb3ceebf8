#include "store/wrapped_store.h"

namespace agent {

class WrappedStore::Source final : public tape::RangeSource {
 public:
  Source(WrappedStore& store, std::unique_ptr<tape::RangeSource> source)
      : store_(store), source_(std::move(source)) {}

  tape::ByteCount size() const override { return source_->size(); }
  std::string name() const override { return source_->name(); }
  void read_at(tape::GzOffset at, tape::MutableBytes out) const override {
    store_.around({.name = "read_at", .asked = out.size()}, [&] { source_->read_at(at, out); });
  }

 private:
  WrappedStore& store_;
  std::unique_ptr<tape::RangeSource> source_;
};

void WrappedStore::around(const StoreCall&, const std::function<void()>& step) {
  step();
}

std::optional<ObjectInfo> WrappedStore::put(const std::string& key, tape::ByteView bytes, Put how) {
  return through({.name = "put", .sent = bytes.size()},
                 [&] { return store_.put(key, bytes, how); });
}

std::string WrappedStore::begin_upload(const std::string& key) {
  return through({.name = "begin_upload"}, [&] { return store_.begin_upload(key); });
}

PartInfo WrappedStore::put_part(const std::string& key,
                                const std::string& upload,
                                const UploadedPart& part) {
  return through({.name = "put_part", .sent = part.bytes.size()},
                 [&] { return store_.put_part(key, upload, part); });
}

std::vector<PartInfo> WrappedStore::list_parts(const std::string& key, const std::string& upload) {
  return through({.name = "list_parts"}, [&] { return store_.list_parts(key, upload); });
}

ObjectInfo WrappedStore::complete_upload(const std::string& key,
                                         const std::string& upload,
                                         const std::vector<PartInfo>& parts) {
  return through({.name = "complete_upload"},
                 [&] { return store_.complete_upload(key, upload, parts); });
}

void WrappedStore::abort_upload(const std::string& key, const std::string& upload) {
  through({.name = "abort_upload"}, [&] { store_.abort_upload(key, upload); });
}

void WrappedStore::abort_uploads(const std::string& prefix) {
  through({.name = "abort_uploads"}, [&] { store_.abort_uploads(prefix); });
}

std::vector<UploadInfo> WrappedStore::list_uploads(const std::string& prefix) {
  return through({.name = "list_uploads"}, [&] { return store_.list_uploads(prefix); });
}

std::optional<ObjectInfo> WrappedStore::head(const std::string& key) {
  return through({.name = "head"}, [&] { return store_.head(key); });
}

std::unique_ptr<tape::RangeSource> WrappedStore::open(const std::string& key) {
  return std::make_unique<Source>(*this,
                                  through({.name = "open"}, [&] { return store_.open(key); }));
}

std::unique_ptr<tape::RangeSource> WrappedStore::open_known(const ObjectInfo& known) {
  return std::make_unique<Source>(
      *this, through({.name = "open_known"}, [&] { return store_.open_known(known); }));
}

tape::Bytes WrappedStore::get(const std::string& key, tape::ByteCount limit) {
  return through({.name = "get"}, [&] { return store_.get(key, limit); });
}

void WrappedStore::list(const std::string& prefix,
                        const std::function<void(const ObjectInfo&)>& visit) {
  through({.name = "list"}, [&] { store_.list(prefix, visit); });
}

std::vector<std::string> WrappedStore::folders(const std::string& prefix) {
  return through({.name = "folders"}, [&] { return store_.folders(prefix); });
}

void WrappedStore::remove(const std::string& key) {
  through({.name = "remove"}, [&] { store_.remove(key); });
}

void WrappedStore::remove_all(const std::vector<std::string>& keys) {
  through({.name = "remove_all"}, [&] { store_.remove_all(keys); });
}

}  // namespace agent
