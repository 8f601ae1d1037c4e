#include "policy/filter.h"

#include <linux/audit.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <map>
#include <optional>

namespace warder::policy {
namespace {

constexpr std::uint32_t unknown_call = SECCOMP_RET_ERRNO | ENOSYS;

std::uint32_t return_value(const FilterRule& rule) {
  switch (rule.action) {
    case FilterAction::allow:
      return SECCOMP_RET_ALLOW;
    case FilterAction::error:
      return SECCOMP_RET_ERRNO | (rule.error & SECCOMP_RET_DATA);
    case FilterAction::notify:
      return SECCOMP_RET_USER_NOTIF;
    case FilterAction::kill:
      return SECCOMP_RET_KILL_PROCESS;
  }
  return SECCOMP_RET_KILL_PROCESS;
}

bool holds(const ArgumentTest& test, const seccomp_data& data) {
  std::uint64_t value = data.args[test.argument];
  std::uint64_t mask = test.mask;
  std::uint64_t wanted = test.value;
  if (!test.wide) {
    value &= 0xffffffff;
    mask &= 0xffffffff;
    wanted &= 0xffffffff;
  }
  switch (test.kind) {
    case ArgumentTest::Kind::equal:
      return (value & mask) == wanted;
    case ArgumentTest::Kind::not_equal:
      return (value & mask) != wanted;
    case ArgumentTest::Kind::any_bit:
      return (value & mask) != 0;
    case ArgumentTest::Kind::no_bit:
      return (value & mask) == 0;
  }
  return true;
}

// A program is written from its end to its beginning, so that the target of every jump is known when the jump is written:
// a label is the distance from the end. Returns that are too far away for the 8 bits of a jump are written again.
class Assembler {
 public:
  using Label = std::size_t;

