#include "policy/filter_coverage.h"

#include <linux/audit.h>

#include <algorithm>

#include "policy/core/bpf_interpreter.h"

namespace warder::policy {

FilterCoverage::FilterCoverage(std::span<const sock_filter> program) : program_(program) {
  values_ = {0, ~0ULL};
  for (unsigned bit = 0; bit < 64; ++bit) values_.push_back(1ULL << bit);
  for (const auto& instruction : program) {
    if (BPF_CLASS(instruction.code) != BPF_JMP && BPF_CLASS(instruction.code) != BPF_ALU) continue;
    for (const std::uint64_t near : {instruction.k - 1ULL, instruction.k + 0ULL, instruction.k + 1ULL}) {
      values_.push_back(near & 0xffffffff);
    }
  }
  std::ranges::sort(values_);
  values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
}

FilterCoverage::Fate FilterCoverage::fate(const seccomp_data& data) const {
  if (program_.empty()) return Fate::passes;
  const auto outcome = run_bpf(program_, data);
  if (!outcome) return Fate::passes;
  switch (outcome->value & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
    case SECCOMP_RET_LOG:
      return Fate::passes;
    case SECCOMP_RET_USER_NOTIF:
      return Fate::decided;
    default:
      return Fate::refused;
  }
}

template <class Found>
bool FilterCoverage::any(int number, const Meant& meant, Found found) const {
  seccomp_data data{};
  data.nr = number;
  data.arch = AUDIT_ARCH_X86_64;
  for (const std::uint64_t others : {std::uint64_t{0}, ~std::uint64_t{0}}) {
    for (std::size_t argument = 0; argument < std::size(data.args); ++argument) {
      std::ranges::fill(data.args, others);
      for (const std::uint64_t value : values_) {
        data.args[argument] = value;
        if ((!meant || meant(data)) && found(fate(data))) return true;
      }
    }
  }
  return false;
}

bool FilterCoverage::never_passes(int number, const Meant& meant) const {
  return !any(number, meant, [](Fate fate) { return fate == Fate::passes; });
}

bool FilterCoverage::refuses(int number, const Meant& meant) const {
  return any(number, meant, [](Fate fate) { return fate == Fate::refused; });
}

}  // namespace warder::policy
