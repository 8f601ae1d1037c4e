// Speaking to a seccomp agent. The host process of `create`, `run` and `exec`.
#include "runtime/commands/seccomp_agent.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <span>

#include "linux/socket.h"
#include "runtime/commands/console_socket.h"
#include "runtime/commands/version.h"

namespace warder::runtime {

Result<Fd> connect_seccomp_agent(const std::string& path) {
  return WARDER_TRY_WITH(connect_stream_socket(path),
                         "failed to connect with seccomp agent specified in linux.seccomp.listenerPath");
}

Result<void> give_listener(BorrowedFd agent, BorrowedFd listener, pid_t pid, const std::string& metadata,
                           const std::string& state_json) {
  nlohmann::ordered_json message{{"ociVersion", spec_version}, {"fds", {"seccompFd"}}, {"pid", pid}};
  if (!metadata.empty()) message["metadata"] = metadata;
  message["state"] = nlohmann::ordered_json::parse(state_json, nullptr, false);
  std::string text = message.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::array<int, 1> fds{listener.get()};
  WARDER_TRY_WITH(kernel::send_with_fds(agent, std::as_bytes(std::span(text)), fds), "seccomp agent");
  return {};
}

}  // namespace warder::runtime
