#include "policy/spelling.h"

#include <algorithm>
#include <numeric>

namespace warder::policy {
namespace {

char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Insertions, deletions, substitutions and swaps of neighbours that make `b` of `a`, without regard to case.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower_case(a[i - 1]) == lower_case(b[j - 1]);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> accepted) {
  if (word.empty() || word.size() > 64) return "";
  std::string_view best;
  std::size_t best_distance = word.size() / 3 + 2;
  for (const auto candidate : accepted) {
    const std::size_t d = distance(word, candidate);
    if (d < best_distance && d < candidate.size() && d < word.size()) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

std::string unknown_word(std::string_view what, std::string_view word, std::span<const std::string_view> accepted) {
  std::string text = "unknown " + std::string(what) + " '" + std::string(word) + "'; accepted: ";
  constexpr std::size_t most_words = 30;
  for (std::size_t i = 0; i < std::min(accepted.size(), most_words); ++i) {
    if (i > 0) text += ", ";
    text += accepted[i];
  }
  if (accepted.size() > most_words) text += ", …";
  if (const auto near = nearest_word(word, accepted); !near.empty()) text += "; did you mean '" + std::string(near) + "'?";
  return text;
}

}  // namespace warder::policy
