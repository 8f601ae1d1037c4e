#include "policy/core/compiled_lines.h"

#include <algorithm>
#include <tuple>

#include "policy/core/compiled_format.h"

namespace warder::policy {

std::vector<Origin> lines_of(const Compiled& policy) {
  const std::byte* block = policy.block().data();
  std::vector<Origin> lines;
  const auto add = [&](const format::Place& place) {
    if (place.line != 0) lines.push_back({format::text(block, place.file), place.line});
  };
  const auto& header = *reinterpret_cast<const format::Header*>(block);
  for (const auto& rules : format::elements<format::RuleSet>(block, header.rule_sets)) {
    for (const auto& entry : format::elements<format::Entry>(block, rules.paths.entries)) add(entry.place);
    for (const auto* list : {&rules.connect, &rules.bind}) {
      for (const auto& entry : format::elements<format::AddressEntry>(block, list->rules)) add(entry.place);
    }
  }
  const auto key = [](const Origin& line) { return std::tie(line.file, line.line); };
  std::ranges::sort(lines, {}, key);
  const auto twice = std::ranges::unique(lines, {}, key);
  lines.erase(twice.begin(), twice.end());
  return lines;
}

}  // namespace warder::policy
