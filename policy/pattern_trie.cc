#include "policy/pattern_trie.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <span>
#include <unordered_map>
#include <utility>

#include "policy/core/matcher.h"
#include "policy/name_tokens.h"
#include "policy/pattern.h"

namespace warder::policy {

namespace {

using format::none;

enum class GlobKind : std::uint8_t { byte, any, byte_class, star, across };
struct GlobToken {
  GlobKind kind = GlobKind::byte;
  unsigned char byte = 0;
  std::array<std::uint64_t, 4> bits{};
  friend auto operator<=>(const GlobToken&, const GlobToken&) = default;
};
using Tokens = std::vector<GlobToken>;

/// The tokens of one component, from `at` to the next slash or the end.
Tokens read_component(std::string_view pattern, std::size_t& at) {
  Tokens tokens;
  while (at < pattern.size() && pattern[at] != '/') {
    const std::string_view rest = pattern.substr(at);
    if (rest.starts_with("**")) {
      tokens.push_back({GlobKind::across, 0, {}});
      at += 2;
    } else if (rest[0] == '*') {
      if (tokens.empty() || tokens.back().kind != GlobKind::star) tokens.push_back({GlobKind::star, 0, {}});
      ++at;
    } else if (rest[0] == '?') {
      tokens.push_back({GlobKind::any, 0, {}});
      ++at;
    } else if (rest[0] == '[') {
      const auto bytes = read_class(pattern, at);
      GlobToken token{GlobKind::byte_class, 0, {}};
      std::ranges::copy(bytes.bits, token.bits.begin());
      tokens.push_back(token);
    } else {
      if (rest[0] == '\\' && rest.size() > 1) ++at;
      tokens.push_back({GlobKind::byte, static_cast<unsigned char>(pattern[at]), {}});
      ++at;
    }
  }
  return tokens;
}

std::string bytes_of(std::span<const GlobToken> tokens) {
  std::string text;
  for (const auto& token : tokens) text += static_cast<char>(token.byte);
  return text;
}
bool all_bytes(std::span<const GlobToken> tokens) {
  return std::ranges::all_of(tokens, [](const auto& token) { return token.kind == GlobKind::byte; });
}

}  // namespace

/// One step of a pattern from the root: a component, or `/**/`.
struct TrieBuilder::Part {
  bool deep = false;
  Tokens tokens;
};

struct TrieBuilder::Node {
  std::uint32_t exact = none;
  std::uint32_t tree = none;
  std::uint32_t deep = none;
  bool is_deep = false;
  std::array<std::unordered_map<std::string, std::uint32_t>, 3> edges;  ///< by format::EdgeKind
  std::map<Tokens, std::uint32_t> globs;
};

TrieBuilder::TrieBuilder() { nodes_.emplace_back(); }
TrieBuilder::~TrieBuilder() = default;

// A component becomes the cheapest kind of child that can stand for it.
std::uint32_t& TrieBuilder::child_slot(std::uint32_t parent, const Part& part) {
  auto& node = nodes_[parent];
  if (part.deep) return node.deep;
  const std::span<const GlobToken> tokens = part.tokens;
  const auto edge = [&](format::EdgeKind kind, std::span<const GlobToken> fixed) -> std::uint32_t& {
    return node.edges[static_cast<std::size_t>(kind)].try_emplace(bytes_of(fixed), none).first->second;
  };
  if (all_bytes(tokens)) return edge(format::EdgeKind::literal, tokens);
  if (tokens.front().kind == GlobKind::star && all_bytes(tokens.subspan(1))) {
    return edge(format::EdgeKind::suffix, tokens.subspan(1));
  }
  if (tokens.back().kind == GlobKind::star && all_bytes(tokens.first(tokens.size() - 1))) {
    return edge(format::EdgeKind::prefix, tokens.first(tokens.size() - 1));
  }
  return node.globs.try_emplace(part.tokens, none).first->second;
}

void TrieBuilder::add_parts(const std::vector<Part>& parts, std::uint32_t entry, bool tree) {
  std::uint32_t at = 0;
  for (const auto& part : parts) {
    const std::uint32_t known = child_slot(at, part);
    if (known != none) {
      at = known;
      continue;
    }
    const auto child = static_cast<std::uint32_t>(nodes_.size());
    child_slot(at, part) = child;
    nodes_.emplace_back().is_deep = part.deep;
    at = child;
  }
  (tree ? nodes_[at].tree : nodes_[at].exact) = entry;
}

namespace {

/// More `**` inside names than this would write a pattern out too often.
constexpr int max_across = 4;

}  // namespace

// `a**b` is `a*b`, and also `a*`, any number of components, `*b`: both are added.
void TrieBuilder::add_expanded(std::vector<Part> parts, std::size_t from, std::uint32_t entry, bool tree) {
  for (std::size_t i = from; i < parts.size(); ++i) {
    const auto across = std::ranges::find(parts[i].tokens, GlobKind::across, &GlobToken::kind);
    if (parts[i].deep || across == parts[i].tokens.end()) continue;
    const GlobToken star{GlobKind::star, 0, {}};
    const auto joined = [&star](Tokens tokens) {
      const auto both_stars = [&](const auto& a, const auto& b) { return a == star && b == star; };
      tokens.erase(std::unique(tokens.begin(), tokens.end(), both_stars), tokens.end());
      return tokens;
    };
    Tokens before(parts[i].tokens.begin(), across);
    Tokens after(across + 1, parts[i].tokens.end());
    before.push_back(star);
    after.insert(after.begin(), star);

    std::vector<Part> inside = parts;
    inside[i].tokens.assign(before.begin(), before.end());
    inside[i].tokens.insert(inside[i].tokens.end(), after.begin() + 1, after.end());
    inside[i].tokens = joined(inside[i].tokens);
    add_expanded(std::move(inside), i, entry, tree);

    parts[i].tokens = joined(std::move(before));
    const std::vector<Part> tail{{true, {}}, {false, joined(std::move(after))}};
    parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(i) + 1, tail.begin(), tail.end());
    add_expanded(std::move(parts), i + 2, entry, tree);
    return;
  }
  add_parts(parts, entry, tree);
}

