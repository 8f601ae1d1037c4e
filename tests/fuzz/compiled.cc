// Compiled::open on damaged blocks: a block that passes the check once is asked everything, and must not read outside itself.
//
// Input: changes to a sound block (offset and byte, again and again), or with a first byte of 255 a block as it is.
#include "policy/core/compiled.h"

#include "policy/lower.h"
#include "policy/parse.h"
#include "tests/fuzz/input.h"

namespace {

using namespace warder;
using namespace warder::policy;

std::vector<std::byte> sound_block() {
  constexpr std::string_view text = R"(warder: 1
paths:
  "/**": rx
  "/work/**": rwx
  "/work/**/.git/hooks/**": ro
  "/etc/{shadow,gshadow}*": none
  "/run/secrets/**": hide
  "/home/[a-z]*/x?": {allow: rw, audit: [write], errno: EPERM}
network:
  connect: ["tcp 10.0.0.0/8:1-1024", "!tcp 10.1.0.0/16:*", "unix /run/*", "abstract a-*", "tcp [2001:db8::]/32:443"]
  bind: ["tcp *:8080", "udp 127.0.0.1:*"]
  families: [inet, inet6, unix]
syscalls: {deny: [chroot, "@swap"]}
)";
  auto parsed = parse_profile(text, std::make_shared<const std::string>("fuzz.yaml"), {});
  fuzz::require(!has_errors(parsed.findings));
  parsed.document.profile.name = "fuzz";
  auto lowered = lower(parsed.document.profile, KernelFacts{.landlock_abi = 7, .user_notify = true, .memfd_noexec = true}, {});
  fuzz::require(lowered.ok());
  return lowered->block;
}

void ask_everything(const Compiled& compiled, fuzz::Input& input) {
  volatile std::size_t sink = compiled.profile_name().size() + compiled.profile_hash().size() + compiled.filter().size();
  for (std::size_t i = 0; i < compiled.landlock_path_count(); ++i) sink = sink + compiled.landlock_path(i).path.size();
  for (std::size_t i = 0; i < compiled.landlock_port_count(); ++i) sink = sink + compiled.landlock_port(i).port;
  for (std::size_t i = 0; i < compiled.read_only_count(); ++i) sink = sink + compiled.read_only(i).size();
  const std::string odd = "/" + input.text(200);
  for (std::string_view path :
       std::initializer_list<std::string_view>{"/", "/etc/shadow", "/work/a/.git/hooks/x", "/run/secrets/t", "/home/u/xy", odd}) {
    sink = sink + compiled.path(path, Rights(Right::read)).origin.file.size() + compiled.path(path, Rights()).hidden;
    sink = sink + compiled.hidden_in(path, "secrets");
    sink = sink + compiled.move_directory(path, "/work/g").allowed;
  }
  Endpoint endpoint;
  endpoint.transport = Transport::tcp;
  endpoint.family = 2;
  endpoint.address = {10, 1, 2, 3};
  endpoint.port = input.number<std::uint16_t>();
  for (auto operation : {NetOperation::connect, NetOperation::bind, NetOperation::listen, NetOperation::send}) {
    sink = sink + compiled.address(operation, endpoint).origin.line;
    endpoint.ipv6 = !endpoint.ipv6;
  }
  endpoint.transport = Transport::unix_path;
  endpoint.name = "/run/x";
  sink = sink + compiled.address(NetOperation::connect, endpoint).origin.file.size();
  endpoint.transport = Transport::unix_abstract;
  sink = sink + compiled.address(NetOperation::bind, endpoint).origin.file.size();
  for (int number : {0, 2, 161, 1000, -1}) sink = sink + compiled.syscall(number).origin.line + compiled.family(number).error;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::byte> sound = sound_block();
  fuzz::Input input(data, size);
  std::vector<std::byte> block;
  if (input.number<std::uint8_t>() == 255) {
    auto rest = std::as_bytes(input.rest());
    block.assign(rest.begin(), rest.end());
  } else {
    block = sound;
    for (unsigned changes = input.number<std::uint8_t>() % 16; changes > 0; --changes) {
      block[input.number<std::uint32_t>() % block.size()] = static_cast<std::byte>(input.number<std::uint8_t>());
    }
    if (input.number<std::uint8_t>() == 7) block.resize(input.number<std::uint32_t>() % (block.size() + 1));
  }
  auto compiled = Compiled::open(block);
  if (compiled.ok()) ask_everything(*compiled, input);
  return 0;
}
