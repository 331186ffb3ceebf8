#include "net/credentials_answer.h"

#include "support/catch.h"
#include "support/expect.h"

using namespace agent;
using tape::ErrorKind;
using tape::failed;
using tape::says;

namespace {

std::optional<std::time_t> expiry(const std::string& text) {
  const auto time = parse_expiry(text);
  return time ? std::optional(Clock::Time::clock::to_time_t(*time)) : std::nullopt;
}

Credentials with_sizes(std::size_t key, std::size_t secret, std::size_t token) {
  Credentials out;
  out.access_key.assign(key, 'K');
  out.secret_key.assign(secret, 'S');
  out.session_token.assign(token, 'T');
  return out;
}

}  // namespace

TEST_CASE("credentials_answer: a time of expiry has an offset, or is none") {
  struct Case {
    const char* text;
    std::time_t seconds;
  };
  for (const Case& one : {
           Case{"2023-11-14T22:13:20Z", 1'700'000'000},
           Case{"2023-11-14T22:13:20.123456Z", 1'700'000'000},
           Case{"2023-11-14T22:13:20+00:00", 1'700'000'000},
           Case{"2023-11-15T00:13:20+02:00", 1'700'000'000},
           Case{"2023-11-14T17:43:20-0430", 1'700'000'000},
           Case{"1900-01-01T00:00:00Z", 0},
       }) {
    INFO(one.text);
    CHECK(expiry(one.text) == one.seconds);
  }
  for (const char* const text :
       {"", "tomorrow", "1700000000", "2023-11-14", "2023-11-14T22:13:20", "2023-11-14T22:13:20X",
        "2023-11-14T22:13:20+2", "2023-11-14T22:13:20Z ", "2023-13-14T22:13:20Z"}) {
    INFO(text);
    CHECK_FALSE(expiry(text));
  }
}

TEST_CASE("credentials_answer: a time that is centuries away means never") {
  Credentials out;
  set_expiry(out, "9999-12-31T23:59:59Z");
  CHECK_FALSE(out.expires);
  set_expiry(out, "2199-12-31T23:59:59Z");
  CHECK(out.expires);
  CHECK(failed([&] { set_expiry(out, "SECRET"); }).kind() == ErrorKind::denied);
}

TEST_CASE("credentials_answer: of JSON, one object, its text and whole numbers") {
  const auto fields = fields_of_json(R"({"a": "x", "n": 1, "f": 1.5, "b": true, "o": {"c": "y"}})");
  REQUIRE(fields);
  CHECK(*fields == AnswerFields{{"a", "x"}, {"n", "1"}});
  for (const char* const text : {"", "[]", "\"a\"", "1", "{", "{} {}", "{\"a\": \"\xFF\"}"}) {
    INFO(text);
    CHECK_FALSE(fields_of_json(text));
  }
}

TEST_CASE(
    "credentials_answer: an access key and a secret one have to be there, the rest need not") {
  const Credentials bare =
      credentials_of({{"AccessKeyId", "K"}, {"SecretAccessKey", "S"}}, "Token", "source");
  CHECK(bare.access_key == "K");
  CHECK(bare.secret_key == "S");
  CHECK(bare.session_token.empty());
  CHECK_FALSE(bare.expires);
  CHECK(bare.source == "source");
  // The token has another name with each source.
  const Credentials whole = credentials_of(
      {{"AccessKeyId", "K"}, {"SecretAccessKey", "S"}, {"Token", "T"}, {"SessionToken", "other"}},
      "Token", "source");
  CHECK(whole.session_token == "T");
  for (const char* const missing : {"AccessKeyId", "SecretAccessKey"}) {
    AnswerFields fields = {{"AccessKeyId", "K"}, {"SecretAccessKey", "S"}};
    fields.erase(missing);
    const auto error = failed([&] { return credentials_of(fields, "Token", "source"); });
    CHECK(error.kind() == ErrorKind::denied);
    CHECK(says(error, std::string("source: the answer has no ") + missing));
  }
}

TEST_CASE("credentials_answer: keys are as large as they may be, printable, and without blanks") {
  check_shape(with_sizes(kAccessKeyMax, kSecretKeyMax, kSessionTokenMax));
  check_shape(with_sizes(1, 1, 0));
  for (const Credentials& one : {
           with_sizes(kAccessKeyMax + 1, 1, 0),
           with_sizes(1, kSecretKeyMax + 1, 0),
           with_sizes(1, 1, kSessionTokenMax + 1),
           with_sizes(0, 1, 0),
           with_sizes(1, 0, 0),
       })
    CHECK(failed([&] { check_shape(one); }).kind() == ErrorKind::denied);
  for (const char c : {' ', '\t', '\n', '\r', '\0', '\x7F', '\xC3'}) {
    for (std::string Credentials::*const field :
         {&Credentials::access_key, &Credentials::secret_key, &Credentials::session_token}) {
      Credentials one = with_sizes(4, 4, 4);
      (one.*field)[2] = c;
      CHECK(failed([&] { check_shape(one); }).kind() == ErrorKind::denied);
    }
  }
}

TEST_CASE("credentials_answer: a code is shown when it is one plain word, else not at all") {
  CHECK(plain_word("Access.Denied_1-x") == "Access.Denied_1-x");
  CHECK(plain_word(std::string(64, 'x')).size() == 64);
  for (const std::string& text :
       {std::string(65, 'x'), std::string("two words"), std::string("a/b"), std::string("\x1B[m")})
    CHECK(plain_word(text).empty());
}