Result<void> TrieBuilder::add(std::string_view pattern, std::uint32_t entry) {
  for (const auto& one : expand_braces(pattern)) {
    std::vector<Part> parts;
    bool tree = false;
    long across = 0;
    for (std::size_t at = 0; at < one.size() && one != "/";) {
      const std::string_view rest = std::string_view(one).substr(at);
      if (rest == "/**") {
        tree = true;
        break;
      }
      if (rest.starts_with("/**/")) {
        parts.push_back({true, {}});
        at += 3;
        continue;
      }
      ++at;
      parts.push_back({false, read_component(one, at)});
      across += std::ranges::count(parts.back().tokens, GlobKind::across, &GlobToken::kind);
    }
    if (across > max_across) {
      return Error::user("'" + std::string(pattern) + "' crosses components inside more than " + std::to_string(max_across) +
                         " names; write '/**/' between whole names instead");
    }
    add_expanded(std::move(parts), 0, entry, tree);
  }
  return {};
}

void TrieBuilder::add_literal(std::string_view path, std::uint32_t entry) {
  std::vector<Part> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    Tokens tokens;
    for (const char byte : path.substr(0, slash)) tokens.push_back({GlobKind::byte, static_cast<unsigned char>(byte), {}});
    if (!tokens.empty()) parts.push_back({false, std::move(tokens)});
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  add_parts(parts, entry, false);
}

// Numbers the nodes depth first and writes the tables.
class TrieFinisher {
 public:
  explicit TrieFinisher(const std::vector<TrieBuilder::Node>& nodes) : nodes_(nodes), numbers_(nodes.size()) {}

  TrieTables finish() {
    const Widths root = visit(0);
    std::size_t bound = deep_bound_;
    if (!root.empty()) bound += *std::ranges::max_element(root);
    tables_.state_bound = static_cast<std::uint32_t>(std::min<std::size_t>(bound, none));
    for (std::size_t number = 0; number < order_.size(); ++number) write_children(static_cast<std::uint32_t>(number));
    write_slots();
    return std::move(tables_);
  }

 private:
  // widths[d]: how many nodes d components below this one can be active at once, counted from one arrival here, those behind
  // `/**/` apart. Of the children that are found by hashing only one of each length can match the same component.
  using Widths = std::vector<std::size_t>;

  Widths visit(std::uint32_t old) {
    const auto& node = nodes_[old];
    const auto number = static_cast<std::uint32_t>(tables_.nodes.size());
    numbers_[old] = number;
    order_.push_back(old);
    tables_.nodes.emplace_back();
    Widths widths{1};
    for (const auto kind : {format::EdgeKind::literal, format::EdgeKind::suffix, format::EdgeKind::prefix}) {
      std::map<std::size_t, Widths> by_length;
      for (const auto& [text, child] : node.edges[static_cast<std::size_t>(kind)]) {
        auto& most = by_length[kind == format::EdgeKind::literal ? 0 : text.size()];
        const Widths below = visit(child);
        if (most.size() < below.size()) most.resize(below.size());
        for (std::size_t depth = 0; depth < below.size(); ++depth) most[depth] = std::max(most[depth], below[depth]);
      }
      for (const auto& [length, below] : by_length) add_below(widths, below);
    }
    for (const auto& [tokens, child] : node.globs) add_below(widths, visit(child));
    if (node.deep != none) {
      // A node behind `/**/` stays active and is arrived at with every component: all its depths at once.
      for (const auto width : visit(node.deep)) deep_bound_ += width;
    }
    auto& written = tables_.nodes[number];
    written.exact = node.exact;
    written.tree = node.tree;
    written.deep = node.deep == none ? none : numbers_[node.deep];
    if (node.is_deep) written.deep_index = tables_.deep_count++;
    written.subtree_end = static_cast<std::uint32_t>(tables_.nodes.size());
    return widths;
  }

