#include "supervisor/process/program.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstring>
#include <string_view>

namespace warder::supervisor {
namespace {

/// strerror as callers expect it in texts about programs: in lower case.
std::string reason(int code) {
  std::string text = ::strerror(code);  // NOLINT(concurrency-mt-unsafe): single-threaded
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

Error not_executable(const std::string& name, const std::string& why, int code) {
  return Error(Fault::user, "exec: \"" + name + "\": " + why, code);
}

/// 0, or why the file cannot be executed by us. A directory is EACCES, as execve says.
int check_executable(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return errno;
  if (S_ISDIR(status.st_mode)) return EACCES;
  if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) != 0) return errno;
  return 0;
}

std::string_view search_path(const std::vector<std::string>& env) {
  constexpr std::string_view variable = "PATH=";
  // The first one counts, as for getenv in the program itself.
  const auto found = std::find_if(env.begin(), env.end(), [=](const std::string& item) { return item.starts_with(variable); });
  return found == env.end() ? std::string_view() : std::string_view(*found).substr(variable.size());
}

}  // namespace

Result<void> enter_working_directory(const std::string& directory) {
  const std::string& target = directory.empty() ? std::string("/") : directory;
  if (::chdir(target.c_str()) != 0) {
    const int code = errno;
    return Error(Fault::user, "chdir to cwd (\"" + target + "\") set in config.json failed: " + reason(code), code);
  }
  // The raw call: outside the root it says "(unreachable)/...", which libc turns into an ENOENT of its own.
  char path[PATH_MAX];
  const long length = ::syscall(SYS_getcwd, path, sizeof path);
  if (length < 0 || path[0] != '/')
    return Error(Fault::user, "current working directory is outside of container mount namespace root");
  return {};
}

Result<std::string> find_program(const ProcessPlan& plan) {
  if (plan.args.empty()) return Error::user("process.args is empty");
  const std::string& name = plan.args.front();
  if (name.find('/') != std::string::npos) {
    const int code = check_executable(name);
    if (code == 0) return name;
    return not_executable(name, (code == EACCES ? "" : "stat " + name + ": ") + reason(code), code);
  }
  std::string_view rest = search_path(plan.env);
  while (!name.empty() && !rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string_view directory = rest.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
    std::string candidate = (directory.empty() ? "." : std::string(directory)) + "/" + name;
    if (check_executable(candidate) == 0) return candidate;
  }
  return not_executable(name, "executable file not found in $PATH", ENOENT);
}

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

Error execute(const std::string& program, const ProcessPlan& plan) {
  std::vector<std::string> env = plan.env;
  if (plan.listen_fds) {
    std::erase_if(env, [](const std::string& item) { return item.starts_with("LISTEN_PID="); });
    env.push_back("LISTEN_PID=" + std::to_string(::getpid()));
  }
  const std::vector<char*> arguments = pointers_to(plan.args);
  const std::vector<char*> variables = pointers_to(env);
  ::execve(program.c_str(), arguments.data(), variables.data());
  const int code = errno;
  return Error(Fault::user, "exec " + program + ": " + reason(code), code);
}

}  // namespace warder::supervisor
