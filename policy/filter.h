// The workload's seccomp program: a plan of rules per system call as data, and the generator that makes BPF of it.
//
// The generated program checks the architecture first, then the number: another architecture, the x32 numbers and numbers that
// warder does not know are answered ENOSYS before any rule is looked at (law 9). Calls without a rule cost one binary search.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <vector>

#include "linux/result.h"

namespace warder::policy {

enum class FilterAction : std::uint8_t { allow, error, notify, kill };

/// One test of one register. `wide` compares 64 bits, otherwise the upper half is ignored as the kernel ignores it.
struct ArgumentTest {
  enum class Kind : std::uint8_t { equal, not_equal, any_bit, no_bit };
  unsigned argument = 0;  ///< 0..5
  Kind kind = Kind::equal;
  std::uint64_t mask = ~0ULL;  ///< equal, not_equal: applied before the comparison; any_bit, no_bit: the bits
  std::uint64_t value = 0;     ///< equal, not_equal
  bool wide = false;
};

/// Applies where every test holds. Of several rules of a number the first that applies decides; none: allow.
struct FilterRule {
  int number = 0;
  std::vector<ArgumentTest> tests;
  FilterAction action = FilterAction::allow;
  std::uint16_t error = 0;  ///< errno of FilterAction::error
};

struct FilterPlan {
  std::vector<FilterRule> rules;
  int newest = 0;  ///< numbers above are answered ENOSYS
};

/// The value that the program of `plan` must return; the meaning in the shortest form, against which programs are tested.
[[nodiscard]] std::uint32_t filter_meaning(const FilterPlan& plan, const seccomp_data& data);

/// The program. An error where it would not fit into BPF_MAXINSNS instructions. An empty plan gives an empty program.
[[nodiscard]] Result<std::vector<sock_filter>> generate_filter(const FilterPlan& plan);

}  // namespace warder::policy
