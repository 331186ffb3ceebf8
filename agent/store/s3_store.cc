#include "store/s3_store.h"

#include <algorithm>
#include <atomic>
#include <ctime>
#include <set>
#include <type_traits>

#include "net/http_object.h"
#include "net/md5.h"
#include "store/s3_client.h"
#include "store/s3_source.h"
#include "store/s3_xml.h"
#include "tape/error.h"
#include "tape/manifest.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using tape::shown;
using Query = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t kMd5Digits = 32;
constexpr tape::ByteCount kPartSizeMin = tape::ByteCount{5} << 20;
constexpr tape::ByteCount kPageMax = tape::ByteCount{8} << 20;  // 1000 keys of 1 KiB, encoded
constexpr std::size_t kDeleteMax = 1000;                        // keys in one request

bool is_md5(const std::string& etag) {
  return etag.size() == kMd5Digits &&
         etag.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Of an object that was uploaded in parts: the MD5 of their MD5s. Empty where a part's ETag is
// none.
std::string etag_of_parts(const std::vector<PartInfo>& parts) {
  tape::Bytes digests;
  for (const PartInfo& part : parts) {
    if (!is_md5(part.etag)) return "";
    for (std::size_t i = 0; i < kMd5Digits; i += 2)
      digests.push_back(static_cast<std::uint8_t>(std::stoul(part.etag.substr(i, 2), nullptr, 16)));
  }
  return tape::hex(md5(digests)) + "-" + std::to_string(parts.size());
}

bool is_bad_part(const std::string& code) {
  return code == "InvalidPart" || code == "InvalidPartOrder";
}

std::string iso_time(Clock::Time time) {
  return tape::utc_text({Clock::Time::clock::to_time_t(time), 0});
}

std::string content_type(const std::string& key) {
  if (key.ends_with(".json")) return "application/json";
  if (key.ends_with(".txt")) return "text/plain; charset=utf-8";
  return "application/gzip";
}

// The places where the pages of a list began: one that comes again leads round and round.
class Pages {
 public:
  bool is_new(const std::string& place) { return seen_.insert(place).second; }

 private:
  std::set<std::string> seen_;
};

class S3StoreImpl final : public S3Store {
 public:
  S3StoreImpl(const S3Parts& parts, S3Options options)
      : options_(std::move(options)),
        clock_(parts.clock),
        client_({parts.http, parts.credentials, parts.clock}, options_) {}

  std::string name() const override { return client_.name_of(options_.location.prefix); }
  std::string identity() const override {
    const bool is_usual = options_.endpoint.is_aws && !options_.endpoint.host.ends_with(".cn");
    return is_usual ? name()
                    : options_.endpoint.scheme + "://" + options_.endpoint.host + " " + name();
  }
  tape::ByteCount part_size_min() const override { return kPartSizeMin; }

  std::optional<ObjectInfo> put(const std::string& key, tape::ByteView bytes, Put how) override {
    S3Request request = of("PUT", key);
    // Not every store knows a condition, and some pass over it: one that is there is seen first.
    if (how == Put::if_absent && head(key)) return std::nullopt;
    const bool conditional = how == Put::if_absent && conditions_;
    if (conditional) request.headers.push_back({"If-None-Match", "*"});
    add_object_headers(request, how == Put::replace);
    const Md5 digest = add_body(request, bytes);
    const HttpResponse response = client_.send_or(request, {412, 501});
    if (response.status == 501 && conditional) {
      conditions_ = false;
      return put(key, bytes, how);
    }
    if (response.status == 412 && conditional) return std::nullopt;
    if (!response.ok()) client_.fail(request, response);
    return ObjectInfo{key, bytes.size(), checked_etag(request, response, digest)};
  }

  std::string begin_upload(const std::string& key) override {
    S3Request request = of("POST", key, {{"uploads", ""}});
    add_object_headers(request, true);
    return answer(request, [](tape::ByteView body) { return parse_upload_id(body); });
  }

  PartInfo put_part(const std::string& key,
                    const std::string& upload,
                    const UploadedPart& part) override {
    S3Request request =
        of("PUT", key, {{"partNumber", std::to_string(part.number)}, {"uploadId", upload}});
    add_customer_key(request);
    const Md5 digest = add_body(request, part.bytes);
    request.body_sha256 = part.sha256;
    const HttpResponse response = client_.send(request);
    return {part.number, part.bytes.size(), checked_etag(request, response, digest)};
  }

  std::vector<PartInfo> list_parts(const std::string& key, const std::string& upload) override {
    std::vector<PartInfo> out;
    for (std::uint32_t marker = 0;;) {
      Query query{{"uploadId", upload}, {"max-parts", "1000"}};
      if (marker > 0) query.emplace_back("part-number-marker", std::to_string(marker));
      const S3Request request = of("GET", key, query);
      const PartsPage page = answer(request, [](tape::ByteView body) { return parse_parts(body); });
      out.insert(out.end(), page.parts.begin(), page.parts.end());
      if (!page.next) return out;
      must_go_on(request, *page.next > marker);
      marker = *page.next;
    }
  }

  ObjectInfo complete_upload(const std::string& key,
                             const std::string& upload,
                             const std::vector<PartInfo>& parts) override {
    const std::string document = complete_document(parts);
    S3Request request = of("POST", key, {{"uploadId", upload}});
    add_customer_key(request);
    request.headers.push_back({"Content-Type", "application/xml"});
    request.body = tape::as_bytes(document);
    request.body_limit = kPageMax;
    const HttpResponse response = client_.send_or(request, {200, 400, 404});
    // A 200 can be an error, too: what takes long is answered before it is done.
    const S3Failure said = failure_in(response.body).value_or(S3Failure{});
    if (is_bad_part(said.code))
      throw Error(ErrorKind::corrupt,
                  shown(client_.name_of(request.key)) + ": " + client_.told(said, request));
    if (said.code == "EntityTooSmall")
      throw Error(ErrorKind::usage,
                  shown(client_.name_of(request.key)) + ": the store takes no parts of " +
                      std::to_string(parts.front().size) + " bytes",
                  "a larger --part-size, with --restart");
    if (response.status == 400 || (response.ok() && !said.code.empty()))
      client_.fail(request, response);
    return completed(request, response, key, parts);
  }

  void abort_upload(const std::string& key, const std::string& upload) override {
    static_cast<void>(client_.send_or(of("DELETE", key, {{"uploadId", upload}}), {404}));
  }

  void abort_uploads(const std::string& prefix) override {
    for (const UploadInfo& upload : list_uploads(prefix))
      abort_upload(upload.key, upload.upload);
  }

  // Asked to, RGW encodes keys, but does not say so: who does not say so is asked for them as they
  // are.
  std::vector<UploadInfo> list_uploads(const std::string& prefix) override {
    std::optional<std::vector<UploadInfo>> out = uploads(prefix, true);
    if (!out) out = uploads(prefix, false);
    return std::move(*out);
  }

  std::optional<ObjectInfo> head(const std::string& key) override {
    bool is_ours = true;
    return head_of(key, is_ours);
  }

  std::unique_ptr<tape::RangeSource> open(const std::string& key) override {
    const auto found = head(key);
    if (!found)
      throw Error(ErrorKind::not_found, shown(client_.name_of(whole(key))) + ": not there");
    return open_known(*found);
  }

  std::unique_ptr<tape::RangeSource> open_known(const ObjectInfo& known) override {
    S3Request request = of("GET", known.key);
    add_customer_key(request);
    return std::make_unique<S3Source>(client_, request.key, known, request.headers);
  }

  tape::Bytes get(const std::string& key, tape::ByteCount limit) override {
    S3Request request = of("GET", key);
    add_customer_key(request);
    request.body_limit = limit;
    HttpResponse response = client_.send(request);
    static_cast<void>(checked_etag(request, response, md5(response.body)));
    return std::move(response.body);
  }

  void list(const std::string& prefix,
            const std::function<void(const ObjectInfo&)>& visit) override {
    each_page(prefix, {}, [&](ListPage& page) {
      for (ObjectInfo& object : page.objects) {
        const auto key = key_below(object.key);
        if (!key) continue;
        object.key = *key;
        visit(object);
      }
    });
  }

  std::vector<std::string> folders(const std::string& prefix) override {
    std::vector<std::string> out;
    const std::size_t front = whole(prefix).size();
    each_page(prefix, {{"delimiter", "/"}}, [&](const ListPage& page) {
      for (const std::string& folder : page.folders) {
        if (folder.size() > front + 1 && folder.ends_with('/'))
          out.push_back(folder.substr(front, folder.size() - front - 1));
      }
    });
    std::sort(out.begin(), out.end());
    return out;
  }

  void remove(const std::string& key) override {
    static_cast<void>(client_.send_or(of("DELETE", key), {404}));
  }

  void remove_all(const std::vector<std::string>& keys) override {
    std::vector<std::string> batch;
    for (const std::string& key : keys) {
      check_object_key(key);
      if (!fits_xml(whole(key)) || !batches_) {
        remove(key);
        continue;
      }
      batch.push_back(key);
      if (batch.size() == kDeleteMax) remove_batch(batch);
    }
    if (!batch.empty()) remove_batch(batch);
  }

  std::chrono::seconds clock_ahead() override {
    const S3Request request = of_bucket("GET", {{"list-type", "2"}, {"max-keys", "1"}});
    const auto theirs = client_.send(request).date();
    if (!theirs) return std::chrono::seconds(0);
    return std::chrono::duration_cast<std::chrono::seconds>(*theirs - clock_.now());
  }

  bool keeps_what_is_there(const std::string& key, tape::ByteView content) override {
    S3Request request = of("PUT", key);
    request.headers.push_back({"If-None-Match", "*"});
    add_object_headers(request, false);
    static_cast<void>(add_body(request, content));
    return client_.send_or(request, {412, 501}).status == 412;
  }

  BucketRules rules() override {
    const S3Request request = of_bucket("GET", {{"lifecycle", ""}});
    const HttpResponse response = client_.send_or(request, {404, 501});
    BucketRules out;
    if (!response.ok()) return out;
    const std::string own = whole("");
    const auto shorter = [](auto& was, const auto& now) {
      if (now && (!was || *now < *was)) was = now;
    };
    for (const LifecycleRule& rule : parse_lifecycle(response.body)) {
      if (!own.starts_with(rule.prefix) && !rule.prefix.starts_with(own)) continue;
      shorter(out.abort_uploads_days, rule.abort_uploads_days);
      shorter(out.expire_days, rule.expire_days);
    }
    return out;
  }

  bool anybody_reads(const std::string& key) override {
    return client_.send_unsigned(of("GET", key)).ok();
  }

  bool anybody_lists() override {
    return client_.send_unsigned(of_bucket("GET", {{"list-type", "2"}, {"max-keys", "1"}})).ok();
  }

  std::string presigned(const std::string& method,
                        const std::string& key,
                        std::uint32_t seconds) override {
    check_object_key(key);
    return client_.presigned(method, whole(key), seconds);
  }

 private:
  std::string whole(const std::string& key) const {
    const std::string& prefix = options_.location.prefix;
    return prefix.empty() ? key : prefix + "/" + key;
  }

  // None: it is not one of this store's, such as the empty object that some tools call a folder.
  std::optional<std::string> key_below(const std::string& found) const {
    const std::string front = whole("");
    if (!found.starts_with(front)) return std::nullopt;
    std::string key = found.substr(front.size());
    if (!tape::is_object_key(key)) return std::nullopt;
    return key;
  }

  S3Request of(const std::string& method, const std::string& key, Query query = {}) const {
    check_object_key(key);
    S3Request out;
    out.method = method;
    out.key = whole(key);
    out.query = std::move(query);
    out.body_limit = kPageMax;
    return out;
  }
  S3Request of_bucket(const std::string& method, Query query) const {
    S3Request out;
    out.method = method;
    out.query = std::move(query);
    out.body_limit = kPageMax;
    return out;
  }

  static Md5 add_body(S3Request& request, tape::ByteView bytes) {
    const Md5 digest = md5(bytes);
    request.body = bytes;
    request.headers.push_back({"Content-MD5", md5_base64(digest)});
    return digest;
  }

  void add_customer_key(S3Request& request) const {
    if (options_.encryption.kind != ServerSideEncryption::Kind::customer) return;
    const std::string& key = options_.encryption.customer_key;
    const std::string name = "x-amz-server-side-encryption-customer-";
    request.headers.push_back({name + "algorithm", "AES256"});
    request.headers.push_back({name + "key", tape::base64(key)});
    request.headers.push_back({name + "key-MD5", md5_base64(md5(tape::as_bytes(key)))});
  }

  // What an object is to be, said when it begins. `is_volume`: what a restore reads once.
  void add_object_headers(S3Request& request, bool is_volume) const {
    using Kind = ServerSideEncryption::Kind;
    const auto add = [&](const char* name, const std::string& value) {
      if (!value.empty()) request.headers.push_back({name, value});
    };
    add("Content-Type", content_type(request.key));
    if (is_volume) add("x-amz-storage-class", options_.storage_class);
    add("x-amz-acl", options_.acl);
    if (options_.encryption.kind == Kind::aes256) add("x-amz-server-side-encryption", "AES256");
    if (options_.encryption.kind == Kind::kms) {
      add("x-amz-server-side-encryption", "aws:kms");
      add("x-amz-server-side-encryption-aws-kms-key-id", options_.encryption.kms_key);
    }
    add_customer_key(request);
    std::string tags;
    for (const auto& [tag, value] : options_.tags)
      tags.append(tags.empty() ? "" : "&")
          .append(percent_encoded(tag))
          .append("=")
          .append(percent_encoded(value));
    add("x-amz-tagging", tags);
    if (!options_.lock) return;
    add("x-amz-object-lock-mode", options_.lock->mode);
    add("x-amz-object-lock-retain-until-date", iso_time(options_.lock->retain_until));
  }

  // Sends, and reads the answer; one that cannot be read was changed on its way.
  template <class Read>
  std::invoke_result_t<Read, tape::ByteView> answer(const S3Request& request, Read read) {
    const HttpResponse response = client_.send(request);
    std::invoke_result_t<Read, tape::ByteView> out{};
    const auto failure = tape::failure_of([&] { out = read(response.body); });
    if (failure)
      throw HttpError(
          HttpFailure::garbled,
          request.method + " " + shown(client_.name_of(request.key)) + ": " + failure->what());
    return out;
  }

  // None: `encoded` keys were asked for, and came as nobody knows.
  std::optional<std::vector<UploadInfo>> uploads(const std::string& prefix, bool encoded) {
    std::vector<UploadInfo> out;
    Query marker;
    Pages pages;
    for (;;) {
      Query query{{"uploads", ""}, {"prefix", whole(prefix)}};
      if (encoded) query.emplace_back("encoding-type", "url");
      query.insert(query.end(), marker.begin(), marker.end());
      const S3Request request = of_bucket("GET", query);
      UploadsPage page = answer(request, [](tape::ByteView body) { return parse_uploads(body); });
      if (encoded && !page.is_encoded && !page.uploads.empty()) return std::nullopt;
      for (UploadInfo& upload : page.uploads) {
        const auto key = key_below(upload.key);
        if (key) out.push_back({*key, upload.upload, upload.begun});
      }
      if (!page.more) return out;
      must_go_on(request, pages.is_new(page.next_key + '\0' + page.next_upload));
      marker = {{"key-marker", page.next_key}, {"upload-id-marker", page.next_upload}};
    }
  }

  void must_go_on(const S3Request& request, bool goes_on) const {
    if (!goes_on)
      throw Error(ErrorKind::io, shown(client_.name_of(request.key)) +
                                     ": the store's list does not go on behind its last page");
  }

  // Whether the store's own digest is not the content's.
  bool hides_md5(const HttpResponse& response) const {
    return response.header("x-amz-server-side-encryption").starts_with("aws:kms") ||
           !response.header("x-amz-server-side-encryption-customer-algorithm").empty() ||
           options_.encryption.kind == ServerSideEncryption::Kind::kms ||
           options_.encryption.kind == ServerSideEncryption::Kind::customer;
  }

  std::string checked_etag(const S3Request& request,
                           const HttpResponse& response,
                           const Md5& digest) const {
    std::string etag = strong_etag(response);
    if (etag.empty())
      throw HttpError(HttpFailure::garbled, request.method + " " +
                                                shown(client_.name_of(request.key)) +
                                                ": an answer without an ETag");
    if (is_md5(etag) && !hides_md5(response) && etag != tape::hex(digest))
      throw HttpError(HttpFailure::garbled, request.method + " " +
                                                shown(client_.name_of(request.key)) +
                                                ": its ETag is not the MD5 of these bytes");
    return etag;
  }

  bool is_listed(const std::string& key) {
    const S3Request request =
        of_bucket("GET", {{"list-type", "2"}, {"prefix", whole(key)}, {"max-keys", "1"}});
    const ListPage page = answer(request, [](tape::ByteView body) { return parse_list(body); });
    return !page.objects.empty() && page.objects.front().key == whole(key);
  }

  // `clear`: whether its ETag tells of its content.
  std::optional<ObjectInfo> head_of(const std::string& key, bool& clear) {
    S3Request request = of("HEAD", key);
    add_customer_key(request);
    const HttpResponse response = client_.send_or(request, {403, 404});
    if (response.status == 404) return std::nullopt;
    if (response.status == 403) {
      // Who may list only below a prefix is not told that an object is not there.
      if (is_listed(key)) client_.fail(request, response);
      return std::nullopt;
    }
    clear = !hides_md5(response);
    const std::string size = response.header("Content-Length");
    if (size.empty() || size.find_first_not_of("0123456789") != std::string::npos ||
        size.size() > 18)
      throw Error(ErrorKind::io, shown(client_.name_of(request.key)) + ": Content-Length \"" +
                                     shown(size) + "\", a number expected");
    return ObjectInfo{key, std::stoull(size), strong_etag(response)};
  }

  // Neither its answer nor its ETag there is to be believed (RGW's is empty): the object is. It may
  // be of an attempt whose answer was lost; then there is no such upload any more.
  ObjectInfo completed(const S3Request& request,
                       const HttpResponse& response,
                       const std::string& key,
                       const std::vector<PartInfo>& parts) {
    tape::ByteCount size = 0;
    for (const PartInfo& part : parts)
      size += part.size;
    bool clear = false;
    const auto found = head_of(key, clear);
    const std::string expected = etag_of_parts(parts);
    const bool same =
        found && found->size == size && (!clear || expected.empty() || found->etag == expected);
    if (same) {
      put_what_was_passed_over(key);
      return *found;
    }
    if (!response.ok()) client_.fail(request, response);
    throw Error(ErrorKind::object_changed, shown(client_.name_of(request.key)) +
                                               ": completed, but not as the parts that were sent");
  }

  // RGW takes the tags and the lock that an upload is begun with, and passes over them. AWS does
  // not.
  void put_what_was_passed_over(const std::string& key) {
    if (options_.endpoint.is_aws) return;
    if (!options_.tags.empty()) put_property(key, "tagging", tagging_document(options_.tags));
    if (options_.lock)
      put_property(key, "retention",
                   retention_document(options_.lock->mode, iso_time(options_.lock->retain_until)));
  }

  void put_property(const std::string& key, const char* name, const std::string& document) {
    S3Request request = of("PUT", key, {{name, ""}});
    request.headers.push_back({"Content-Type", "application/xml"});
    static_cast<void>(add_body(request, tape::as_bytes(document)));
    static_cast<void>(client_.send(request));
  }

  void remove_batch(std::vector<std::string>& batch) {
    std::vector<std::string> keys(batch.size());
    std::transform(batch.begin(), batch.end(), keys.begin(),
                   [this](const std::string& key) { return whole(key); });
    const std::string document = delete_document(keys);
    S3Request request = of_bucket("POST", {{"delete", ""}});
    request.headers.push_back({"Content-Type", "application/xml"});
    static_cast<void>(add_body(request, tape::as_bytes(document)));
    const HttpResponse response = client_.send_or(request, {405, 501});
    if (!response.ok()) {
      batches_ = false;
      for (const std::string& key : batch)
        remove(key);
    } else {
      must_be_deleted(request, response);
    }
    batch.clear();
  }

  void must_be_deleted(const S3Request& request, const HttpResponse& response) const {
    std::vector<S3Failure> failures;
    const auto garbled = tape::failure_of([&] { failures = parse_delete_failures(response.body); });
    const std::string where = "POST " + shown(client_.name_of(request.key)) + "?delete: ";
    if (garbled) throw HttpError(HttpFailure::garbled, where + garbled->what());
    for (const S3Failure& failure : failures) {
      if (failure.code == "NoSuchKey") continue;
      const HttpFailure kind =
          S3Client::failure_of_code(failure.code).value_or(HttpFailure::server);
      throw HttpError(kind, where + shown(failure.key) + ": " + client_.told(failure, request),
                      kind == HttpFailure::denied
                          ? "may these credentials delete? or is the object locked?"
                          : "");
    }
  }

  template <class Visit>
  void each_page(const std::string& prefix, const Query& more, Visit visit) {
    std::string token;
    Pages pages;
    do {
      Query query{{"list-type", "2"}, {"encoding-type", "url"}, {"prefix", whole(prefix)}};
      query.insert(query.end(), more.begin(), more.end());
      if (!token.empty()) query.emplace_back("continuation-token", token);
      const S3Request request = of_bucket("GET", query);
      ListPage page = answer(request, [](tape::ByteView body) { return parse_list(body); });
      must_go_on(request, page.next.empty() || pages.is_new(page.next));
      token = page.next;
      visit(page);
    } while (!token.empty());
  }

  const S3Options options_;
  Clock& clock_;
  S3Client client_;
  std::atomic<bool> conditions_ = true;  // the store knows If-None-Match
  std::atomic<bool> batches_ = true;     // the store knows DeleteObjects
};

}  // namespace

std::unique_ptr<S3Store> open_s3_store(const S3Parts& parts, S3Options options) {
  return std::make_unique<S3StoreImpl>(parts, std::move(options));
}

}  // namespace agent