  /// Where `value` is returned, near enough for the next `reserve` instructions to jump to.
  Label returning(std::uint32_t value, std::size_t reserve = 16) {
    const auto known = returns_.find(value);
    if (known != returns_.end() && distance(known->second) + reserve < 256) return known->second;
    return returns_[value] = emit(BPF_RET | BPF_K, value);
  }
  Label load(std::size_t offset) { return emit(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  Label mask(std::uint32_t bits) { return emit(BPF_ALU | BPF_AND | BPF_K, bits); }
  /// Jumps to one of two labels, over a long jump where one is too far away.
  Label branch(std::uint16_t operation, std::uint32_t value, Label yes, Label no) {
    const Label near_yes = near(yes);
    const Label near_no = near(no);
    return emit(BPF_JMP | operation | BPF_K, value, static_cast<std::uint8_t>(distance(near_yes)),
                static_cast<std::uint8_t>(distance(near_no)));
  }
  [[nodiscard]] std::vector<sock_filter> finish() const { return {reversed_.rbegin(), reversed_.rend()}; }
  [[nodiscard]] std::size_t size() const { return reversed_.size(); }

 private:
  /// How many instructions lie between the one that is written next and the label.
  [[nodiscard]] std::size_t distance(Label label) const { return reversed_.size() - label; }
  Label near(Label label) {
    if (distance(label) < 250) return label;  // leaves room for the instructions of the other side
    const auto stepping_stone = stones_.find(label);
    if (stepping_stone != stones_.end() && distance(stepping_stone->second) < 250) return stepping_stone->second;
    return stones_[label] = emit(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(distance(label)));
  }
  Label emit(unsigned code, std::uint32_t k, std::uint8_t yes = 0, std::uint8_t no = 0) {
    reversed_.push_back({static_cast<std::uint16_t>(code), yes, no, k});
    return reversed_.size();
  }

  std::vector<sock_filter> reversed_;
  std::map<std::uint32_t, Label> returns_;
  std::map<Label, Label> stones_;
};

std::size_t low_word(unsigned argument) { return offsetof(seccomp_data, args) + argument * 8; }
std::size_t high_word(unsigned argument) { return low_word(argument) + 4; }

/// One word of an argument against one word of mask and value.
Assembler::Label test_word(Assembler& program, const ArgumentTest& test, bool high, Assembler::Label yes, Assembler::Label no) {
  const auto word = [&](std::uint64_t value) { return static_cast<std::uint32_t>(high ? value >> 32 : value); };
  const std::uint32_t mask = word(test.mask);
  const bool bits = test.kind == ArgumentTest::Kind::any_bit;
  if (bits) {
    program.branch(BPF_JSET, mask, yes, no);
  } else {
    program.branch(BPF_JEQ, word(test.value), yes, no);
    if (mask != 0xffffffff) program.mask(mask);
  }
  return program.load(high ? high_word(test.argument) : low_word(test.argument));
}

/// Jumps to `yes` where the test holds.
Assembler::Label write_test(Assembler& program, const ArgumentTest& test, Assembler::Label yes, Assembler::Label no) {
  ArgumentTest positive = test;
  if (test.kind == ArgumentTest::Kind::not_equal || test.kind == ArgumentTest::Kind::no_bit) {
    std::swap(yes, no);
    positive.kind = test.kind == ArgumentTest::Kind::not_equal ? ArgumentTest::Kind::equal : ArgumentTest::Kind::any_bit;
  }
  Assembler::Label start = test_word(program, positive, false, yes, no);
  if (!test.wide) return start;
  return positive.kind == ArgumentTest::Kind::equal ? test_word(program, positive, true, start, no)
                                                    : test_word(program, positive, true, yes, start);
}

/// Everything about one number, once it is known that this is the number.
Assembler::Label write_rules(Assembler& program, const std::vector<const FilterRule*>& rules) {
  Assembler::Label otherwise = program.returning(SECCOMP_RET_ALLOW);
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    const Assembler::Label no = otherwise;
    Assembler::Label yes = program.returning(return_value(**rule));
    for (auto test = (*rule)->tests.rbegin(); test != (*rule)->tests.rend(); ++test) {
      yes = write_test(program, *test, yes, no);
    }
    otherwise = yes;
  }
  return otherwise;
}

struct Leaf {
  std::uint32_t number;
  Assembler::Label label;
};

/// Binary search over the numbers that have rules.
Assembler::Label search(Assembler& program, const std::vector<Leaf>& leaves, std::size_t first, std::size_t end) {
  if (end - first == 1) {
    const Assembler::Label allow = program.returning(SECCOMP_RET_ALLOW);
    return program.branch(BPF_JEQ, leaves[first].number, leaves[first].label, allow);
  }
  const std::size_t middle = (first + end) / 2;
  const Assembler::Label upper = search(program, leaves, middle, end);
  const Assembler::Label lower = search(program, leaves, first, middle);
  return program.branch(BPF_JGE, leaves[middle].number, upper, lower);
}

// The calls that programs make most; without rules of their own they leave the program after a few instructions.
// The last one is asked first.
constexpr std::array<int, 5> busiest = {SYS_getpid, SYS_epoll_wait, SYS_futex, SYS_write, SYS_read};

}  // namespace

std::uint32_t filter_meaning(const FilterPlan& plan, const seccomp_data& data) {
  if (plan.rules.empty() && plan.newest == 0) return SECCOMP_RET_ALLOW;
  if (data.arch != AUDIT_ARCH_X86_64) return unknown_call;
  if (data.nr == -1) return SECCOMP_RET_ALLOW;  // a tracer has cancelled the call
  if (data.nr < 0 || data.nr > plan.newest) return unknown_call;
  for (const auto& rule : plan.rules) {
    if (rule.number != data.nr) continue;
    if (std::ranges::all_of(rule.tests, [&](const auto& test) { return holds(test, data); })) return return_value(rule);
  }
  return SECCOMP_RET_ALLOW;
}

Result<std::vector<sock_filter>> generate_filter(const FilterPlan& plan) {
  if (plan.rules.empty() && plan.newest == 0) return std::vector<sock_filter>();
  std::map<std::uint32_t, std::vector<const FilterRule*>> by_number;
  for (const auto& rule : plan.rules) by_number[static_cast<std::uint32_t>(rule.number)].push_back(&rule);

  Assembler program;
  std::vector<Leaf> leaves;
  for (const auto& [number, rules] : by_number) leaves.push_back({number, write_rules(program, rules)});
  Assembler::Label body = leaves.empty() ? program.returning(SECCOMP_RET_ALLOW) : search(program, leaves, 0, leaves.size());
  for (const int number : busiest) {
    if (by_number.contains(static_cast<std::uint32_t>(number))) continue;
    body = program.branch(BPF_JEQ, static_cast<std::uint32_t>(number), program.returning(SECCOMP_RET_ALLOW), body);
  }
  // Above the newest number: what a tracer has cancelled, x32 (bit 30), and what warder does not know.
  const Assembler::Label unknown = program.returning(unknown_call);
  const Assembler::Label cancelled = program.branch(BPF_JEQ, 0xffffffff, program.returning(SECCOMP_RET_ALLOW), unknown);
  program.branch(BPF_JGT, static_cast<std::uint32_t>(plan.newest), cancelled, body);
  const Assembler::Label number = program.load(offsetof(seccomp_data, nr));
  program.branch(BPF_JEQ, AUDIT_ARCH_X86_64, number, program.returning(unknown_call));
  program.load(offsetof(seccomp_data, arch));
  if (program.size() > BPF_MAXINSNS) return Error::user("the profile needs a seccomp program of more than 4096 instructions");
  return program.finish();
}

}  // namespace warder::policy
