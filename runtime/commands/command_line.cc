// Taking the command line apart. The host process of a command.
#include "runtime/commands/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace warder::runtime {
namespace {

/// The option that a word names, with one dash or two, or nullptr. `joined`: the word carries its value after "=".
const CLI::Option* option_of(const CLI::App& app, const std::string& word, bool& joined) {
  if (word.size() < 2 || word[0] != '-' || word == "--") return nullptr;
  std::string name = word.substr(0, word.find('='));
  joined = name.size() != word.size();
  if (const CLI::Option* option = app.get_option_no_throw(name)) return option;
  if (name[1] != '-' && name.size() > 2) {
    if (const CLI::Option* option = app.get_option_no_throw("-" + name)) return option;
    // "-uVALUE": a short option with its value attached.
    joined = true;
    return app.get_option_no_throw(name.substr(0, 2));
  }
  return nullptr;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

/// What define_global_options() adds, without a parser: to build one only to find the verb takes a tenth of a short command.
struct GlobalWord {
  std::string_view name;
  bool takes_value;
};
constexpr auto global_words = std::to_array<GlobalWord>({{"root", true},
                                                         {"debug", false},
                                                         {"log", true},
                                                         {"log-format", true},
                                                         {"log-level", true},
                                                         {"systemd-cgroup", false},
                                                         {"cgroup-manager", true},
                                                         {"rootless", true},
                                                         {"profile-dir", true},
                                                         {"audit-log", true}});

/// The option of every command that a word with one dash or two names, or nullptr. `joined` as above.
const GlobalWord* global_word(std::string_view word, bool& joined) {
  const std::string_view whole = word.substr(0, word.find('='));
  joined = whole.size() != word.size();
  const std::string_view name = whole.substr(whole.starts_with("--") ? 2 : 1);
  const auto* found = std::ranges::find(global_words, name, &GlobalWord::name);
  return found != global_words.end() ? found : nullptr;
}

/// `-no-pivot` -> `--no-pivot`, only where that long option exists.
void give_second_dash(const CLI::App& app, std::string& word) {
  if (word.size() < 3 || word[0] != '-' || word[1] == '-') return;
  std::string name = "-" + word.substr(0, word.find('='));
  if (app.get_option_no_throw(name) != nullptr) word.insert(0, "-");
}

}  // namespace

void define_global_options(CLI::App& app, GlobalOptions& options) {
  app.add_option("--root", options.root, "directory of the containers' state")->group("Options of every command");
  app.add_flag("--debug", options.debug, "log everything")->group("Options of every command");
  app.add_option("--log", options.log, "file for messages (default: stderr)")->group("Options of every command");
  app.add_option("--log-format", options.log_format, "text or json")->group("Options of every command");
  app.add_option("--log-level", options.log_level, "error, warning, info or debug")->group("Options of every command");
  app.add_flag("--systemd-cgroup", options.systemd_cgroup, "the same as --cgroup-manager systemd")
      ->group("Options of every command");
  app.add_option("--cgroup-manager", options.cgroup_manager, "cgroupfs, systemd or disabled")->group("Options of every command");
  app.add_option("--rootless", options.rootless, "true, false or auto")->group("Options of every command");
  app.add_option("--profile-dir", options.profile_dir, "look for profiles here only")->group("Options of every command");
  app.add_option("--audit-log", options.audit_log, "file of the audit log, instead of the configured one")
      ->group("Options of every command");
}

Result<CommandLine> find_verb(int argc, char** argv) {
  CommandLine line;
  for (int index = 1; index < argc; ++index) {
    std::string word = argv[index];
    if (!line.verb.empty() || word.empty() || word[0] != '-') {
      if (line.verb.empty()) {
        line.verb = std::move(word);
        line.before = line.words.size();
      } else {
        line.words.push_back(std::move(word));
      }
      continue;
    }
    if (word == "--version" || word == "-v" || word == "-V" || word == "-version") {
      line.wants_version = true;
    } else if (word == "--help" || word == "-h" || word == "-?" || word == "-help") {
      line.wants_help = true;
    } else {
      bool joined = false;
      const GlobalWord* option = global_word(word, joined);
      if (option == nullptr) return Error::user(fmt::format("unknown option '{}'; see warder --help", word));
      line.words.push_back(std::move(word));
      if (!joined && option->takes_value && index + 1 < argc) line.words.emplace_back(argv[++index]);
    }
  }
  return line;
}

Result<void> parse_words(CLI::App& app, std::vector<std::string> words, std::vector<std::string>* tail) {
  std::size_t end = words.size();
  for (std::size_t index = 0; index < words.size(); ++index) {
    bool joined = false;
    const CLI::Option* option = option_of(app, words[index], joined);
    if (option != nullptr) {
      give_second_dash(app, words[index]);
      if (!joined && takes_value(*option)) ++index;
    } else if (tail != nullptr && (words[index].empty() || words[index][0] != '-')) {
      end = index + 1;
      break;
    }
  }
  if (tail != nullptr && end < words.size()) {
    auto first = words.begin() + static_cast<std::ptrdiff_t>(end);
    if (*first == "--") ++first;
    tail->assign(std::make_move_iterator(first), std::make_move_iterator(words.end()));
    words.resize(end);
  }
  // CLI11 takes the words from the end.
  std::reverse(words.begin(), words.end());
  try {
    app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    throw;
  } catch (const CLI::Error& failure) {
    return Error::user(fmt::format("{}; see warder {} --help", failure.what(), app.get_name()));
  }
  return {};
}

}  // namespace warder::runtime
