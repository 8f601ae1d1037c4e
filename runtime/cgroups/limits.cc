// What linux.resources means for both versions of cgroups. Pure.
#include "runtime/cgroups/limits.h"

namespace warder::runtime {

namespace {

template <class Number>
void drop_zero(std::optional<Number>& value) {
  if (value && *value == 0) value.reset();
}

}  // namespace

Resources given_limits(Resources resources) {
  drop_zero(resources.memory.limit);
  drop_zero(resources.memory.reservation);
  drop_zero(resources.memory.swap);
  drop_zero(resources.cpu.shares);
  drop_zero(resources.cpu.quota);
  drop_zero(resources.cpu.period);
  drop_zero(resources.cpu.realtime_runtime);
  drop_zero(resources.cpu.realtime_period);
  drop_zero(resources.block_io.weight);
  drop_zero(resources.block_io.leaf_weight);
  // Memory without a limit within a limit of memory and swap together would be none.
  if (resources.memory.limit == -1 && !resources.memory.swap) resources.memory.swap = -1;
  return resources;
}

}  // namespace warder::runtime
