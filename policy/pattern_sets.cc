#include "policy/pattern_sets.h"

#include <algorithm>
#include <bitset>
#include <set>
#include <vector>

#include "policy/pattern.h"

namespace warder::policy {
namespace {

using State = std::vector<PatternPosition>;
constexpr std::size_t most_states = 20000;

void add_patterns(State& state, std::string_view pattern) {
  for (const auto& one : expand_braces(pattern)) state.emplace_back(one);
}

bool any_matches(const State& state, std::size_t begin, std::size_t end) {
  return std::any_of(state.begin() + static_cast<std::ptrdiff_t>(begin), state.begin() + static_cast<std::ptrdiff_t>(end),
                     [](const PatternPosition& position) { return position.matches(); });
}

enum class Walk { found, not_found, too_many };

/// Visits every state that some canonical path reaches, until `found` holds; leaves out where `hopeless` holds.
template <class Found, class Hopeless>
Walk walk(const State& start, const std::string& alphabet, const Found& found, const Hopeless& hopeless) {
  using Step = std::pair<State, bool>;  // the flag: the last byte was a slash, so the name is not complete
  std::set<Step> seen{{start, false}};
  std::vector<Step> open{{start, false}};
  while (!open.empty()) {
    const auto [state, after_slash] = std::move(open.back());
    open.pop_back();
    if (!after_slash && found(state)) return Walk::found;
    if (seen.size() > most_states) return Walk::too_many;
    for (const char byte : alphabet) {
      if (byte == '/' && after_slash) continue;
      Step next{state, byte == '/'};
      for (auto& position : next.first) position.feed(byte);
      if (!hopeless(next.first) && seen.insert(next).second) open.push_back(std::move(next));
    }
  }
  return Walk::not_found;
}

bool all_dead(const State& state, std::size_t begin, std::size_t end) {
  return std::all_of(state.begin() + static_cast<std::ptrdiff_t>(begin), state.begin() + static_cast<std::ptrdiff_t>(end),
                     [](const PatternPosition& position) { return position.dead(); });
}

}  // namespace

std::string telling_bytes(std::span<const std::string> patterns) {
  std::bitset<256> bytes;
  bytes.set('/').set('x');
  for (const auto& pattern : patterns) {
    for (const char byte : pattern) {
      const auto value = static_cast<unsigned char>(byte);
      for (const int near : {value - 1, value + 0, value + 1}) {
        if (near > 0 && near < 256) bytes.set(static_cast<std::size_t>(near));
      }
    }
  }
  std::string all;
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    if (bytes.test(i)) all += static_cast<char>(i);
  }
  return all;
}

bool patterns_overlap(std::string_view a, std::string_view b) {
  State state;
  add_patterns(state, a);
  const std::size_t split = state.size();
  add_patterns(state, b);
  const std::vector<std::string> both = {std::string(a), std::string(b)};
  const auto found = [&](const State& s) { return any_matches(s, 0, split) && any_matches(s, split, s.size()); };
  const auto hopeless = [&](const State& s) { return all_dead(s, 0, split) || all_dead(s, split, s.size()); };
  return walk(state, telling_bytes(both), found, hopeless) != Walk::not_found;
}

bool patterns_cover(std::span<const std::string> others, std::string_view pattern) {
  if (others.empty()) return false;
  State state;
  add_patterns(state, pattern);
  const std::size_t split = state.size();
  std::vector<std::string> all = {std::string(pattern)};
  for (const auto& other : others) {
    add_patterns(state, other);
    all.push_back(other);
  }
  const auto uncovered = [&](const State& s) { return any_matches(s, 0, split) && !any_matches(s, split, s.size()); };
  const auto hopeless = [&](const State& s) { return all_dead(s, 0, split); };
  return walk(state, telling_bytes(all), uncovered, hopeless) == Walk::not_found;
}

}  // namespace warder::policy