  static void add_below(Widths& widths, const Widths& below) {
    if (widths.size() < below.size() + 1) widths.resize(below.size() + 1);
    for (std::size_t depth = 0; depth < below.size(); ++depth) widths[depth + 1] += below[depth];
  }

  void write_children(std::uint32_t number) {
    const auto& node = nodes_[order_[number]];
    auto& written = tables_.nodes[number];
    written.first_edge = static_cast<std::uint32_t>(tables_.edges.size());
    written.first_length = static_cast<std::uint32_t>(tables_.lengths.size());
    for (const auto kind : {format::EdgeKind::literal, format::EdgeKind::suffix, format::EdgeKind::prefix}) {
      std::vector<std::uint32_t> lengths;
      for (const auto& [text, child] : node.edges[static_cast<std::size_t>(kind)]) {
        tables_.edges.push_back({number, kind, text, numbers_[child]});
        lengths.push_back(static_cast<std::uint32_t>(text.size()));
      }
      if (kind == format::EdgeKind::literal) continue;
      std::ranges::sort(lengths);
      lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
      tables_.lengths.insert(tables_.lengths.end(), lengths.begin(), lengths.end());
      (kind == format::EdgeKind::suffix ? written.suffix_lengths : written.prefix_lengths) =
          static_cast<std::uint32_t>(lengths.size());
    }
    written.edge_count = static_cast<std::uint32_t>(tables_.edges.size()) - written.first_edge;
    written.first_glob = static_cast<std::uint32_t>(tables_.globs.size());
    for (const auto& [tokens, child] : node.globs) write_glob(tokens, numbers_[child]);
    written.glob_count = static_cast<std::uint32_t>(tables_.globs.size()) - written.first_glob;
  }

  void write_glob(const Tokens& tokens, std::uint32_t target) {
    const auto first = static_cast<std::uint32_t>(tables_.tokens.size());
    for (const auto& token : tokens) {
      switch (token.kind) {
        case GlobKind::byte:
          tables_.tokens.push_back({format::TokenKind::byte, token.byte});
          break;
        case GlobKind::any:
          tables_.tokens.push_back({format::TokenKind::any, 0});
          break;
        case GlobKind::across:
        case GlobKind::star:
          tables_.tokens.push_back({format::TokenKind::star, 0});
          break;
        case GlobKind::byte_class:
          tables_.tokens.push_back({format::TokenKind::byte_class, class_index(token.bits)});
          break;
      }
    }
    tables_.globs.push_back({first, static_cast<std::uint32_t>(tokens.size()), target});
  }

  std::uint16_t class_index(const std::array<std::uint64_t, 4>& bits) {
    const auto [found, fresh] = classes_.try_emplace(bits, static_cast<std::uint16_t>(tables_.classes.size()));
    if (fresh) {
      format::ByteClass written;
      std::ranges::copy(bits, written.bits);
      tables_.classes.push_back(written);
    }
    return found->second;
  }

  void write_slots() {
    if (tables_.edges.empty()) return;
    tables_.slots.assign(std::bit_ceil(tables_.edges.size() * 2), none);
    const std::size_t mask = tables_.slots.size() - 1;
    for (std::size_t i = 0; i < tables_.edges.size(); ++i) {
      const auto& edge = tables_.edges[i];
      std::size_t at = format::hash_edge(edge.parent, edge.kind, format::hash_bytes(edge.text)) & mask;
      while (tables_.slots[at] != none) at = (at + 1) & mask;
      tables_.slots[at] = static_cast<std::uint32_t>(i);
    }
  }

  const std::vector<TrieBuilder::Node>& nodes_;
  std::vector<std::uint32_t> numbers_;  ///< of a builder's node
  std::vector<std::uint32_t> order_;    ///< the builder's node of a number
  std::map<std::array<std::uint64_t, 4>, std::uint16_t> classes_;
  std::size_t deep_bound_ = 0;
  TrieTables tables_;
};

Result<TrieTables> TrieBuilder::finish() const {
  TrieTables tables = TrieFinisher(nodes_).finish();
  if (tables.state_bound > max_states || tables.classes.size() > 0xffff) {
    return Error::user("too many patterns can match one path at once (" + std::to_string(tables.state_bound) + ", at most " +
                       std::to_string(max_states) + "); use fewer patterns with '*' in the middle of names or '/**/' inside");
  }
  return tables;
}

}  // namespace warder::policy
