// ioctl on device nodes; those on files are in inode_flags.cc. Workers of PID 1.
//
// The argument of an ioctl is the device's business, so it cannot be done for the caller; the verdict needs only registers and
// what the descriptor stands for. A caller that exchanges the descriptor between verdict and call finds that devices without the
// right were opened so that the kernel refuses it (open_device.h, Linux 6.10).
#include <sys/stat.h>

#include "supervisor/files/handlers.h"
#include "supervisor/files/inode_flags.h"
#include "supervisor/files/open_device.h"
#include "supervisor/files/steps.h"

namespace warder::supervisor::files {
namespace {

/// Terminal requests are always allowed, on whatever; those that type for others are refused by the filter itself. Requests of
/// 'T' with a size belong to other devices, too, and are looked at.
bool is_terminal_request(std::uint64_t request) { return (request & ~std::uint64_t{0xff}) == ('T' << 8); }

}  // namespace

void ioctl(Call& call) {
  const std::uint64_t request = static_cast<std::uint32_t>(call.notification.argument(1));
  if (is_terminal_request(request)) return (void)std::move(call.notification).let_kernel_run();
  Object object;
  Outcome<Fd> held = call.caller.take_path(call.notification.int_argument(0));
  if (!held.ok()) return answer(call, Answer(Errno{held.code()}));
  object.fd = *std::move(held);
  struct stat facts {};
  if (::fstat(object.fd.get(), &facts) != 0) return answer(call, Answer(Errno::last()));
  if (S_ISREG(facts.st_mode) || S_ISDIR(facts.st_mode)) return request_of_file(call, static_cast<unsigned>(request), object);
  const bool device = S_ISBLK(facts.st_mode) || (S_ISCHR(facts.st_mode) && !is_terminal(facts));
  if (device) {
    const Outcome<void> named = name_descriptor(call.caller, object);
    if (!named.ok()) return answer(call, named);
    if (!ask(call, object, policy::Right::ioctl).ok()) return;
  }
  (void)std::move(call.notification).let_kernel_run();
}

}  // namespace warder::supervisor::files
