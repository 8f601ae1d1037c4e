// A profile after parsing, merging and checking: plain values with the origin of every line. See warder-profile(5).
//
// Made by parse.h (one file), layers.h (extends, mandatory) and lookup.h (which file); consumed by decide.h (the reference
// meaning), lower.h (the enforcers) and the `warder profile` verbs. No syscalls here.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/core/address.h"
#include "policy/core/compiled.h"
#include "policy/core/rights.h"

namespace warder::policy {

/// A place in a profile file; line and column start at 1, 0 means "the file as a whole".
struct Source {
  std::shared_ptr<const std::string> file;  ///< as found on the host, or "builtin"
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

enum class Audit : std::uint8_t { refused, cheap };
/// Which files may be mapped executable: any that can be read, or those with the `exec` right.
enum class ExecutableMappings : std::uint8_t { any, exec };

/// One entry of `paths:`. Within the merged list the last entry whose pattern matches decides.
struct PathEntry {
  std::string pattern;  ///< absolute, variables expanded, braces not yet expanded
  Rights allow;
  Rights audit;  ///< rights whose use is logged although allowed
  bool hide = false;
  std::optional<int> error;     ///< errno of refusals by this entry
  bool override_lower = false;  ///< may give back what a lower layer took away
  std::uint32_t layer = 0;      ///< index into Profile::layers
  Source source;
};

/// One line of `network.connect` or `network.bind`.
struct AddressRule {
  bool allow = true;  ///< false for "!…"
  Transport transport = Transport::tcp;
  bool any_address = false;  ///< "*"
  bool ipv6 = false;
  std::array<std::uint8_t, 16> address{};
  std::uint8_t prefix = 0;  ///< bits
  std::uint16_t port_low = 0;
  std::uint16_t port_high = 65535;
  std::string name;             ///< DNS name (tcp, udp) or pattern (unix_path, unix_abstract)
  std::string text;             ///< as written
  bool override_lower = false;  ///< as for a path entry
  std::uint32_t layer = 0;      ///< index into Profile::layers
  Source source;
};

struct Network {
  std::optional<std::vector<AddressRule>> connect;
  std::optional<std::vector<AddressRule>> bind;
  std::optional<std::vector<int>> families;  ///< AF_*
  Source connect_source, bind_source, families_source;
};

/// One word of `syscalls.deny` or `syscalls.allow`, a group already resolved to its calls.
struct SyscallRule {
  bool allow = false;
  std::string word;          ///< as written: "@mount" or "bpf"
  std::vector<int> numbers;  ///< x86-64
  std::uint32_t layer = 0;   ///< index into Profile::layers
  Source source;
};

struct OnDeny {
  std::optional<int> error;
  DenyAction action = DenyAction::refuse;
  Source source;
};

struct TestCase {
  std::string operation;  ///< read, write, exec, …, connect, bind, stat
  std::string object;     ///< path or address as written
  bool expect_allow = true;
  Source source;
};

struct Layer {
  std::string name;
  Source source;     ///< its file
  std::string hash;  ///< "sha256:…" of the file's bytes
  std::shared_ptr<const std::string> text;
};

/// The whole policy of one container.
struct Profile {
  std::string name;
  std::string description;
  Mode mode = Mode::enforce;
  bool mode_by_annotation = false;  ///< not what the files say
  Audit audit = Audit::refused;
  bool live = false;
  ExecutableMappings executable_mappings = ExecutableMappings::any;
  Source executable_mappings_source;
  std::vector<Layer> layers;                    ///< in order of application, the profile itself last
  std::optional<std::vector<PathEntry>> paths;  ///< absent: no path is restricted
  Source paths_source;
  Network network;
  std::vector<SyscallRule> syscalls;
  bool hardening = true;  ///< the built-in set of law 10; off only for tests
  std::optional<std::uint64_t> capability_ceiling;
  Source capabilities_source;
  std::vector<std::string> architectures{"native"};
  OnDeny on_deny;
  std::vector<TestCase> tests;
  /// The administrator's mandatory.yaml, asked first: what it denies, nothing allows.
  std::shared_ptr<const Profile> ceiling;

  [[nodiscard]] std::string hash() const;  ///< "sha256:…" over all layers, an annotation's mode and the ceiling
};

/// One finding of parsing or checking. `lint` findings do not stop a container.
struct Finding {
  Source source;
  std::string text;  ///< what is wrong; what is accepted
  bool lint = false;
};
/// "FILE:LINE:COLUMN: text"; the text alone where it is about no file.
[[nodiscard]] std::string finding_text(const Finding& finding);

}  // namespace warder::policy
