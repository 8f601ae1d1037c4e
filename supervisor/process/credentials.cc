#include "supervisor/process/credentials.h"

#include <sys/prctl.h>
#include <sys/stat.h>

#include <string>

#include "linux/credentials.h"

namespace warder::supervisor {
namespace {

constexpr int capability_count = 64;

Result<void> checked(std::string_view name, int code) {
  if (code != 0) return Error::syscall(name, code);
  return {};
}

/// Capabilities beyond the kernel's last one do not exist: nothing to drop, and nothing to be had.
bool known(int capability) { return ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; }

Result<void> limit_bounding_set(std::uint64_t bounding) {
  for (int capability = 0; capability < capability_count; ++capability) {
    if ((bounding >> capability & 1U) != 0) continue;
    const int present = ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (present < 0) break;
    if (present == 1 && ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return Error::syscall("PR_CAPBSET_DROP");
  }
  return {};
}

}  // namespace

Result<void> take_user(const ProcessPlan& plan) {
  ::umask(plan.umask ? static_cast<mode_t>(*plan.umask) : 022);
  WARDER_TRY(limit_bounding_set(plan.capabilities.bounding));
  if (plan.set_groups) WARDER_TRY(checked("setgroups", kernel::set_thread_groups(plan.groups)));
  WARDER_TRY_WITH(checked("setresgid", kernel::set_thread_gids(plan.gid, plan.gid, plan.gid)), "gid " + std::to_string(plan.gid));
  // Leaving uid 0 would empty the permitted set; execve clears this again.
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return Error::syscall("PR_SET_KEEPCAPS");
  WARDER_TRY_WITH(checked("setresuid", kernel::set_thread_uids(plan.uid, plan.uid, plan.uid)), "uid " + std::to_string(plan.uid));
  kernel::ThreadCapabilities capabilities = WARDER_TRY(kernel::thread_capabilities());
  capabilities.effective = capabilities.permitted;
  return checked("capset", kernel::set_thread_capabilities(capabilities));
}

Result<void> take_capabilities(const ProcessPlan& plan, std::uint64_t ceiling) {
  const CapabilitySets& wanted = plan.capabilities;
  const kernel::ThreadCapabilities now = WARDER_TRY(kernel::thread_capabilities());
  // What the runtime itself lacks cannot be given: the sets shrink to it, as under other runtimes.
  kernel::ThreadCapabilities final;
  final.permitted = wanted.permitted & ceiling & now.permitted;
  final.effective = wanted.effective & final.permitted;
  final.inheritable = wanted.inheritable & ceiling & wanted.bounding;
  WARDER_TRY(checked("capset", kernel::set_thread_capabilities(final)));
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return Error::syscall("PR_CAP_AMBIENT");
  const std::uint64_t ambient = wanted.ambient & final.permitted & final.inheritable;
  for (int capability = 0; capability < capability_count; ++capability) {
    if ((ambient >> capability & 1U) == 0 || !known(capability)) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) return Error::syscall("PR_CAP_AMBIENT_RAISE");
  }
  if (::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) return Error::syscall("PR_SET_KEEPCAPS");
  return {};
}

}  // namespace warder::supervisor
