// The environment of a test.
//
// Threads: none may run that looks into it meanwhile.
#pragma once
#include <cstdlib>
#include <optional>
#include <string>

namespace test {

// A variable of the environment, for one test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* const was = std::getenv(name)) was_ = was;
    ::setenv(name, value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() {
    if (was_) ::setenv(name_, was_->c_str(), 1);
    if (!was_) ::unsetenv(name_);
  }

 private:
  const char* const name_;
  std::optional<std::string> was_;
};

}  // namespace test
