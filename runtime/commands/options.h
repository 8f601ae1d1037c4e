// The options of one command, told to the parser. The host process of a command; no system calls.
//
// A thin front of CLI11, whose header alone takes seconds of each file that sees it: only options.cc, command_line.cc,
// profile.cc, completion.cc and main.cc do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace warder::runtime {

/// An option that was added, to say more about it. Valid as long as the parser.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option required();
  /// Where --help lists it; "" hides it.
  Option group(const std::string& name);
  /// Accepts whole numbers from `least` to `most`, both included.
  Option between(int least, int most);
  Option among(const std::vector<std::string>& words);
  /// --help shows the value that the variable has now.
  Option capture_default_str();
  /// A list takes one value each time the option is given, not all words that follow.
  Option one_at_a_time();
  Option excludes(const Option& other);

 private:
  CLI::Option* option_;
};

class Options {
 public:
  explicit Options(CLI::App& app) : app_(&app) {}

  /// `names`: "-f,--force". Sets the variable to true.
  Option add_flag(const std::string& names, bool& variable, const std::string& help = "");
  /// A flag that callers give and that means nothing here; --help does not list it.
  void add_ignored_flag(const std::string& name);
  /// The value of an option of every command may be left out here.
  void make_value_optional(const std::string& name);
  /// No word of the command line is an error, and --help is a word like others.
  void accept_everything();
  /// "-p,--path" for an option with a value, "ID" for a positional. T: a string, bool or number, one of these in a std::optional,
  /// or a std::vector<std::string>; options.cc names each.
  template <typename T>
  Option add_option(const std::string& names, T& variable, const std::string& help = "");

 private:
  CLI::App* app_;
};

}  // namespace warder::runtime
