// Credentials as a server or a program tells them.
//
// What they told is never part of an error: it may be a secret.
//
// Threads: pure functions.
// Spec:    AWS SDKs and Tools Reference Guide, "Process credential provider", "Container credential
//          provider"; Amazon EC2 User Guide, "Retrieve security credentials from instance
//          metadata".
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "net/credentials.h"
#include "tape/offset.h"

namespace agent {

inline constexpr tape::ByteCount kAnswerSizeMax = tape::ByteCount{64} << 10;  // bytes
inline constexpr std::size_t kAccessKeyMax = 256;                             // bytes
inline constexpr std::size_t kSecretKeyMax = 1024;                            // bytes
// Larger than any that AWS gives; a server takes headers of 16 KiB or less anyhow.
inline constexpr std::size_t kSessionTokenMax = 16'384;  // bytes

using AnswerFields = std::map<std::string, std::string>;

// The members of one object that are text or whole numbers. None: it is no JSON object.
std::optional<AnswerFields> fields_of_json(std::string_view json);

// Of AccessKeyId, SecretAccessKey, `token_field` and Expiration, of which the last two may be
// missing. Fails: denied, and it says that of `source`.
Credentials credentials_of(const AnswerFields& fields,
                           const char* token_field,
                           const std::string& source);

// They can be signed with and sent: printable, without blanks, of a sane size. Fails: denied.
void check_shape(const Credentials& credentials);

// 2026-01-31T12:00:00Z, with a fraction or another offset too. None: it is no such time.
std::optional<Clock::Time> parse_expiry(const std::string& text);
// Sets `credentials.expires`, unless the time is so far away that it means never. Fails: denied.
void set_expiry(Credentials& credentials, const std::string& text);

// `text` if it is one word of letters, digits, `.`, `_` or `-`: for codes of errors in messages.
std::string plain_word(const std::string& text);

}  // namespace agent
