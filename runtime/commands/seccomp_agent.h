// The notification agent of linux.seccomp.listenerPath. The host process of `create`, `run` and `exec`.
#pragma once

#include <sys/types.h>

#include <string>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::runtime {

/// Connects to the agent's UNIX stream socket.
Result<Fd> connect_seccomp_agent(const std::string& path);

/// Hands a listener over: one message with the container process state of the runtime-spec ("The Container Process State") and
/// the descriptor. `state_json` is the OCI state object.
Result<void> give_listener(BorrowedFd agent, BorrowedFd listener, pid_t pid, const std::string& metadata,
                           const std::string& state_json);

}  // namespace warder::runtime
