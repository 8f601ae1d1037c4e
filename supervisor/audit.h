// The audit log: one JSON object a line, as warder-audit(5) documents. PID 1 alone writes it; any of its threads may record.
//
// A line is one write(2) to an O_APPEND descriptor, so that lines of several containers in one file do not mix. Equal events
// within a second are folded into one line with a count; beyond the rate limit events are counted only, and a line says how many
// were lost. A log that cannot be written never changes a verdict.
//
// In mode learn the lines are a recording, from which a profile is made: a use is written when it is first seen, whoever made it,
// and neither folded nor limited. What was written is remembered in a table of fixed size; where two uses share a place in it,
// the worst that happens is that a line comes twice.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "linux/fd.h"
#include "policy/core/compiled.h"
#include "policy/core/rights.h"
#include "supervisor/protocol/boot.h"
#include "supervisor/usage.h"

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
  std::string_view others;   ///< of a family: those that are allowed, "unix, inet"
  std::string_view host;     ///< the DNS name that the address was told for, or that a question is about; may be empty
  std::string_view section;  ///< of an address: "connect" or "bind"; "families" or "syscalls" otherwise
  std::string_view enforcer = "notify";
  std::string_view command, program;  ///< comm and exe as they were; empty: read now
};

class AuditLog {
 public:
  /// `sink` may be invalid: then nothing is written. `procfs` is PID 1's own; both outlive the log.
  AuditLog(BorrowedFd sink, BorrowedFd procfs, std::string_view container_id, const policy::Compiled& policy,
           AuditPlan plan = {});
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  /// Lines are of this profile from now on, counters begin anew, and one line says so. No worker runs meanwhile.
  void change_policy(const policy::Compiled& policy);
  [[nodiscard]] Usage& usage() { return usage_; }

  /// Is there anything to record? A refusal, what would be one in mode audit, an audited use; in mode learn every use of a path
  /// with rights and of an address, once. Cheap: callers ask before they find out who the caller is.
  [[nodiscard]] bool wants(const AuditEvent& event, const policy::Verdict& verdict) const;

  /// Logs what wants() names; otherwise returns at once.
  void record(const AuditEvent& event, const policy::Verdict& verdict);

  /// Writes what has been held back for long enough; everything with Flush::all. The watchman calls it, and PID 1 before it
  /// exits.
  enum class Flush : std::uint8_t { due, all };
  void flush(Flush what);
  /// Milliseconds until flush(due) has something to do; -1: nothing is held back.
  [[nodiscard]] int flush_due() const;

 private:
  /// An event that was written and may repeat.
  struct Folded {
    std::uint64_t key = 0;    ///< of what is equal in repeats; 0: free
    std::uint32_t count = 0;  ///< repeats since the line was written
    std::int64_t since = 0;   ///< monotonic milliseconds
    std::string members;      ///< of the line, without time and count
  };

  void begin(const policy::Compiled& policy);
  void write_usage();
  [[nodiscard]] bool learns(const policy::Verdict& verdict) const { return !learned_.empty() && verdict.allowed; }
  void learn(const AuditEvent& event, const policy::Verdict& verdict);
  std::string describe(const AuditEvent& event, const policy::Verdict& verdict) const;
  Folded& slot_for(std::uint64_t key, std::int64_t now);
  void end_fold(Folded& folded);
  void write_event(const std::string& members, std::uint32_t count);
  bool write_line(const std::string& members);
  bool write_out(const std::string& line);
  bool take_token(std::int64_t now);

  BorrowedFd sink_;
  BorrowedFd procfs_;
  AuditPlan plan_;
  std::string id_;
  Usage usage_;
  std::string prefix_;                  ///< the members that every line begins with
  std::vector<std::uint64_t> learned_;  ///< keys by their low bits; empty but in mode learn
  mutable pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  std::array<Folded, 16> folded_;
  std::int64_t tokens_;
  std::int64_t refilled_ = 0;
  std::uint64_t lost_ = 0;
};

/// What a process is called: its thread's comm, its program. Empty where it is gone. With PID 1's own power.
[[nodiscard]] std::string command_of(BorrowedFd procfs, pid_t thread);
[[nodiscard]] std::string executable_of(BorrowedFd procfs, pid_t process);

/// The line that would allow just this, at the end of its section in the profile's own file: `"/etc/shadow": [read]`,
/// `connect: ["tcp 169.254.169.254:80"]`. It keeps the rights that the path has, names only what was asked for, and says
/// `override: true` where a layer below had refused. Empty where no line does it: a ceiling, a directory that would gain rights.
[[nodiscard]] std::string audit_hint(const AuditEvent& event, const policy::Verdict& verdict);

}  // namespace warder::supervisor
