// The device program's instructions, and attaching it. Host process of a command; CAP_SYS_ADMIN for the second part.
#include "runtime/cgroups/device_program.h"

#include <array>

#include "linux/cgroup_bpf.h"

namespace warder::runtime {

namespace {

// Registers: r1 the context, r2 the type, r3 the access asked for and not yet granted, r4 major, r5 minor.
constexpr std::uint8_t r0 = 0, r1 = 1, r2 = 2, r3 = 3, r4 = 4, r5 = 5, r6 = 6;

bpf_insn instruction(unsigned code, std::uint8_t target, std::uint8_t source, std::int16_t offset, std::int32_t value) {
  bpf_insn one{};
  one.code = static_cast<std::uint8_t>(code);
  one.dst_reg = target & 0xfU;
  one.src_reg = source & 0xfU;
  one.off = offset;
  one.imm = value;
  return one;
}

bpf_insn load_word(std::uint8_t target, std::int16_t offset) {
  return instruction(BPF_LDX | BPF_MEM | BPF_W, target, r1, offset, 0);
}

std::int32_t access_bits(const DeviceRule& rule) {
  return (rule.mknod ? BPF_DEVCG_ACC_MKNOD : 0) | (rule.read ? BPF_DEVCG_ACC_READ : 0) | (rule.write ? BPF_DEVCG_ACC_WRITE : 0);
}

/// One rule, asked from the last to the first: what it allows is taken off the request, what it denies and is asked ends with no.
void add_rule(std::vector<bpf_insn>& program, const DeviceRule& rule) {
  std::vector<bpf_insn> tests;
  auto unless_equal = [&tests](std::uint8_t reg, std::int64_t value) {
    tests.push_back(instruction(BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, 0, static_cast<std::int32_t>(value)));
  };
  if (rule.type != 'a') unless_equal(r2, rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
  if (rule.major) unless_equal(r4, *rule.major);
  if (rule.minor) unless_equal(r5, *rule.minor);
  std::vector<bpf_insn> action;
  if (rule.allow) {
    action.push_back(instruction(BPF_ALU | BPF_AND | BPF_K, r3, 0, 0, ~access_bits(rule)));
    action.push_back(instruction(BPF_JMP32 | BPF_JNE | BPF_K, r3, 0, 2, 0));
    action.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, r0, 0, 0, 1));
    action.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
  } else {
    action.push_back(instruction(BPF_ALU | BPF_MOV | BPF_X, r6, r3, 0, 0));
    action.push_back(instruction(BPF_ALU | BPF_AND | BPF_K, r6, 0, 0, access_bits(rule)));
    action.push_back(instruction(BPF_JMP32 | BPF_JEQ | BPF_K, r6, 0, 2, 0));
    action.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, r0, 0, 0, 0));
    action.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
  }
  std::size_t length = tests.size() + action.size();
  for (std::size_t at = 0; at < tests.size(); ++at) tests[at].off = static_cast<std::int16_t>(length - at - 1);
  program.insert(program.end(), tests.begin(), tests.end());
  program.insert(program.end(), action.begin(), action.end());
}

}  // namespace

std::vector<bpf_insn> device_program(std::span<const DeviceRule> rules) {
  // struct bpf_cgroup_dev_ctx: access_type (type in the low half, access in the high one), major, minor.
  std::vector<bpf_insn> program = {
      load_word(r2, 0), instruction(BPF_ALU | BPF_AND | BPF_K, r2, 0, 0, 0xffff),
      load_word(r3, 0), instruction(BPF_ALU | BPF_RSH | BPF_K, r3, 0, 0, 16),
      load_word(r4, 4), load_word(r5, 8),
  };
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) add_rule(program, *rule);
  program.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, r0, 0, 0, 0));
  program.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
  return program;
}

Result<void> attach_device_program(BorrowedFd cgroup, std::span<const DeviceRule> rules) {
  const std::vector<bpf_insn> instructions = device_program(rules);
  const Fd program =
      WARDER_TRY_WITH(kernel::load_program(BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE, instructions), "device rules");
  const std::vector<std::uint32_t> before = WARDER_TRY(kernel::attached_programs(cgroup, BPF_CGROUP_DEVICE));
  // The parent's program goes on deciding too.
  WARDER_TRY_WITH(kernel::attach_program(cgroup, program, BPF_CGROUP_DEVICE), "device rules");
  for (const std::uint32_t id : before) WARDER_TRY(kernel::detach_program(cgroup, id, BPF_CGROUP_DEVICE));
  if (WARDER_TRY(kernel::attached_programs(cgroup, BPF_CGROUP_DEVICE)).size() != 1)
    return Error(Fault::environment, "the device rules are not attached to the cgroup");
  return {};
}

}  // namespace warder::runtime
