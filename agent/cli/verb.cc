#include "cli/verb.h"

#include <CLI/CLI.hpp>

namespace agent {

const Option& Option::required() const {
  option_->required();
  return *this;
}

const Option& Option::one_of(const std::vector<std::string>& words) const {
  option_->check(CLI::IsMember(words));
  return *this;
}

const Option& Option::show_default() const {
  option_->capture_default_str();
  return *this;
}

const Option& Option::at_most(int count) const {
  option_->expected(0, count);
  return *this;
}

const Option& Option::excludes(const Option& other) const {
  option_->excludes(other.option_);
  return *this;
}

const Option& Option::group(const std::string& heading) const {
  option_->group(heading);
  return *this;
}

const Option& Option::environment(const std::string& variable) const {
  option_->envname(variable);
  return *this;
}

bool Option::was_typed() const {
  return option_->count() > 0;
}

Verb::Verb(CLI::App& app, const std::string& name, const std::string& help)
    : verb_(*app.add_subcommand(name, help)) {}

Verb::Verb(const Verb& parent, const std::string& name, const std::string& help)
    : verb_(*parent.verb_.add_subcommand(name, help)) {
  parent.verb_.require_subcommand(1);
}

void Verb::alias(const std::string& name) const {
  verb_.alias(name);
}

Option Verb::option(const std::string& name, std::string& value, const std::string& help) const {
  return Option(verb_.add_option(name, value, help));
}

Option Verb::option(const std::string& name,
                    std::vector<std::string>& values,
                    const std::string& help) const {
  // By its place: all that is left. By its name: one each time, or it would swallow what follows.
  CLI::Option* option = verb_.add_option(name, values, help);
  if (name.starts_with('-')) option->allow_extra_args(false);
  return Option(option);
}

Option Verb::option(const std::string& name, int& value, const std::string& help) const {
  return Option(verb_.add_option(name, value, help));
}

Option Verb::flag(const std::string& name, bool& value, const std::string& help) const {
  return Option(verb_.add_flag(name, value, help));
}

void Verb::each(const std::string& name,
                const std::string& help,
                const std::function<void(const std::string&)>& hear) const {
  verb_.add_option_function<std::string>(name, hear, help)->trigger_on_parse();
}

void Verb::each_flag(const std::string& name,
                     const std::string& help,
                     const std::function<void()>& hear) const {
  verb_.add_flag_callback(name, hear, help)->trigger_on_parse();
}

void Verb::footer(const std::string& text) const {
  verb_.footer(text);
}

void Verb::alone(const std::function<void()>& chosen) const {
  verb_.require_subcommand(0, 1);
  verb_.callback(chosen);
}

void Verb::callback(const std::function<void()>& chosen) const {
  verb_.callback(chosen);
}

}  // namespace agent
