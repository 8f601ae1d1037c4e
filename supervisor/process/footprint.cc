#include "supervisor/process/footprint.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <exception>

// libstdc++'s own handler would bring in a demangler and stdio, only to print a text that nobody reads.
namespace __cxxabiv1 {
extern std::terminate_handler __terminate_handler;
std::terminate_handler __terminate_handler = std::abort;  // NOLINT(bugprone-reserved-identifier)
}  // namespace __cxxabiv1

namespace warder::supervisor {
namespace {

constexpr std::uintptr_t page = 4096;

int release_segments(dl_phdr_info* program, std::size_t /*size*/, void* /*unused*/) {
  for (int index = 0; index < program->dlpi_phnum; ++index) {
    const ElfW(Phdr)& segment = program->dlpi_phdr[index];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;  // what was written exists nowhere else
    const std::uintptr_t begin = (program->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    const std::uintptr_t end = (program->dlpi_addr + segment.p_vaddr + segment.p_memsz) & ~(page - 1);
    if (end > begin) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);  // NOLINT(performance-no-int-to-ptr)
  }
  return 1;  // the program itself is the first entry; the vDSO is none of ours
}

}  // namespace

void release_unused_memory() {
  ::malloc_trim(0);
  ::dl_iterate_phdr(release_segments, nullptr);
}

}  // namespace warder::supervisor
