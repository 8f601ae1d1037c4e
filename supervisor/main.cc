// warder-init: what `warder` puts inside a container. Executed with the descriptors of supervisor/protocol/boot.h and one word.
#include <malloc.h>

#include <cstdio>
#include <string_view>

#include "linux/process.h"
#include "supervisor/process/modes.h"

int main(int argc, char** argv) {
  using namespace warder::supervisor;
  // Before anything else: from the execve to here no process of the container knows this one.
  if (!warder::kernel::become_undumpable().ok()) return 1;
  ::mallopt(M_ARENA_MAX, 2);  // threads hardly allocate; each arena would cost its own pages
  const std::string_view mode = argc == 2 ? argv[1] : "";
  if (mode == "supervise") return supervise();
  if (mode == "workload") return become_workload();
  if (mode == "session") return become_session();
  std::fputs("warder-init is started by warder inside a container; see warder-supervisor(7)\n", stderr);
  return 2;
}
