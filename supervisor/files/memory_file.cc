// memfd_create in profiles that do not give the exec right everywhere. Workers of PID 1, as the caller.
//
// A memory file has no path whose entry could let it be executed. The caller gets one that nobody can make executable, as the
// kernel itself gives it where vm.memfd_noexec is 1.
#include <fcntl.h>
#include <sys/mman.h>

#include "supervisor/files/handlers.h"
#include "supervisor/files/steps.h"

namespace warder::supervisor::files {
namespace {

constexpr unsigned noexec_seal = 0x8;  // MFD_NOEXEC_SEAL, Linux 6.3
constexpr unsigned executable = 0x10;  // MFD_EXEC, Linux 6.3
constexpr unsigned page_size_bits = 0xfc000000U;
constexpr std::size_t longest_name = 249;

Outcome<Fd> create(Call& call, std::uint64_t address, unsigned flags) {
  constexpr unsigned known = MFD_CLOEXEC | MFD_ALLOW_SEALING | noexec_seal | executable;
  constexpr unsigned both = noexec_seal | executable;
  const bool huge = (flags & MFD_HUGETLB) != 0;
  if ((flags & ~(huge ? known | MFD_HUGETLB | page_size_bits : known)) != 0 || (flags & both) == both) return Errno{EINVAL};
  if ((flags & executable) != 0) return Errno{EACCES};
  PathText name;
  const Outcome<void> copied = call.caller.copy_path(address, name);
  if (copied.code() == ENAMETOOLONG || (copied.ok() && name.size() > longest_name)) return Errno{EINVAL};
  if (!copied.ok()) return Errno{copied.code()};
  WARDER_GET(call.caller.act());
  Fd made(::memfd_create(name.c_str(), flags | noexec_seal | MFD_CLOEXEC));
  if (!made.valid() && errno == EINVAL) return Errno{ENOSYS};  // before Linux 6.3: libraries fall back to files
  if (!made.valid()) return Errno::last();
  // MFD_NOEXEC_SEAL allows more seals; who did not ask for that finds it sealed against them, as ever.
  const bool sealable = (flags & (MFD_ALLOW_SEALING | noexec_seal)) != 0;
  if (!sealable && ::fcntl(made.get(), F_ADD_SEALS, F_SEAL_SEAL) != 0) return Errno::last();
  return made;
}

}  // namespace

void memfd_create(Call& call) {
  const auto flags = static_cast<unsigned>(call.notification.argument(1));
  Outcome<Fd> made = create(call, call.notification.argument(0), flags);
  if (!made.ok()) return answer(call, Answer(Errno{made.code()}));
  const CloseOnExec cloexec = (flags & MFD_CLOEXEC) != 0 ? CloseOnExec::yes : CloseOnExec::no;
  (void)std::move(call.notification).hand_over(*std::move(made), cloexec);
}

}  // namespace warder::supervisor::files
