// The first five are AWS's published examples ("Authenticating Requests: Using the Authorization
// Header", "... Using Query Parameters"); the signatures of the others are botocore's.
#include "net/sigv4.h"

#include <cstdio>

#include "support/catch.h"
#include "support/expect.h"
#include "tape/digest.h"

using namespace agent;
using tape::ErrorKind;
using tape::failed;

namespace {

const Credentials kKeys{
    "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "", {}, ""};
const SigningScope kScope{"us-east-1", "s3", Clock::Time(std::chrono::seconds(1'369'353'600))};
const std::string kHost = "examplebucket.s3.amazonaws.com";
const std::string kCredential = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";

std::string sha256_of(std::string_view text) {
  return tape::hex(tape::sha256(tape::as_bytes(text)));
}

UnsignedRequest get(const std::string& path) {
  return {"GET", "https", kHost, path, {}, {}, sha256_of("")};
}

std::string header(const SignedRequest& request, const std::string& name) {
  std::string out;
  for (const HttpHeader& header : request.headers) {
    if (header.name == name) out += out.empty() ? header.value : " and again";
  }
  return out;
}

std::string signature(const SignedRequest& request) {
  const std::string text = header(request, "Authorization");
  return text.substr(text.find("Signature=") + 10);
}

std::string signature(const UnsignedRequest& request) {
  return signature(signed_request(request, kKeys, kScope));
}

}  // namespace

TEST_CASE("sigv4: AWS's example of a GET with a range") {
  UnsignedRequest request = get("/test.txt");
  request.headers = {{"Range", "bytes=0-9"}};
  const SignedRequest made = signed_request(request, kKeys, kScope);
  CHECK(made.url == "https://examplebucket.s3.amazonaws.com/test.txt");
  CHECK(header(made, "Authorization") ==
        "AWS4-HMAC-SHA256 Credential=" + kCredential +
            ",SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  CHECK(header(made, "Range") == "bytes=0-9");
  CHECK(header(made, "x-amz-date") == "20130524T000000Z");
  CHECK(header(made, "x-amz-content-sha256") ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(made.headers.size() == 4);
}

TEST_CASE("sigv4: AWS's example of a PUT, with a key to encode") {
  UnsignedRequest request = get("/test$file.text");
  request.method = "PUT";
  request.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  request.payload_sha256 = sha256_of("Welcome to Amazon S3.");
  const SignedRequest made = signed_request(request, kKeys, kScope);
  CHECK(signature(made) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  CHECK(made.url == "https://examplebucket.s3.amazonaws.com/test%24file.text");
  CHECK(header(made, "x-amz-content-sha256") == request.payload_sha256);
}

TEST_CASE("sigv4: AWS's examples of queries, one without a value") {
  UnsignedRequest lifecycle = get("/");
  lifecycle.query = {{"lifecycle", ""}};
  const SignedRequest made = signed_request(lifecycle, kKeys, kScope);
  CHECK(signature(made) == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  CHECK(made.url == "https://examplebucket.s3.amazonaws.com/?lifecycle=");

  UnsignedRequest list = get("/");
  list.query = {{"prefix", "J"}, {"max-keys", "2"}};
  CHECK(signature(list) == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("sigv4: AWS's example of a presigned URL") {
  CHECK(presigned_url(get("/test.txt"), kKeys, kScope, 86'400) ==
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        "&X-Amz-SignedHeaders=host");
}

TEST_CASE("sigv4: AWS's example of a canonical request") {
  UnsignedRequest request = get("/test.txt");
  request.headers = {{"x-amz-date", "20130524T000000Z"},
                     {"Range", "bytes=0-9"},
                     {"x-amz-content-sha256", sha256_of("")}};
  CHECK(canonical_request(request) ==
        "GET\n"
        "/test.txt\n"
        "\n"
        "host:examplebucket.s3.amazonaws.com\n"
        "range:bytes=0-9\n"
        "x-amz-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
        "x-amz-date:20130524T000000Z\n"
        "\n"
        "host;range;x-amz-content-sha256;x-amz-date\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("sigv4: odd keys are encoded once and not normalized, in the URL as in the signature") {
  struct Case {
    std::string path;
    std::string sent;
    std::string signature;
  };
  const Case cases[] = {
      {"/a b", "/a%20b", "148958ace6e83bc7d9893e7fb92c63d466140bd5acf2a0722d6fea26964f5651"},
      {"/a+b", "/a%2Bb", "7523a42446ee9a64714e5f5dd7b1170963c0ad092ceaf8e589232dbc7873cc91"},
      {"/100%", "/100%25", "1f0e407b0e0dbb1c03529a298ba038b5929c764bee828f8e7b2e6221e66cc78f"},
      {"/%41", "/%2541", "b69b15f86d556ece73a8e10186a52e2a28bcdfcbd9259d277cdcd99b6a6f4642"},
      {"/a&b=c", "/a%26b%3Dc", "f036bf4554da9404652fb0bad420f07c6bc21397eb631fe98f64f01bffb3f53a"},
      {"/a<b>", "/a%3Cb%3E", "c2f08756d1a7d4b1ebb25683179aaca49328612dfa4b3fa189a391448c002112"},
      {"/a//b", "/a//b", "d3b7d8e709518ef28050efa35968623c064ee44d1a12877eab753fd6548bb875"},
      {"/a/../b", "/a/../b", "926525921efadecaee269fdb73a1197143c44cfbdd7210ebeddfcf014cb7b278"},
      {"/./a", "/./a", "5393c19abc82137618702734bfc56c8e422a5eff269d4835e9c217b0dc91d120"},
      {"/what?", "/what%3F", "eb2f550ba140b9af07c23e8c7bd6f7162b7062a08dfb165d8c6fe329b11bdbec"},
      {"/sharp#1", "/sharp%231",
       "19253225a979a939bf891c90eed4708482d2a214ee31bfb06f10baaf317f4f32"},
      {"/Gr\xC3\xBC\xC3\x9F"
       "e/\xE6\x97\xA5\xE6\x9C\xAC",
       "/Gr%C3%BC%C3%9Fe/%E6%97%A5%E6%9C%AC",
       "e2c99790511e96dacc5eeff28ce157baa037508cadcc43ba480c2b1abba56386"},
      {"/~user-_.", "/~user-_.",
       "bfb116c444aa6cda15d9c53ac3548275c220fd7535c6a61bb6e559fcc7b90a52"},
      {"/it's(1)*!", "/it%27s%281%29%2A%21",
       "1fc13b54e7962ff806384455de90351a0705511db041076520c7d4b4738291e3"},
      {"/a\tb", "/a%09b", "6ea92031209fa85bbcd5dd5680648fa5542e6beb88ea558aee9a5d61956ad4fc"},
      {"/:@;,$=[]|\\^`{}\"", "/%3A%40%3B%2C%24%3D%5B%5D%7C%5C%5E%60%7B%7D%22",
       "0a3f5368f5d1aadf749b33cd3e98f86b12c7849793e43f74c98096843efad8af"},
      {"/\x7F", "/%7F", "c2153e1e44f9262ca434c504bc6dd3135c213b4ad878369f7daa42794c66f73c"},
  };
  for (const Case& one : cases) {
    const SignedRequest made = signed_request(get(one.path), kKeys, kScope);
    INFO(one.path);
    CHECK(made.url == "https://" + kHost + one.sent);
    CHECK(signature(made) == one.signature);
  }
}

TEST_CASE("sigv4: a query is sorted by encoded name and value, and sent in that order") {
  UnsignedRequest request = get("/");
  request.query = {{"prefix", "a b"}, {"delimiter", "/"},        {"Prefix", "x"},
                   {"prefix", "a"},   {"marker", "\xC3\xBC+&="}, {"a", ""}};
  const SignedRequest made = signed_request(request, kKeys, kScope);
  CHECK(made.url == "https://" + kHost +
                        "/?Prefix=x&a=&delimiter=%2F&marker=%C3%BC%2B%26%3D&prefix=a&prefix=a%20b");
  CHECK(signature(made) == "7dded2192f0e6966af7cee940bc775240e47de92fbb510b385ff7f58789dc935");
}

TEST_CASE("sigv4: a session token is sent and signed") {
  Credentials keys = kKeys;
  keys.session_token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQW==";
  const SignedRequest made = signed_request(get("/test.txt"), keys, kScope);
  CHECK(header(made, "x-amz-security-token") == keys.session_token);
  CHECK(signature(made) == "2f34122e5ba0c5e1639cedb38a7936180060008b61ed1fd8c44cac6e78975b0a");
  CHECK(header(signed_request(get("/test.txt"), kKeys, kScope), "x-amz-security-token").empty());
}

TEST_CASE("sigv4: the host is signed with its port") {
  UnsignedRequest request = get("/bucket/key");
  request.scheme = "http";
  request.host = "127.0.0.1:7480";
  const SignedRequest made = signed_request(request, kKeys, kScope);
  CHECK(made.url == "http://127.0.0.1:7480/bucket/key");
  CHECK(signature(made) == "f5a4757f04b92e4a71c7fff715e9323de56db319973c756ff6c34d6e8896032e");
}

TEST_CASE("sigv4: values of headers are signed without spaces that do not count") {
  UnsignedRequest request = get("/k");
  request.method = "PUT";
  request.headers = {
      {"x-amz-meta-A2", "b"}, {"x-amz-meta-a", "  two   words  "}, {"Content-Type", "text/plain"}};
  const SignedRequest made = signed_request(request, kKeys, kScope);
  CHECK(signature(made) == "6f9a412169e94281b2f8842e9561245ecffb7d8e1ccfa372a02fc2d3031b0742");
  CHECK(header(made, "Authorization")
            .find("SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-meta-a;"
                  "x-amz-meta-a2,") != std::string::npos);
}

TEST_CASE("sigv4: a payload need not be signed") {
  UnsignedRequest request = get("/k");
  request.method = "PUT";
  request.payload_sha256 = kUnsignedPayload;
  const SignedRequest made = signed_request(request, kKeys, kScope);
  CHECK(header(made, "x-amz-content-sha256") == "UNSIGNED-PAYLOAD");
  CHECK(signature(made) == "fe9e666b10d57c981c9fac1b314ec84292dad4c8df64fb9bf5690403b5b77d49");
}

TEST_CASE("sigv4: each of method, host, path, query, header, payload, time and scope counts") {
  const UnsignedRequest request = get("/k");
  const std::string plain = signature(request);
  const auto with = [&](const auto& change) {
    UnsignedRequest other = request;
    change(other);
    return signature(other);
  };
  CHECK(with([](UnsignedRequest& other) { other.method = "HEAD"; }) != plain);
  CHECK(with([](UnsignedRequest& other) { other.host += ".cn"; }) != plain);
  CHECK(with([](UnsignedRequest& other) { other.path += "/"; }) != plain);
  CHECK(with([](UnsignedRequest& other) { other.query = {{"acl", ""}}; }) != plain);
  CHECK(with([](UnsignedRequest& other) { other.headers = {{"Range", "bytes=0-0"}}; }) != plain);
  CHECK(with([](UnsignedRequest& other) { other.payload_sha256[0] ^= 1; }) != plain);

  SigningScope later = kScope;
  later.time += std::chrono::seconds(1);
  SigningScope elsewhere = kScope;
  elsewhere.region = "eu-central-1";
  SigningScope other_service = kScope;
  other_service.service = "sts";
  for (const SigningScope& scope : {later, elsewhere, other_service})
    CHECK(signature(signed_request(request, kKeys, scope)) != plain);
}

TEST_CASE("sigv4: a presigned URL carries token, own query and the names of signed headers") {
  Credentials keys = kKeys;
  keys.session_token = "AQo/+==";
  UnsignedRequest request = get("/a b/\xC3\xBC");
  request.method = "PUT";
  request.query = {{"response-content-type", "text/plain"}};
  request.headers = {{"x-amz-acl", "private"}};
  CHECK(presigned_url(request, keys, kScope, 86'400) ==
        "https://examplebucket.s3.amazonaws.com/a%20b/%C3%BC?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-Security-Token=AQo%2F%2B%3D%3D"
        "&X-Amz-Signature=371ec439542919e352fe5d0dd82a6a6b72350b00feb8c7644243064e10e61266"
        "&X-Amz-SignedHeaders=host%3Bx-amz-acl&response-content-type=text%2Fplain");
}

TEST_CASE("sigv4: a presigned URL is good for 1 second to 7 days") {
  for (const std::uint32_t seconds : {0U, 604'801U})
    CHECK(failed([&] { return presigned_url(get("/k"), kKeys, kScope, seconds); }).kind() ==
          ErrorKind::usage);
  for (const std::uint32_t seconds : {1U, 604'800U})
    CHECK(presigned_url(get("/k"), kKeys, kScope, seconds)
              .find("X-Amz-Expires=" + std::to_string(seconds) + "&") != std::string::npos);
}

TEST_CASE("sigv4: a secret is in nothing that is sent") {
  const SignedRequest made = signed_request(get("/k"), kKeys, kScope);
  std::string sent = made.url + presigned_url(get("/k"), kKeys, kScope, 60);
  for (const HttpHeader& header : made.headers)
    sent += header.name + header.value;
  CHECK(sent.find(kKeys.secret_key) == std::string::npos);
  CHECK(sent.find(percent_encoded(kKeys.secret_key)) == std::string::npos);
}

TEST_CASE("percent_encoded: unreserved bytes stay, all others are upper case hex") {
  std::string kept;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    const std::string encoded = percent_encoded(one);
    if (encoded == one) {
      kept += one;
      continue;
    }
    char expected[4];
    std::snprintf(expected, sizeof expected, "%%%02X", byte);
    CHECK(encoded == expected);
  }
  CHECK(kept == "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~");
  CHECK(percent_encoded("a/b") == "a%2Fb");
  CHECK(percent_encoded("a/b", true) == "a/b");
}
