#include "policy/hardening.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace warder::policy {
namespace {

using Condition = HardeningCondition;
using Scope = HardeningScope;

constexpr std::string_view surface = "kernel attack surface that is not divided by containers";
constexpr std::string_view mounts = "a mount gives files another name, under which the profile does not know them";
constexpr std::string_view newer = "a newer form of a call that the supervisor answers";
constexpr std::string_view own_domain = "a domain of the caller's own would not hold for what the supervisor does for it";
constexpr std::string_view sandboxes = "programs that confine themselves with Landlock; they find a kernel that has none";
constexpr std::string_view has_fallback = "nothing: programs fall back";

constexpr auto rules = std::to_array<HardeningRule>({
    // Input and output that no filter sees.
    {"io_uring_setup", Condition::any, Scope::always, ENOSYS, "opens, connects and sends past every filter",
     "io_uring; libraries fall back to epoll and threads"},
    {"io_uring_enter", Condition::any, Scope::always, ENOSYS, "drives a ring that was passed in", "io_uring"},
    {"io_uring_register", Condition::any, Scope::always, ENOSYS, "drives a ring that was passed in", "io_uring"},
    {"open_by_handle_at", Condition::any, Scope::always, EPERM, "opens any inode of a file system by number",
     "file servers that export a file system by handle"},
    // Stalls and hooks into the kernel.
    {"userfaultfd", Condition::any, Scope::always, EPERM, "stalls whoever reads the caller's memory",
     "post-copy migration, CRIU"},
    {"bpf", Condition::any, Scope::always, EPERM, surface, "loading BPF programs"},
    {"perf_event_open", Condition::any, Scope::always, EPERM, surface, "perf and profilers that count events of the processor"},
    {"kexec_load", Condition::any, Scope::always, EPERM, surface, "booting another kernel"},
    {"kexec_file_load", Condition::any, Scope::always, EPERM, surface, "booting another kernel"},
    {"init_module", Condition::any, Scope::always, EPERM, surface, "loading kernel modules"},
    {"finit_module", Condition::any, Scope::always, EPERM, surface, "loading kernel modules"},
    {"delete_module", Condition::any, Scope::always, EPERM, surface, "unloading kernel modules"},
    {"reboot", Condition::any, Scope::always, EPERM, "belongs to the host", "rebooting from inside"},
    {"swapon", Condition::any, Scope::always, EPERM, "belongs to the host", "swap files"},
    {"swapoff", Condition::any, Scope::always, EPERM, "belongs to the host", "swap files"},
    {"acct", Condition::any, Scope::always, EPERM, "the kernel writes to a file that the caller names", "process accounting"},
    {"iopl", Condition::any, Scope::always, EPERM, surface, "programs that drive hardware"},
    {"ioperm", Condition::any, Scope::always, EPERM, surface, "programs that drive hardware"},
    {"lookup_dcookie", Condition::any, Scope::always, ENOSYS, surface, "the old oprofile"},
    {"nfsservctl", Condition::any, Scope::always, ENOSYS, surface, has_fallback},
    {"uselib", Condition::any, Scope::always, ENOSYS, surface, has_fallback},
    {"_sysctl", Condition::any, Scope::always, ENOSYS, surface, has_fallback},
    {"vserver", Condition::any, Scope::always, ENOSYS, surface, has_fallback},
    // Keyrings are not divided by containers: a key of the host is found by its number.
    {"add_key", Condition::any, Scope::always, EPERM, "keyrings are shared with the host",
     "Kerberos credential caches of type KEYRING"},
    {"request_key", Condition::any, Scope::always, EPERM, "keyrings are shared with the host",
     "Kerberos credential caches of type KEYRING"},
    {"keyctl", Condition::any, Scope::always, EPERM, "keyrings are shared with the host",
     "Kerberos credential caches of type KEYRING, systemd's per-service keyrings"},
    // Other namespaces, and the capabilities that come with them.
    {"clone", Condition::new_user_namespace, Scope::always, EPERM, "gives every capability in a namespace of one's own",
     "nested sandboxes and rootless containers inside"},
    {"unshare", Condition::new_user_namespace, Scope::always, EPERM, "gives every capability in a namespace of one's own",
     "nested sandboxes and rootless containers inside"},
    {"clone3", Condition::any, Scope::always, ENOSYS, "its flags lie in memory, where no filter can read them",
     "nothing: every C library falls back to clone"},
    {"setns", Condition::any, Scope::always, EPERM, "takes the caller out of its own names", "nsenter"},
    // Terminals; socket families that no namespace divides.
    {"ioctl", Condition::terminal_injection, Scope::always, EPERM, "types into the terminal of whoever started the container",
     "mouse daemons of the text console, line disciplines"},
    {"socket", Condition::undivided_family, Scope::always, EAFNOSUPPORT, surface,
     "the kernel's cryptography (AF_ALG), talking to the hypervisor (AF_VSOCK)"},
    // A pidfd of the supervisor, where it connected or sent for a caller: a way to its descriptors for who may trace. Not only
    // for
    // this container's own, but for those of others whose sockets it reaches.
    {"getsockopt", Condition::peer_pidfd, Scope::always, ENOPROTOOPT, "gives a pidfd of a process outside the container",
     has_fallback},
    {"setsockopt", Condition::peer_pidfd, Scope::always, ENOPROTOOPT, "gives a pidfd of a process outside the container",
     has_fallback},
    // Names: whatever lets a path mean something else than the profile's author saw.
    {"mount", Condition::any, Scope::with_paths, EPERM, mounts, "mounting inside"},
    {"umount2", Condition::any, Scope::with_paths, EPERM, mounts, "unmounting inside"},
    {"pivot_root", Condition::any, Scope::with_paths, EPERM, mounts, "containers inside"},
    {"move_mount", Condition::any, Scope::with_paths, EPERM, mounts, "mounting inside"},
    {"open_tree", Condition::any, Scope::with_paths, ENOSYS, mounts, "mounting inside"},
    {"open_tree_attr", Condition::any, Scope::with_paths, ENOSYS, mounts, "mounting inside"},
    {"fsopen", Condition::any, Scope::with_paths, ENOSYS, mounts, "mounting inside"},
    {"fsmount", Condition::any, Scope::with_paths, ENOSYS, mounts, "mounting inside"},
    {"fsconfig", Condition::any, Scope::with_paths, ENOSYS, mounts, "mounting inside"},
    {"fspick", Condition::any, Scope::with_paths, ENOSYS, mounts, "mounting inside"},
    {"mount_setattr", Condition::any, Scope::with_paths, ENOSYS, mounts, "mounting inside"},
    {"listmount", Condition::any, Scope::with_paths, ENOSYS, newer, has_fallback},
    {"statmount", Condition::any, Scope::with_paths, ENOSYS, newer, has_fallback},
    // What is done for a caller is done outside the domain that it has put itself into: a sandbox of that kind would hold
    // nothing.
    {"landlock_create_ruleset", Condition::any, Scope::with_paths, ENOSYS, own_domain, sandboxes},
    {"landlock_add_rule", Condition::any, Scope::with_paths, ENOSYS, own_domain, sandboxes},
    {"landlock_restrict_self", Condition::any, Scope::with_paths, ENOSYS, own_domain, sandboxes},
    {"landlock_create_ruleset", Condition::any, Scope::with_network, ENOSYS, own_domain, sandboxes},
    {"landlock_add_rule", Condition::any, Scope::with_network, ENOSYS, own_domain, sandboxes},
    {"landlock_restrict_self", Condition::any, Scope::with_network, ENOSYS, own_domain, sandboxes},
    // Code that has no name.
    {"memfd_create", Condition::executable_memfd, Scope::with_exec, ENOSYS, "executes code that has no path",
     "executable memory files: others are made as if MFD_NOEXEC_SEAL had been asked for, or refused under `audit: cheap`"},
    {"memfd_create", Condition::any, Scope::with_mappings, ENOSYS, "maps code that has no path",
     "memory files (Wayland clients, some JIT compilers): libraries fall back to files in /dev/shm or /tmp"},
    // Addresses: whatever reaches a peer without a connect that can be judged.
    {"socket", Condition::raw_transport, Scope::with_network, EACCES,
     "an address of `network` means nothing to raw packets and other protocols", "ping with raw sockets, SCTP, packet capture"},
    {"setsockopt", Condition::source_route, Scope::with_network, EPERM,
     "packets go to a hop of the route, which nobody has judged", "IP options, IPv6 routing headers"},
});

}  // namespace

std::span<const HardeningRule> hardening_rules() { return rules; }

Rights rights_everywhere(const Profile& profile) {
  if (!profile.paths) return rights_all;
  Rights everywhere;
  for (const auto& entry : *profile.paths) {
    const Rights given = entry.hide ? Rights() : entry.allow.without(entry.audit);
    everywhere = entry.pattern == "/**" ? given : everywhere & given;
  }
  return everywhere;
}

bool hardening_applies(const HardeningRule& rule, const Profile& profile) {
  if (!profile.hardening) return false;
  if (profile.live && rule.scope != Scope::with_mappings) return true;  // what is restricted later must be closed now
  switch (rule.scope) {
    case Scope::always:
      return true;
    case Scope::with_paths:
      return profile.paths.has_value();
    case Scope::with_exec:
      return !rights_everywhere(profile).covers(Right::exec);
    case Scope::with_mappings:
      return profile.executable_mappings == ExecutableMappings::exec;
    case Scope::with_network:
      return profile.network.connect || profile.network.bind;
  }
  return true;
}

}  // namespace warder::policy
