#include "runtime/audit/sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace warder::runtime {
namespace {

constexpr const char* journal_socket = "/run/systemd/journal/socket";
constexpr const char* syslog_socket = "/dev/log";
constexpr int priority = LOG_AUTHPRIV | LOG_NOTICE;

Result<Fd> open_file(BorrowedFd directory, const std::string& file, int more_flags = 0) {
  constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY;
  Fd log(::openat(directory.get(), file.c_str(), flags | more_flags, 0600));
  if (!log) return Error::syscall(fmt::format("open audit log '{}'", file));
  return log;
}

/// The directories that lead there are made too: the first recording of a machine should not fail.
Result<void> make_directories(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) return Error::syscall(fmt::format("mkdir '{}'", part));
    if (slash == std::string::npos) return {};
  }
}

/// A datagram is one entry: never half a line, and none that waits.
Result<Fd> connect_datagram(const char* path) {
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error::syscall("socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Error::syscall(fmt::format("connect '{}'", path));
  }
  return socket;
}

/// Standard error with an open file description of its own: O_NONBLOCK on the caller's would reach everybody who shares it.
Result<Fd> own_standard_error() {
  Fd log(::open("/proc/self/fd/2", O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (log) return log;
  if (errno == ENXIO) return Error::user("standard error is a socket; accepted: a file, a pipe or a terminal, or another sink");
  return Error::syscall("open standard error");
}

}  // namespace

Result<std::string> recordings_directory(const std::string& given) {
  if (!given.starts_with("~/")) return given;
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home != '/') return Error::user("learn-directory begins with ~/, but HOME is not an absolute path");
  return home + given.substr(1);
}

AuditTarget audit_target(const policy::Config& config, const std::optional<std::string>& given, policy::Mode mode) {
  AuditTarget target{.settings = config.audit, .recordings = {}};
  if (given) {
    target.settings.sink = policy::AuditSink::file;
    target.settings.file = *given;
  } else if (mode == policy::Mode::learn) {
    target.recordings = config.learn_directory;
  }
  return target;
}

Result<OpenSink> open_audit_sink(const AuditTarget& target, BorrowedFd state_directory, const std::string& container_id) {
  const policy::AuditSettings& settings = target.settings;
  OpenSink sink;
  sink.plan.rate = settings.rate;
  sink.plan.burst = settings.burst;
  sink.plan.usage = settings.usage;
  if (!target.recordings.empty()) {
    const std::string directory = WARDER_TRY(recordings_directory(target.recordings));
    WARDER_TRY_WITH(make_directories(directory), "learn-directory");
    sink.fd = WARDER_TRY(open_file(BorrowedFd(AT_FDCWD), fmt::format("{}/{}.log", directory, container_id), O_TRUNC));
    return sink;
  }
  switch (settings.sink) {
    case policy::AuditSink::file:
      sink.fd = WARDER_TRY(settings.file.empty() ? open_file(state_directory, "audit.log")
                                                 : open_file(BorrowedFd(AT_FDCWD), settings.file));
      return sink;
    case policy::AuditSink::journald:
      sink.fd = WARDER_TRY_WITH(connect_datagram(journal_socket), "audit sink journald");
      sink.plan.before = fmt::format("PRIORITY={}\nSYSLOG_FACILITY={}\nSYSLOG_IDENTIFIER=warder\nWARDER_CONTAINER={}\nMESSAGE=",
                                     LOG_PRI(priority), LOG_FAC(priority), container_id);
      return sink;
    case policy::AuditSink::syslog:
      sink.fd = WARDER_TRY_WITH(connect_datagram(syslog_socket), "audit sink syslog");
      sink.plan.before = fmt::format("<{}>warder: ", priority);
      sink.plan.after = "";
      return sink;
    case policy::AuditSink::standard_error:
      sink.fd = WARDER_TRY_WITH(own_standard_error(), "audit sink stderr");
      return sink;
  }
  return Error::bug("an audit sink that is none");
}

}  // namespace warder::runtime
