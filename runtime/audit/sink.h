// Where the audit lines of a container go: opened by the runtime, written by PID 1, which could reach none of it from inside the
// container. The host process of `create` and `run`.
#pragma once

#include <optional>
#include <string>

#include "linux/fd.h"
#include "linux/result.h"
#include "policy/config.h"
#include "supervisor/protocol/boot.h"

namespace warder::runtime {

/// What the settings of warder.yaml, the command line and the mode of the profile come to for one container.
struct AuditTarget {
  policy::AuditSettings settings;
  std::string recordings;  ///< the directory of recordings where the profile learns; empty: none, or it does not learn
};

/// The target of one container. `given` is --audit-log, which goes before everything else.
[[nodiscard]] AuditTarget audit_target(const policy::Config& config, const std::optional<std::string>& given, policy::Mode mode);

/// learn-directory of warder.yaml with `~` replaced by the caller's home; an empty one stays empty.
Result<std::string> recordings_directory(const std::string& given);

struct OpenSink {
  Fd fd;
  supervisor::AuditPlan plan;
};

/// Opens the sink. A file is made with mode 0600, the directory of recordings with 0700; both are the caller's own, and a
/// recording that exists already is begun anew. Nothing that PID 1 writes to afterwards can block it: sockets and pipes are
/// non-blocking. Errors name the sink and what could be done instead.
Result<OpenSink> open_audit_sink(const AuditTarget& target, BorrowedFd state_directory, const std::string& container_id);

}  // namespace warder::runtime
