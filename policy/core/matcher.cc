#include "policy/core/matcher.h"

namespace warder::policy {

using format::EdgeKind;
using format::none;

std::uint32_t TrieView::find(std::uint32_t parent, EdgeKind kind, std::string_view bytes, std::uint64_t hash) const {
  const auto slots = format::elements<std::uint32_t>(block_, trie_->slots);
  if (slots.empty()) return none;
  const std::size_t mask = slots.size() - 1;
  const auto all = edges();
  std::size_t at = format::hash_edge(parent, kind, hash) & mask;
  for (std::size_t tries = 0; tries < slots.size(); ++tries, at = (at + 1) & mask) {
    if (slots[at] == none) return none;
    const auto& edge = all[slots[at]];
    if (edge.parent == parent && edge.kind == kind && text(edge.text) == bytes) return edge.target;
  }
  return none;
}

bool TrieView::glob_matches(const format::Glob& glob, std::string_view component) const {
  const auto tokens = format::elements<format::Token>(block_, trie_->tokens).subspan(glob.first_token, glob.token_count);
  const auto classes = format::elements<format::ByteClass>(block_, trie_->classes);
  const auto matches_one = [&](const format::Token& token, char byte) {
    const auto value = static_cast<unsigned char>(byte);
    switch (token.kind) {
      case format::TokenKind::byte:
        return token.value == value;
      case format::TokenKind::any:
        return true;
      case format::TokenKind::byte_class:
        return (classes[token.value].bits[value / 64] >> (value % 64) & 1) != 0;
      case format::TokenKind::star:
        break;
    }
    return false;
  };
  // Only the last star needs to be tried again: what an earlier one takes more, the later one can give back.
  std::size_t token = 0;
  std::size_t at = 0;
  std::size_t star = tokens.size();
  std::size_t star_at = 0;
  while (at < component.size()) {
    if (token < tokens.size() && tokens[token].kind == format::TokenKind::star) {
      star = token++;
      star_at = at;
    } else if (token < tokens.size() && matches_one(tokens[token], component[at])) {
      ++token;
      ++at;
    } else if (star < tokens.size()) {
      token = star + 1;
      at = ++star_at;
    } else {
      return false;
    }
  }
  while (token < tokens.size() && tokens[token].kind == format::TokenKind::star) ++token;
  return token == tokens.size();
}

Walk::Walk(TrieView trie) : trie_(trie) {
  if (trie_.empty()) return;
  enter(0);
}

void Walk::append(std::uint32_t node) {
  if (count_ == max_states) {
    overflowed_ = true;
    return;
  }
  states_[current_][count_++] = node;
  const auto& entered = trie_.node(node);
  exact_ = latest(exact_, entered.exact);
  below_or_here_ = latest(below_or_here_, entered.tree);
}

// `/**/` may stand for nothing, so the node behind it becomes active together with the one before it.
void Walk::enter(std::uint32_t node) {
  append(node);
  const std::uint32_t deep = trie_.node(node).deep;
  if (deep == none) return;
  const std::uint32_t index = trie_.node(deep).deep_index;
  if (index >= max_states) {
    overflowed_ = true;
    return;
  }
  auto& word = deep_seen_[index / 64];
  const std::uint64_t bit = 1ULL << (index % 64);
  if ((word & bit) != 0) return;
  word |= bit;
  append(deep);
}

void Walk::children_of(std::uint32_t parent, std::string_view component, std::uint64_t hash) {
  const auto& node = trie_.node(parent);
  if (node.edge_count != 0) {
    if (const auto child = trie_.find(parent, EdgeKind::literal, component, hash); child != none) enter(child);
    const auto lengths = trie_.lengths().subspan(node.first_length, node.suffix_lengths + node.prefix_lengths);
    for (std::uint32_t i = 0; i < lengths.size(); ++i) {
      if (lengths[i] > component.size()) continue;
      const bool suffix = i < node.suffix_lengths;
      const auto part = suffix ? component.substr(component.size() - lengths[i]) : component.substr(0, lengths[i]);
      const auto kind = suffix ? EdgeKind::suffix : EdgeKind::prefix;
      if (const auto child = trie_.find(parent, kind, part, format::hash_bytes(part)); child != none) enter(child);
    }
  }
  const auto globs = trie_.globs().subspan(node.first_glob, node.glob_count);
  for (const auto& glob : globs) {
    if (trie_.glob_matches(glob, component)) enter(glob.target);
  }
}

void Walk::step(std::string_view component) {
  const auto before = active();
  current_ ^= 1U;
  count_ = 0;
  exact_ = none;
  below_ = below_or_here_;
  // Behind `/**/` any component may follow, so those nodes stay; an exact match there needs a child.
  for (const auto node : before) {
    if (trie_.node(node).deep_index != none && count_ < max_states) states_[current_][count_++] = node;
  }
  const std::uint64_t hash = format::hash_bytes(component);
  for (const auto node : before) children_of(node, component, hash);
}

void Walk::descend(std::string_view path) {
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const auto component = path.substr(0, slash);
    if (!component.empty()) step(component);
    if (slash == std::string_view::npos) return;
    path.remove_prefix(slash + 1);
  }
}

