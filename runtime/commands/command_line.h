// The command line as callers really write it. The host process of a command; no system calls.
//
// Options of warder itself may stand before and after the verb and the id, long options may have one dash (`-no-subreaper`, as
// containerd writes it), values may be joined by "=" or follow. What a verb hands on (`exec ID COMMAND…`) is never looked at.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "linux/result.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {

struct CommandLine {
  std::string verb;                ///< "" where none was given
  std::vector<std::string> words;  ///< all others, in order, the program's name excluded
  std::size_t before = 0;          ///< how many of them stood before the verb
  bool wants_version = false;      ///< --version, -v or -V stood where the verb should be
  bool wants_help = false;         ///< the same for --help, -h or -?
};

/// Finds the verb: the first word that is neither an option nor the value of one of the global options.
Result<CommandLine> find_verb(int argc, char** argv);

/// Adds warder's own options to a parser.
void define_global_options(CLI::App& app, GlobalOptions& options);

/// Parses the words by the options of `app`; with `tail`, everything after the first positional goes there untouched. The error
/// says what was wrong and shows the usage; CLI::CallForHelp passes through.
Result<void> parse_words(CLI::App& app, std::vector<std::string> words, std::vector<std::string>* tail);

}  // namespace warder::runtime
