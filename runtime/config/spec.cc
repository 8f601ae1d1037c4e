// Words and flags of the namespaces of config.json. No system calls.
#include "runtime/config/spec.h"

#include <sched.h>

namespace warder::runtime {
namespace {

struct NamespaceFacts {
  int flag;
  std::string_view word;
  std::string_view proc_name;
};

// Indexed by NamespaceType. CLONE_NEWTIME is spelled out: glibc's <sched.h> has it only since 2.36.
constexpr std::array<NamespaceFacts, namespace_type_count> facts{{
    {CLONE_NEWPID, "pid", "pid"},
    {CLONE_NEWNET, "network", "net"},
    {CLONE_NEWNS, "mount", "mnt"},
    {CLONE_NEWIPC, "ipc", "ipc"},
    {CLONE_NEWUTS, "uts", "uts"},
    {CLONE_NEWUSER, "user", "user"},
    {CLONE_NEWCGROUP, "cgroup", "cgroup"},
    {0x00000080, "time", "time"},
}};

const NamespaceFacts& of(NamespaceType type) { return facts[static_cast<std::size_t>(type)]; }

}  // namespace

int clone_flag(NamespaceType type) { return of(type).flag; }
std::string_view namespace_word(NamespaceType type) { return of(type).word; }
std::string_view namespace_proc_name(NamespaceType type) { return of(type).proc_name; }

const Namespace* Linux::find(NamespaceType type) const {
  for (const Namespace& entry : namespaces) {
    if (entry.type == type) return &entry;
  }
  return nullptr;
}

bool Linux::makes(NamespaceType type) const {
  const Namespace* entry = find(type);
  return entry != nullptr && entry->path.empty();
}

}  // namespace warder::runtime
