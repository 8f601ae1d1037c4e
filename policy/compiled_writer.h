// Writes the block that policy/core/compiled.h reads, from a plan in which everything is decided. Pure; runs in `warder`.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "linux/result.h"
#include "policy/profile.h"

namespace warder::policy {

/// An entry of `paths` with its patterns as the matcher shall see them: literal starts canonical, variables expanded.
struct CompiledEntry {
  std::vector<std::string> patterns;
  Rights allow;
  Rights audit;
  bool hide = false;
  std::optional<int> error;
  Source source;
};

/// A call whose refusal the supervisor logs.
struct CompiledRefusal {
  int number = 0;
  int error = 0;
  DenyAction action = DenyAction::refuse;
  bool always = false;  ///< in every mode
  Source source;
};

/// One profile or ceiling.
struct CompiledRules {
  Mode mode = Mode::enforce;
  OnDeny on_deny;
  std::optional<std::vector<CompiledEntry>> paths;
  Source paths_source;
  Network network;
  std::vector<CompiledRefusal> refusals;
  bool refuses_undivided = false;    ///< hardening: AF_ALG and AF_VSOCK
  bool refuses_unaddressed = false;  ///< hardening: families whose peers `network` cannot name
  Source whole;
};

struct CompiledLandlockPath {
  std::string path;
  std::uint64_t access = 0;
  bool optional = false;
};

struct CompiledExecMount {
  std::string path;
  bool executable = false;
  bool name_alone = false;
  bool keeps_link = false;
  bool to_be_made = false;
  bool may_be_absent = false;
};

struct CompiledPlan {
  std::string name;
  std::string hash;
  bool decides_paths = false;
  bool decides_network = false;
  bool hides = false;
  bool checks_exec = false;
  bool needs_listener = false;
  bool names_hosts = false;
  std::vector<CompiledRules> rules;  ///< ceilings in the order they are asked, the profile last; its mode is the block's
  std::vector<sock_filter> filter;
  std::uint64_t handled_fs = 0;
  std::uint64_t handled_net = 0;
  std::uint64_t scoped = 0;
  std::vector<CompiledLandlockPath> landlock_paths;
  std::vector<LandlockPortRule> landlock_ports;
  std::vector<std::string> read_only;
  std::vector<CompiledExecMount> exec_mounts;
  std::uint64_t capability_ceiling = ~0ULL;
};

/// The block, which Compiled::open() accepts. User errors carry file and line.
[[nodiscard]] Result<std::vector<std::byte>> write_compiled(const CompiledPlan& plan);

/// "FILE:LINE:COLUMN: text" as an error of the user.
[[nodiscard]] Error error_at(const Source& source, const std::string& text);

}  // namespace warder::policy
