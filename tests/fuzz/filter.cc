// Random plans of rules: the generated BPF must return what the plan means, for every number, architecture and argument.
#include "policy/filter.h"

#include <linux/audit.h>

#include "policy/core/bpf_interpreter.h"
#include "tests/fuzz/input.h"

namespace {

using namespace warder;
using namespace warder::policy;

std::uint64_t interesting(fuzz::Input& input) {
  constexpr std::uint64_t values[] = {0, 1, 3, 0x40, 0x200, 0x5412, 0xffffffff, 0x100000000, 0x80000000, 0xffffffffffffffff};
  const auto choice = input.number<std::uint8_t>();
  return choice < 200 ? values[choice % std::size(values)] : input.number<std::uint64_t>();
}

FilterPlan plan_from(fuzz::Input& input) {
  FilterPlan plan;
  plan.newest = 462;
  for (unsigned rules = input.number<std::uint8_t>() % 24; rules > 0; --rules) {
    FilterRule rule;
    rule.number = input.number<std::uint8_t>() % 12 * 40;
    rule.action = static_cast<FilterAction>(input.number<std::uint8_t>() % 4);
    rule.error = static_cast<std::uint16_t>(1 + input.number<std::uint8_t>() % 130);
    for (unsigned tests = input.number<std::uint8_t>() % 4; tests > 0; --tests) {
      ArgumentTest test;
      test.argument = input.number<std::uint8_t>() % 6U;
      test.kind = static_cast<ArgumentTest::Kind>(input.number<std::uint8_t>() % 4);
      test.mask = input.number<std::uint8_t>() % 2 == 0 ? ~0ULL : interesting(input);
      test.value = interesting(input);
      test.wide = input.number<std::uint8_t>() % 2 == 0;
      rule.tests.push_back(test);
    }
    plan.rules.push_back(std::move(rule));
  }
  return plan;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const FilterPlan plan = plan_from(input);
  auto program = generate_filter(plan);
  if (!program.ok() || program->empty()) return 0;
  for (int calls = 0; calls < 32; ++calls) {
    seccomp_data call{};
    call.nr = input.number<std::uint8_t>() % 12 * 40;
    switch (input.number<std::uint8_t>() % 8) {
      case 0:
        call.nr |= 0x40000000;
        break;
      case 1:
        call.nr = input.number<std::int32_t>();
        break;
      default:
        break;
    }
    call.arch = input.number<std::uint8_t>() % 8 == 0 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64;
    for (auto& argument : call.args) argument = interesting(input);
    auto outcome = run_bpf(*program, call);
    fuzz::require(outcome.has_value() && outcome->value == filter_meaning(plan, call));
  }
  return 0;
}
