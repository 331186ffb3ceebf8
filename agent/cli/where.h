// What a user names: a store, or one archive; and a store at hand, with all that carries it.
//
// Spec:    docs/cli.md "STORE", "WHAT".
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/store_words.h"
#include "net/clock.h"
#include "net/credentials.h"
#include "net/http_client.h"
#include "net/rate_limit.h"
#include "net/transfer_counts.h"
#include "store/object_store.h"
#include "store/s3_store.h"

namespace agent {

// A directory or file://, or a URL that does not end as an archive does: a store; anything else an
// archive.
bool is_store(const std::string& what);
// An archive behind a URL.
bool is_remote_archive(const std::string& what);
// As a store, and a key in it.
struct RemoteArchive {
  std::string store;  // with the query of the URL, which may be a signature
  std::string key;
};
RemoteArchive parse_remote_archive(const std::string& url);
// What may be shown of a name: the query of a URL may be a signature.
std::string without_query(const std::string& what);

// The directory behind a store's name, or empty.
std::string store_directory(const std::string& what);

// A store, and what it is reached by: clock, limits, connections, credentials.
//
// Threads: any number of callers.
class OpenStore {
 public:
  enum class Access { read, write, dry_run };
  // Fails: not_found; usage; unsupported (https:// is for reading only); as the store does.
  // `write` makes a directory whose parent is there.
  OpenStore(const std::string& what, const StoreWords& words, Access access);
  OpenStore(const OpenStore&) = delete;
  OpenStore& operator=(const OpenStore&) = delete;
  ~OpenStore();

  ObjectStore& operator*() { return *layers_.back(); }
  ObjectStore* operator->() { return layers_.back().get(); }
  // A directory that was not there before.
  bool was_made() const { return was_made_; }
  // Behind a network, where more is sent at a time than to a disk.
  bool is_remote() const { return is_remote_; }
  const TransferCounts& counts() const { return counts_; }
  Clock& clock() { return *clock_; }
  // What only a store of S3 can be asked; null: it is another one.
  S3Store* s3() { return s3_; }
  // Whose credentials sign, in words.
  std::string credentials_source();

 private:
  void open_directory(const std::string& folder, Access access);
  void connect(const StoreWords& words, const std::string& ca_bundle);
  void open_http(const std::string& url, const StoreWords& words, Access access);
  void open_s3(const std::string& url, const StoreWords& words);
  void try_again(const StoreWords& words);
  // A store around the one that is there.
  template <class Layer, class... Arguments>
  void layer(Arguments&&... arguments);

  // In this order: each is used by those behind it.
  TransferCounts counts_;
  std::unique_ptr<Clock> clock_;
  std::optional<RateLimit> upload_limit_;
  std::optional<RateLimit> download_limit_;
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<HttpClient> credentials_http_;  // of STS: neither counted nor limited
  std::unique_ptr<CredentialsProvider> credentials_;
  std::vector<std::unique_ptr<ObjectStore>> layers_;  // each around the one before (docs/adr/0015)
  S3Store* s3_ = nullptr;                             // one of them
  bool was_made_ = false;
  bool is_remote_ = false;
};

}  // namespace agent
