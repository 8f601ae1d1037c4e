// socket and socketpair of a family that the profile does not list. Workers of PID 1.
//
// Decided by a number in a register, so nothing can change under the verdict: what is allowed (in audit and learn mode) the
// kernel may run itself.
#include <sys/socket.h>

#include <array>
#include <string>

#include "supervisor/network/handlers.h"
#include "supervisor/workers.h"

namespace warder::supervisor::network {
namespace {

struct FamilyName {
  int number;
  std::string_view name;
};
constexpr auto family_names = std::to_array<FamilyName>({
    {AF_UNIX, "unix"},
    {AF_INET, "inet"},
    {AF_INET6, "inet6"},
    {AF_NETLINK, "netlink"},
    {AF_PACKET, "packet"},
    {AF_VSOCK, "vsock"},
    {AF_ALG, "alg"},
    {AF_BLUETOOTH, "bluetooth"},
    {AF_CAN, "can"},
    {AF_TIPC, "tipc"},
    {AF_XDP, "xdp"},
});

std::string name_of(int family) {
  for (const FamilyName& known : family_names) {
    if (known.number == family) return std::string(known.name);
  }
  return std::to_string(family);
}

void create(Call& call) {
  const int family = call.notification.int_argument(0);
  const policy::Verdict verdict = call.worker.policy.family(family);
  const std::string name = name_of(family);
  std::string others;
  if (verdict.would_refuse) {
    for (const int one : call.worker.policy.families()) others += (others.empty() ? "" : ", ") + name_of(one);
  }
  AuditEvent event;
  event.others = others;
  event.address = name;
  event.section = "families";
  if (permit(call, verdict, event)) (void)std::move(call.notification).let_kernel_run();
}

}  // namespace

void socket(Call& call) { create(call); }
void socketpair(Call& call) { create(call); }

}  // namespace warder::supervisor::network