namespace {

/// Entries that may decide below a directory, at most `most` of them.
class Hits {
 public:
  static constexpr std::size_t most = 512;
  /// All entries strictly below `node`; false where there are too many to look at.
  bool collect(TrieView trie, std::uint32_t node) {
    constexpr std::uint32_t most_nodes = 1U << 16;
    const std::uint32_t end = trie.node(node).subtree_end;
    if (end - node > most_nodes) return false;
    for (std::uint32_t below = node + 1; below < end; ++below) {
      const auto& found = trie.node(below);
      if (!add(found.exact) || !add(found.tree)) return false;
    }
    return true;
  }
  bool add(std::uint32_t entry) {
    if (entry == none) return true;
    for (std::size_t i = 0; i < count_; ++i) {
      if (entries_[i] == entry) return true;
    }
    if (count_ == most) return false;
    entries_[count_++] = entry;
    return true;
  }
  [[nodiscard]] std::span<const std::uint32_t> all() const { return {entries_.data(), count_}; }

 private:
  std::array<std::uint32_t, most> entries_;
  std::size_t count_ = 0;
};

bool has_children(TrieView trie, std::uint32_t node) { return trie.node(node).subtree_end > node + 1; }

bool contains(std::span<const std::uint32_t> nodes, std::uint32_t wanted) {
  for (const auto node : nodes) {
    if (node == wanted) return true;
  }
  return false;
}

/// Is what entry `to` gives more than what entry `from` gives? format::none gives nothing and hides nothing.
bool gives_more(TrieView trie, std::uint32_t to, std::uint32_t from) {
  const auto entry = [&](std::uint32_t index) { return index == none ? format::Entry() : trie.entries()[index]; };
  const auto after = entry(to);
  const auto before = entry(from);
  return (after.allow & ~before.allow) != 0 || (before.hide != 0 && after.hide == 0);
}

/// `none` is before every entry.
bool later(std::uint32_t a, std::uint32_t b) { return a != none && (b == none || a > b); }

}  // namespace

// At any path below, the old and the new name are each decided by the latest of: the covering entry, the hits of nodes that
// only that side has, and the hits of nodes that both sides have, which are the same for both. Every pair of deciders that can
// meet is compared; which of them do meet on a real path is not asked.
bool gains_below(TrieView trie, const Walk& from, const Walk& to) {
  if (trie.empty()) return false;
  if (from.overflowed() || to.overflowed()) return true;
  Hits only_from;
  Hits only_to;
  Hits common;
  for (const auto node : from.active()) {
    if (has_children(trie, node) && !contains(to.active(), node) && !only_from.collect(trie, node)) return true;
  }
  for (const auto node : to.active()) {
    if (has_children(trie, node) && !contains(from.active(), node) && !only_to.collect(trie, node)) return true;
  }
  const std::uint32_t old_cover = from.covering();
  const std::uint32_t new_cover = to.covering();
  if (only_from.all().empty() && only_to.all().empty() && old_cover == new_cover) return false;
  for (const auto node : from.active()) {
    if (has_children(trie, node) && contains(to.active(), node) && !common.collect(trie, node)) return true;
  }
  const auto deciders = [&](std::uint32_t cover, const Hits& own, const auto& judge) {
    if (judge(cover)) return true;
    for (const auto entry : own.all()) {
      if (later(entry, cover) && judge(entry)) return true;
    }
    return false;
  };
  return deciders(old_cover, only_from,
                  [&](std::uint32_t before) {
                    // A common hit decides the new name, and this one, being later, the old name.
                    for (const auto shared : common.all()) {
                      if (later(shared, new_cover) && later(before, shared) && gives_more(trie, shared, before)) return true;
                    }
                    return deciders(new_cover, only_to, [&](std::uint32_t after) { return gives_more(trie, after, before); });
                  }) ||
         deciders(new_cover, only_to, [&](std::uint32_t after) {
           for (const auto shared : common.all()) {
             if (later(shared, old_cover) && later(after, shared) && gives_more(trie, after, shared)) return true;
           }
           return false;
         });
}

}  // namespace warder::policy
