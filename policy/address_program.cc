#include "policy/address_program.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstddef>

namespace warder::policy {
namespace {

// r6 the context, r7 the port, r8 the socket's type, r2 to r5 the address in host order (IPv4: r2), r9 scratch.
constexpr std::uint8_t r0 = 0, r1 = 1, r2 = 2, r5 = 5, r6 = 6, r7 = 7, r8 = 8, r9 = 9;
constexpr std::uint32_t loopback = 0x7f000001;

class Assembler {
 public:
  std::size_t add(unsigned code, std::uint8_t target, std::uint8_t source, std::int16_t offset, std::uint32_t value) {
    bpf_insn one{};
    one.code = static_cast<std::uint8_t>(code);
    one.dst_reg = target & 0xfU;
    one.src_reg = source & 0xfU;
    one.off = offset;
    one.imm = static_cast<std::int32_t>(value);
    program_.push_back(one);
    return program_.size() - 1;
  }
  void load(std::uint8_t target, std::size_t offset) {
    add(BPF_LDX | BPF_MEM | BPF_W, target, r6, static_cast<std::int16_t>(offset), 0);
  }
  void store(std::size_t offset, std::uint8_t source) {
    add(BPF_STX | BPF_MEM | BPF_W, r6, source, static_cast<std::int16_t>(offset), 0);
  }
  void set(std::uint8_t target, std::uint32_t value) { add(BPF_ALU | BPF_MOV | BPF_K, target, 0, 0, value); }
  void copy(std::uint8_t target, std::uint8_t source) { add(BPF_ALU64 | BPF_MOV | BPF_X, target, source, 0, 0); }
  /// Between network and host order.
  void swap(std::uint8_t target, std::uint32_t bits) { add(BPF_ALU | BPF_END | BPF_TO_BE, target, 0, 0, bits); }
  /// A jump whose target is set by land().
  std::size_t jump() { return add(BPF_JMP | BPF_JA, 0, 0, 0, 0); }
  std::size_t jump_if(unsigned condition, std::uint8_t left, std::uint32_t right) {
    return add(BPF_JMP32 | condition | BPF_K, left, 0, 0, right);
  }
  /// These jumps lead to the next instruction.
  void land(const std::vector<std::size_t>& jumps) {
    for (const std::size_t jump : jumps) program_[jump].off = static_cast<std::int16_t>(program_.size() - jump - 1);
  }
  void allow() {
    set(r0, 1);
    add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  }
  void refuse(int error) {
    set(r1, static_cast<std::uint32_t>(-error));
    add(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_set_retval);
    set(r0, 0);
    add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  }
  std::vector<bpf_insn> take() { return std::move(program_); }

