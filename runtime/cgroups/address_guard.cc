#include "runtime/cgroups/address_guard.h"

#include <fcntl.h>
#include <unistd.h>

#include <vector>

#include "linux/cgroup_bpf.h"
#include "linux/open.h"
#include "runtime/cgroups/cgroup.h"

namespace warder::runtime {

Result<void> attach_address_programs(const std::string& directory, std::span<const policy::AddressProgram> programs) {
  const Fd cgroup = WARDER_TRY(kernel::open_path(directory, O_RDONLY | O_DIRECTORY));
  for (const policy::AddressProgram& one : programs) {
    const Fd program =
        WARDER_TRY_WITH(kernel::load_program(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, one.attach_type, one.instructions), "address rules");
    WARDER_TRY_WITH(kernel::attach_program(cgroup, program, one.attach_type), "address rules");
    if (WARDER_TRY(kernel::attached_programs(cgroup, one.attach_type)).empty()) {
      return Error(Fault::environment, "the address rules are not attached to the cgroup");
    }
  }
  return {};
}

bool can_guard_addresses() {
  if (::geteuid() != 0) return false;
  const auto layout = CgroupLayout::probe();
  if (!layout.ok() || (!layout->unified && !layout->beside)) return false;
  const std::vector<policy::AddressRule> nothing;
  const policy::GuardedSection refuse_all{&nothing, EACCES};
  for (const auto& one : policy::connect_programs(std::span(&refuse_all, 1))) {
    if (!kernel::load_program(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, one.attach_type, one.instructions).ok()) return false;
  }
  return true;
}

}  // namespace warder::runtime
