#include "policy/core/bpf_interpreter.h"

#include <array>
#include <cstring>

namespace warder::policy {
namespace {

class Machine {
 public:
  explicit Machine(const seccomp_data& data) : data_(data) {}

  /// False where the instruction is none that seccomp accepts.
  bool execute(const sock_filter& instruction, std::size_t& next);

  std::optional<std::uint32_t> returned;

 private:
  bool load(const sock_filter& instruction, std::uint32_t& into);
  bool compute(const sock_filter& instruction);
  bool jump(const sock_filter& instruction, std::size_t& next) const;

  const seccomp_data& data_;
  std::uint32_t a_ = 0;
  std::uint32_t x_ = 0;
  std::array<std::uint32_t, BPF_MEMWORDS> memory_{};
};

bool Machine::load(const sock_filter& instruction, std::uint32_t& into) {
  switch (BPF_MODE(instruction.code)) {
    case BPF_ABS: {
      // Only aligned words of seccomp_data.
      if (BPF_CLASS(instruction.code) != BPF_LD || BPF_SIZE(instruction.code) != BPF_W) return false;
      if (instruction.k % 4 != 0 || instruction.k > sizeof(seccomp_data) - 4) return false;
      std::memcpy(&into, reinterpret_cast<const char*>(&data_) + instruction.k, 4);
      return true;
    }
    case BPF_IMM:
      into = instruction.k;
      return true;
    case BPF_LEN:
      into = sizeof(seccomp_data);
      return true;
    case BPF_MEM:
      if (instruction.k >= memory_.size()) return false;
      into = memory_[instruction.k];
      return true;
    default:
      return false;
  }
}

bool Machine::compute(const sock_filter& instruction) {
  const std::uint32_t operand = BPF_SRC(instruction.code) == BPF_X ? x_ : instruction.k;
  switch (BPF_OP(instruction.code)) {
    case BPF_ADD:
      a_ += operand;
      return true;
    case BPF_SUB:
      a_ -= operand;
      return true;
    case BPF_MUL:
      a_ *= operand;
      return true;
    case BPF_AND:
      a_ &= operand;
      return true;
    case BPF_OR:
      a_ |= operand;
      return true;
    case BPF_XOR:
      a_ ^= operand;
      return true;
    case BPF_LSH:
      a_ <<= operand & 31;
      return true;
    case BPF_RSH:
      a_ >>= operand & 31;
      return true;
    case BPF_NEG:
      a_ = -a_;
      return true;
    case BPF_DIV:
      if (operand == 0) {
        returned = 0;
      } else {
        a_ /= operand;
      }
      return true;
    default:
      return false;
  }
}

bool Machine::jump(const sock_filter& instruction, std::size_t& next) const {
  const std::uint32_t operand = BPF_SRC(instruction.code) == BPF_X ? x_ : instruction.k;
  bool holds = false;
  switch (BPF_OP(instruction.code)) {
    case BPF_JA:
      next += instruction.k;
      return true;
    case BPF_JEQ:
      holds = a_ == operand;
      break;
    case BPF_JGT:
      holds = a_ > operand;
      break;
    case BPF_JGE:
      holds = a_ >= operand;
      break;
    case BPF_JSET:
      holds = (a_ & operand) != 0;
      break;
    default:
      return false;
  }
  next += holds ? instruction.jt : instruction.jf;
  return true;
}

bool Machine::execute(const sock_filter& instruction, std::size_t& next) {
  switch (BPF_CLASS(instruction.code)) {
    case BPF_LD:
      return load(instruction, a_);
    case BPF_LDX:
      return load(instruction, x_);
    case BPF_ST:
    case BPF_STX:
      if (instruction.k >= memory_.size()) return false;
      memory_[instruction.k] = BPF_CLASS(instruction.code) == BPF_ST ? a_ : x_;
      return true;
    case BPF_ALU:
      return compute(instruction);
    case BPF_JMP:
      return jump(instruction, next);
    case BPF_RET:
      returned = BPF_RVAL(instruction.code) == BPF_A ? a_ : instruction.k;
      return true;
    case BPF_MISC:
      if (BPF_MISCOP(instruction.code) == BPF_TAX) {
        x_ = a_;
      } else {
        a_ = x_;
      }
      return true;
    default:
      return false;
  }
}

}  // namespace

std::optional<BpfOutcome> run_bpf(std::span<const sock_filter> program, const seccomp_data& data) {
  if (program.empty() || program.size() > BPF_MAXINSNS) return std::nullopt;
  Machine machine(data);
  unsigned steps = 0;
  for (std::size_t at = 0; at < program.size();) {
    ++steps;
    const auto& instruction = program[at++];
    if (!machine.execute(instruction, at)) return std::nullopt;
    if (machine.returned) return BpfOutcome{*machine.returned, steps};
  }
  return std::nullopt;
}

}  // namespace warder::policy
