// The audit log: one JSON object a line, as warder-audit(5) documents. PID 1 alone writes it; any of its threads may record.
//
// A line is one write(2) to an O_APPEND descriptor, so that lines of several containers in one file do not mix. Equal events
// within a second are folded into one line with a count; beyond the rate limit events are counted only, and a line says how many
// were lost. A log that cannot be written never changes a verdict.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "linux/fd.h"
#include "policy/core/compiled.h"
#include "policy/core/rights.h"

namespace warder::supervisor {

/// One use or refusal. Views are copied before record() returns.
struct AuditEvent {
  pid_t thread = 0;          ///< the caller's thread id in PID 1's namespace; comm and exe are read through it
  pid_t process = 0;         ///< its thread group id in PID 1's namespace; 0: the same as `thread`
  pid_t guest_pid = 0;       ///< the process id that the workload itself sees; 0: unknown
  uid_t uid = 0;             ///< the caller's fsuid in the container's user namespace
  std::string_view syscall;  ///< "openat"
  policy::Rights wanted;     ///< of a path operation; empty: existence
  std::string_view path;     ///< canonical container path; empty where the operation has none
  std::string_view address;  ///< "tcp 169.254.169.254:80", as a profile would write it; empty where there is none
  std::string_view section;  ///< of an address: "connect" or "bind"; "families" or "syscalls" otherwise
  std::string_view enforcer = "notify";
};

class AuditLog {
 public:
  /// `sink` may be invalid: then nothing is written. `procfs` is PID 1's own; both outlive the log.
  AuditLog(BorrowedFd sink, BorrowedFd procfs, std::string_view container_id, const policy::Compiled& policy);
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  /// Logs the event if the verdict is a refusal, would be one (audit, learn), or is audited; otherwise returns at once.
  void record(const AuditEvent& event, const policy::Verdict& verdict);

  /// Writes what is still folded. Called when idle for a second and before PID 1 exits.
  void flush();
  /// Milliseconds until flush() has something due; -1: nothing is held back.
  [[nodiscard]] int flush_due() const;

 private:
  struct Folded {
    std::uint64_t key = 0;    ///< of the event without its time; 0: free
    std::uint32_t count = 0;  ///< further events since the line was written
    std::int64_t since = 0;   ///< monotonic milliseconds
    std::string line;         ///< of the latest of them
  };

  void write_line(const std::string& line);
  void write_folded(Folded& folded);
  bool take_token(std::int64_t now);

  BorrowedFd sink_;
  BorrowedFd procfs_;
  std::string container_id_;
  const policy::Compiled& policy_;
  mutable pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  std::array<Folded, 16> folded_;
  std::int64_t tokens_;
  std::int64_t refilled_ = 0;
  std::uint64_t lost_ = 0;
};

/// The line of a profile that would allow the event: `"/etc/shadow": ro` or `connect: ["tcp 169.254.169.254:80"]`.
[[nodiscard]] std::string audit_hint(const AuditEvent& event);

}  // namespace warder::supervisor
