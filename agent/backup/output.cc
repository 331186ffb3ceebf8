#include "backup/output.h"

#include <unistd.h>

#include "backup/source.h"
#include "tape/files.h"

namespace agent {

std::unique_ptr<tape::ByteSink> open_output(const std::string& output) {
  return output == "-" ? tape::descriptor_sink(STDOUT_FILENO, "standard output")
                       : tape::create_file_sink(output);
}

std::string working_folder(const std::string& output) {
  if (output != "-" && !output.starts_with("/dev/")) return tape::folder_of(output);
  return temporary_folder();
}

}  // namespace agent
