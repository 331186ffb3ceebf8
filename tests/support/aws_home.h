// What sources of credentials look at, made for one test: variables, and a home with AWS's two
// files in it.
//
// Threads: one caller at a time; environment() by any number meanwhile.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include "net/credentials.h"
#include "support/temporary_folder.h"

namespace test {

struct AwsHome {
  explicit AwsHome(std::string_view config = "", std::string_view credentials = "") {
    make_folder(folder / ".aws");
    write_file(folder / ".aws/config", config);
    write_file(folder / ".aws/credentials", credentials);
    variables["HOME"] = folder.path();
    // A test asks nobody outside this machine.
    variables["AWS_EC2_METADATA_DISABLED"] = "true";
  }

  agent::Environment environment() const {
    return [this](const std::string& name) {
      const auto found = variables.find(name);
      return found == variables.end() ? "" : found->second;
    };
  }

  // A shell's script in the home, to be started. Returns its path.
  std::string program(const std::string& name, const std::string& script) const {
    const std::string path = folder / name;
    write_file(path, "#!/bin/sh\n" + script);
    must(::chmod(path.c_str(), 0755) == 0, path);
    return path;
  }

  TemporaryFolder folder;
  std::map<std::string, std::string> variables;
};

}  // namespace test
