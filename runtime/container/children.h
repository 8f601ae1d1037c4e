// The two processes that P0 makes, between clone3 and execveat: copies of P0 that hold everything P0 had. Internal to launch.cc.
//
// Neither is dumpable, both answer to P0 over a socket of their own, and both end in warder-init or in _exit. They free nothing
// that execve frees.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "linux/fd.h"
#include "linux/result.h"
#include "runtime/container/launch.h"
#include "runtime/container/namespaces.h"
#include "runtime/container/rootfs.h"
#include "supervisor/protocol/messages.h"

namespace warder::runtime {

/// What the children need and P0 has prepared.
struct ChildContext {
  const LaunchRequest& request;
  NamespacePlan plan;
  HostTrees trees;
  CgroupEntrance cgroup;
  Fd boot;              ///< sealed memfd
  Fd init_runtime;      ///< P1's end towards P0
  Fd workload_runtime;  ///< P2's end towards P0
  Fd init_peer;         ///< P1's end towards P2
  Fd workload_peer;     ///< P2's end towards P1
};

/// P1 after clone3: waits for P0's `start`, makes P2, waits until the root is the container's, executes `warder-init supervise`.
[[noreturn]] void become_init(ChildContext& context);

/// P2 after clone3: builds the container around itself and executes `warder-init workload`. `init_pid` is P1 as P0 knows it.
[[noreturn]] void become_workload(ChildContext& context, pid_t init_pid);

/// Reports a failure over a runtime socket and ends the process.
[[noreturn]] void fail_child(BorrowedFd runtime, const Error& error);

/// One descriptor and the fixed number it gets for warder-init.
struct PlacedFd {
  int from;
  int to;
};
/// Puts descriptors at their numbers (without close-on-exec) and executes warder-init in `mode` with an empty environment. All
/// others but 0..2 and the workload's preserved ones are closed by it. Returns on failure only.
Error execute_init(BorrowedFd binary, const char* mode, std::span<const PlacedFd> placed, std::uint32_t preserve_fds);

/// The first ids of a process's uid_map and gid_map: what its user namespace has where it maps no 0.
struct FirstIds {
  std::uint32_t uid = 0, gid = 0;
};
/// `process`: its directory in procfs.
Result<FirstIds> first_ids(const std::string& process);

/// Becomes root of the user namespace that the process was put into, or, where no 0 is mapped there, its first user with all
/// capabilities, ambient ones included. The maps are written. `first` is looked up in /proc/self where it is needed and absent.
Result<void> become_namespace_root(std::optional<FirstIds> first);

}  // namespace warder::runtime
