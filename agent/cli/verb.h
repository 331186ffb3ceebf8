// Verb: the words of one verb, as the command line has them. Only verb.cc and main.cc know the
// library that reads them.
//
// What a verb is given by reference is written when the line is parsed, and must live until then.
//
// Threads: one caller.
// Spec:    docs/cli.md.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace CLI {  // NOLINT(readability-identifier-naming): theirs
class Option;
}

namespace agent {

class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}
  const Option& required() const;
  const Option& one_of(const std::vector<std::string>& words) const;
  // Shows the value that stands there now in --help.
  const Option& show_default() const;
  const Option& at_most(int count) const;
  const Option& excludes(const Option& other) const;
  // Under which heading --help shows it.
  const Option& group(const std::string& heading) const;
  // The environment's variable that counts where it is not typed.
  const Option& environment(const std::string& variable) const;
  // Once the line is parsed.
  bool was_typed() const;

 private:
  CLI::Option* option_;  // of the parser, which outlives the words
};

class Verb {
 public:
  Verb(CLI::App& app, const std::string& name, const std::string& help);
  // `ragtape PARENT NAME`. The parent itself does nothing then.
  Verb(const Verb& parent, const std::string& name, const std::string& help);

  void alias(const std::string& name) const;
  // `name`: `-s,--long`, or a word in capitals: by its place.
  Option option(const std::string& name, std::string& value, const std::string& help) const;
  Option option(const std::string& name,
                std::vector<std::string>& values,
                const std::string& help) const;
  Option option(const std::string& name, int& value, const std::string& help) const;
  // Hears each value, in the order of all that is typed.
  void each(const std::string& name,
            const std::string& help,
            const std::function<void(const std::string&)>& hear) const;
  void each_flag(const std::string& name,
                 const std::string& help,
                 const std::function<void()>& hear) const;
  Option flag(const std::string& name, bool& value, const std::string& help) const;
  // The end of --help.
  void footer(const std::string& text) const;
  // Of a verb that has verbs: it may stand alone, too, and is asked behind them.
  void alone(const std::function<void()>& chosen) const;
  // When this is the verb that was typed.
  void callback(const std::function<void()>& chosen) const;

 private:
  CLI::App& verb_;
};

}  // namespace agent
