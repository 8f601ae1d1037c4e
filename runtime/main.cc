// The command line of warder: finds the verb, runs it, reports one error. The host process of every command.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "policy/load.h"
#include "runtime/commands/command_line.h"
#include "runtime/commands/profile.h"
#include "runtime/commands/verb.h"
#include "runtime/commands/version.h"
#include "runtime/rootless.h"

namespace {

using namespace warder;
using namespace warder::runtime;

int complain(const std::string& text) {
  static_cast<void>(Log().error(text));
  return 1;
}

/// As we were called: a caller that knows us by another name reads that name in --help.
std::string program_name = "warder";

std::string help_text() {
  std::string text = fmt::format(
      "NAME:\n   {0} - Open Container Initiative runtime, whose containers are bound by a profile\n\n"
      "USAGE:\n   {0} [global options] command [command options] [arguments...]\n\nCOMMANDS:\n",
      program_name);
  for (const VerbEntry& entry : verbs()) text += fmt::format("  {:<12}{}\n", entry.name, entry.summary);
  text += fmt::format("  {:<12}{}\n", "profile", "check, explain, show, compare and test profiles");
  text += fmt::format("  {:<12}{}\n", "help", "this text, or what a command takes");
  GlobalOptions scratch;
  CLI::App globals;
  define_global_options(globals, scratch);
  text += fmt::format("\n{} COMMAND --help tells the options of a command.\n", program_name) + globals.help();
  return text;
}

std::string verb_help(CLI::App& app, const VerbEntry& entry) {
  std::string heading = fmt::format("NAME:\n   {} {} - {}\n\n", program_name, entry.name, entry.summary);
  app.description("");
  return heading + app.help(program_name);
}

Result<LogLevel> log_level(const GlobalOptions& options) {
  if (options.debug) return LogLevel::debug;
  if (options.log_level == "error") return LogLevel::error;
  if (options.log_level == "warning" || options.log_level == "warn") return LogLevel::warning;
  if (options.log_level == "info") return LogLevel::info;
  if (options.log_level == "debug") return LogLevel::debug;
  return Error::user(fmt::format("--log-level '{}'; accepted: error, warning, info or debug", options.log_level));
}

/// What is wrong in warder.yaml is told by the commands that go by it.
void take_configured_level(GlobalOptions& options) {
  const std::string level = policy::load_config(policy::profile_directories(std::nullopt, false)).config.log_level;
  if (!level.empty()) options.log_level = level;
}

Result<Log> open_log(const GlobalOptions& options) {
  LogLevel level = WARDER_TRY(log_level(options));
  if (options.log_format != "text" && options.log_format != "json") {
    return Error::user(fmt::format("--log-format '{}'; accepted: text or json", options.log_format));
  }
  return Log::open(options.log, options.log_format == "json" ? LogFormat::json : LogFormat::text, level);
}

Result<void> check_options(const GlobalOptions& options) {
  const std::string& manager = options.cgroup_manager;
  if (manager != "cgroupfs" && manager != "systemd" && manager != "disabled") {
    return Error::user(fmt::format("--cgroup-manager '{}'; accepted: cgroupfs, systemd or disabled", manager));
  }
  return {};
}

Result<int> run_verb(Verb& verb, Context& context) {
  WARDER_TRY(check_options(context.options));
  if (context.options.systemd_cgroup) context.options.cgroup_manager = "systemd";
  context.rootless = WARDER_TRY(is_rootless(context.options.rootless));
  context.root = WARDER_TRY(StateRoot::find(context.options.root));
  return verb.run(context);
}

int run(const VerbEntry& entry, std::vector<std::string> words) {
  std::unique_ptr<Verb> verb = entry.make();
  Context context;
  CLI::App app(std::string(entry.summary), std::string(entry.name));
  // Given twice, as by a wrapper that appends its own: the last one counts.
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  define_global_options(app, context.options);
  Options options(app);
  verb->define(options);
  try {
    auto parsed = parse_words(app, std::move(words), verb->has_tail() ? &verb->tail : nullptr);
    if (app.count("--log-level") == 0) take_configured_level(context.options);
    auto log = open_log(context.options);
    if (!log.ok()) return complain(log.error().text()), verb->failure_code();
    context.log = *std::move(log);
    if (!parsed.ok()) return context.log.error(parsed.error().text()), verb->failure_code();
  } catch (const CLI::CallForHelp&) {
    return print(verb_help(app, entry)).ok() ? 0 : 1;
  }
  auto code = run_verb(*verb, context);
  if (code.ok()) return *code;
  context.log.error(code.error().text());
  return verb->failure_code();
}

/// `profile` has a command line of its own; what stood before the verb comes last there, as options of the innermost command.
int run_profile(std::vector<std::string> words, std::size_t before) {
  std::rotate(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(before), words.end());
  words.insert(words.begin(), "profile");
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return profile_command(static_cast<int>(words.size()), argv.data());
}

int run_command(int argc, char** argv) {
  if (argc > 0) {
    std::string_view called = argv[0];
    program_name = called.substr(called.rfind('/') + 1);
  }
  auto line = find_verb(argc, argv);
  if (!line.ok()) return complain(line.error().text());
  if (line->verb == "help" || line->verb == "h") {
    line->wants_help = true;
    line->verb.clear();
    if (line->words.size() > line->before) {
      line->verb = line->words[line->before];
      line->words.erase(line->words.begin() + static_cast<std::ptrdiff_t>(line->before), line->words.end());
    }
  }
  if (line->verb.empty()) {
    if (line->wants_version) return print(version_text()).ok() ? 0 : 1;
    if (line->wants_help) return print(help_text()).ok() ? 0 : 1;
    return complain("no command; see warder --help");
  }
  if (line->wants_help) line->words.emplace_back("--help");
  if (line->verb == "profile") return run_profile(std::move(line->words), line->before);
  for (const VerbEntry& entry : verbs()) {
    if (entry.name == line->verb) return run(entry, std::move(line->words));
  }
  for (const std::string& word : line->words) line->wants_help = line->wants_help || word == "-h" || word == "--help";
  if (line->wants_help) return complain(fmt::format("No help topic for '{}'", line->verb));
  return complain(fmt::format("unknown command '{}'; see warder --help", line->verb));
}

/// A caller may have closed its standard descriptors: the next file that is opened would become the workload's.
bool open_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // Lower numbers are open by now, so this one is what open() gives; it is not close-on-exec, as standard input never is.
    if (::open("/dev/null", O_RDWR) != fd) return false;
  }
  return true;
}

int run_caught(int argc, char** argv) {
  try {
    return run_command(argc, argv);
  } catch (const std::exception& failure) {
    // Libraries throw: out of memory, a broken locale. Whatever was made is undone by destructors on the way here.
    return complain(fmt::format("internal error: {}", failure.what()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (!open_standard_descriptors()) return 1;
  // A reader of our messages that is gone must not end a creation half way; warder-init resets it for the workload.
  ::signal(SIGPIPE, SIG_IGN);
  // What the caller's shell masks must not decide the modes of what we make for the container.
  ::umask(0022);
  const int code = run_caught(argc, argv);
#ifdef __SANITIZE_ADDRESS__  // which looks for leaks on the way out
  return code;
#else
  // What the libraries hold until the end, the kernel takes back at once.
  std::fflush(nullptr);
  ::_exit(code);
#endif
}