 private:
  std::vector<bpf_insn> program_;
};

std::uint32_t word_of(const AddressRule& rule, unsigned word) {
  std::uint32_t value = 0;
  for (unsigned byte = 0; byte < 4; ++byte) value = value << 8U | rule.address[word * 4 + byte];
  return value;
}

/// Adds the tests of a rule; gives the jumps that are taken where one fails.
std::vector<std::size_t> test_rule(Assembler& code, const AddressRule& rule) {
  std::vector<std::size_t> failed;
  failed.push_back(code.jump_if(BPF_JNE, r8, rule.transport == Transport::tcp ? SOCK_STREAM : SOCK_DGRAM));
  if (rule.port_low == rule.port_high) {
    failed.push_back(code.jump_if(BPF_JNE, r7, rule.port_low));
  } else {
    if (rule.port_low > 0) failed.push_back(code.jump_if(BPF_JLT, r7, rule.port_low));
    if (rule.port_high < 65535) failed.push_back(code.jump_if(BPF_JGT, r7, rule.port_high));
  }
  if (rule.any_address) return failed;
  for (unsigned word = 0; word * 32 < rule.prefix; ++word) {
    const unsigned bits = std::min(32U, rule.prefix - word * 32U);
    const auto mask = static_cast<std::uint32_t>(0xffffffff00000000ULL >> bits);
    code.copy(r9, static_cast<std::uint8_t>(r2 + word));
    code.add(BPF_ALU | BPF_AND | BPF_K, r9, 0, 0, mask);
    failed.push_back(code.jump_if(BPF_JNE, r9, word_of(rule, word) & mask));
  }
  return failed;
}

bool speaks_of(const AddressRule& rule, bool ipv6) {
  if (rule.transport != Transport::tcp && rule.transport != Transport::udp) return false;
  return rule.any_address || rule.ipv6 == ipv6;
}

/// All sections, one behind the other, for the address in the registers; ends the program.
void judge(Assembler& code, std::span<const GuardedSection> sections, bool ipv6) {
  for (const GuardedSection& section : sections) {
    std::vector<std::size_t> allowed;
    std::vector<std::size_t> refused;
    for (auto rule = section.rules->rbegin(); rule != section.rules->rend(); ++rule) {
      if (!speaks_of(*rule, ipv6)) continue;
      const std::vector<std::size_t> failed = test_rule(code, *rule);
      (rule->allow ? allowed : refused).push_back(code.jump());
      code.land(failed);
    }
    code.land(refused);
    code.refuse(section.error);
    if (allowed.empty()) return;  // the verifier takes no instruction that cannot be reached
    code.land(allowed);
  }
  code.allow();
}

void begin(Assembler& code) {
  code.copy(r6, r1);
  code.load(r7, offsetof(bpf_sock_addr, user_port));
  code.swap(r7, 16);
  code.load(r8, offsetof(bpf_sock_addr, type));
}

/// An address of zeros in `place` becomes `value`, for the rules and for the kernel.
void replace_unspecified(Assembler& code, std::uint8_t place, std::uint32_t value, std::size_t offset) {
  const std::size_t known = code.jump_if(BPF_JNE, place, 0);
  code.set(place, value);
  code.copy(r9, place);
  code.swap(r9, 32);
  code.store(offset, r9);
  code.land({known});
}

std::vector<bpf_insn> ipv4_program(std::span<const GuardedSection> sections, bool outgoing) {
  Assembler code;
  begin(code);
  code.load(r2, offsetof(bpf_sock_addr, user_ip4));
  code.swap(r2, 32);
  if (outgoing) replace_unspecified(code, r2, loopback, offsetof(bpf_sock_addr, user_ip4));
  judge(code, sections, false);
  return code.take();
}

std::vector<bpf_insn> ipv6_program(std::span<const GuardedSection> sections, bool outgoing) {
  constexpr std::size_t address = offsetof(bpf_sock_addr, user_ip6);
  constexpr std::size_t last_word = address + 12;
  Assembler code;
  begin(code);
  for (std::uint8_t word = 0; word < 4; ++word) {
    code.load(static_cast<std::uint8_t>(r2 + word), address + word * std::size_t{4});
    code.swap(static_cast<std::uint8_t>(r2 + word), 32);
  }
  // ::ffff:a.b.c.d is a.b.c.d.
  const std::vector<std::size_t> not_mapped = {code.jump_if(BPF_JNE, r2, 0), code.jump_if(BPF_JNE, r2 + 1, 0),
                                               code.jump_if(BPF_JNE, r2 + 2, 0xffff)};
  if (outgoing) replace_unspecified(code, r5, loopback, last_word);
  code.copy(r2, r5);
  judge(code, sections, false);
  code.land(not_mapped);
  if (outgoing) {
    const std::vector<std::size_t> specified = {code.jump_if(BPF_JNE, r2, 0), code.jump_if(BPF_JNE, r2 + 1, 0),
                                                code.jump_if(BPF_JNE, r2 + 2, 0)};
    replace_unspecified(code, r5, 1, last_word);
    code.land(specified);
  }
  judge(code, sections, true);
  return code.take();
}

}  // namespace

std::vector<AddressProgram> connect_programs(std::span<const GuardedSection> sections) {
  return {{BPF_CGROUP_INET4_CONNECT, ipv4_program(sections, true)},
          {BPF_CGROUP_INET6_CONNECT, ipv6_program(sections, true)},
          {BPF_CGROUP_UDP4_SENDMSG, ipv4_program(sections, true)},
          {BPF_CGROUP_UDP6_SENDMSG, ipv6_program(sections, true)}};
}

std::vector<AddressProgram> bind_programs(std::span<const GuardedSection> sections) {
  return {{BPF_CGROUP_INET4_BIND, ipv4_program(sections, false)}, {BPF_CGROUP_INET6_BIND, ipv6_program(sections, false)}};
}

}  // namespace warder::policy
