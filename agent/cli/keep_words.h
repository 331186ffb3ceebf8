// What a user says of the snapshots that stay.
//
// Spec:    docs/cli.md "forget".
#pragma once
#include <optional>
#include <string>

#include "backup/retention.h"
#include "cli/verb.h"

namespace agent {

// As typed: a number, or `all`.
struct KeepWords {
  std::string last;
  std::string hourly;
  std::string daily;
  std::string weekly;
  std::string monthly;
  std::string yearly;
  std::string within;

  void add(const Verb& verb);
  bool was_typed() const;
  // None: nothing was typed. Fails: Error{usage}, also when the rules would keep nothing.
  std::optional<KeepRules> parsed() const;
};

}  // namespace agent
