// ragtape ragzip VERB: the format by itself

#include "cli/options.h"
#include "cli/ragzip_verbs.h"

namespace agent {

void add_ragzip(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb ragzip(app, "ragzip",
                    "The format by itself: a .gz that can be read from the middle, checked, "
                    "appended to and salvaged");
  for (AddRagzipVerb* add :
       {&add_ragzip_encode, &add_ragzip_decode, &add_ragzip_cat, &add_ragzip_info,
        &add_ragzip_check, &add_ragzip_append, &add_ragzip_salvage})
    add(ragzip, global, chosen);
  ragzip.footer(help_end("ragtape ragzip encode access.log",
                         "0 done; 1 failed or damaged; 2 usage; 3 salvage lost content; 4 check "
                         "found damage; 5 the file "
                         "changed meanwhile, try again; 10 no such file or extension; 12 denied"));
}

}  // namespace agent
