// Looks words of `syscalls:` up in the tables of names and groups. Pure.
#include "policy/groups.h"

#include <algorithm>

#include "policy/core/syscall_names.h"

namespace warder::policy {
namespace {

const SyscallGroup* find_group(std::string_view name) {
  for (const auto& group : syscall_groups()) {
    if (group.name == name) return &group;
  }
  return nullptr;
}

/// Groups contain groups; the tables have no cycle.
void collect(const SyscallGroup& group, std::vector<int>& numbers) {
  for (const auto word : group.contents) {
    if (const auto number = syscall_number(word)) {
      numbers.push_back(*number);
    } else if (const auto* inner = find_group(word)) {
      collect(*inner, numbers);
    }
  }
}

}  // namespace

std::optional<int> syscall_number(std::string_view name) {
  for (const auto& entry : numbered_names()) {
    if (entry.name == name) return entry.number;
  }
  return std::nullopt;
}

std::string_view syscall_name(int number) {
  const auto names = numbered_names();
  const auto found = std::ranges::lower_bound(names, number, {}, &NumberedName::number);
  return found != names.end() && found->number == number ? found->name : std::string_view();
}

std::optional<std::vector<int>> syscalls_of(std::string_view word) {
  std::vector<int> numbers;
  if (const auto number = syscall_number(word)) {
    numbers.push_back(*number);
    return numbers;
  }
  const auto* group = find_group(word);
  if (group == nullptr) return std::nullopt;
  collect(*group, numbers);
  std::ranges::sort(numbers);
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

}  // namespace warder::policy
