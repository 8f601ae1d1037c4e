#include "policy/core/compiled_check.h"

#include <linux/filter.h>

#include "policy/core/matcher.h"

namespace warder::policy {
namespace {

using format::none;
using format::Range;

class Checker {
 public:
  explicit Checker(std::span<const std::byte> block) : block_(block) {}

  [[nodiscard]] const char* fault() {
    if (block_.size() < sizeof(format::Header)) return "shorter than its header";
    if (block_.size() > format::max_size) return "too large";
    if (reinterpret_cast<std::uintptr_t>(block_.data()) % format::alignment != 0) return "not aligned";
    const auto& header = *reinterpret_cast<const format::Header*>(block_.data());
    if (header.magic != format::magic) return "not a compiled profile";
    if (header.version != format::version) return "of another version of warder";
    if (header.size != block_.size()) return "of another length than it says";
    const bool whole = text(header.name) && text(header.hash) && header.mode <= 2 && range<sock_filter>(header.filter) &&
                       range<format::LandlockPort>(header.landlock_ports) && header.rule_sets.count >= 1 &&
                       each<format::LandlockPath>(header.landlock_paths, [&](const auto& rule) { return text(rule.path); }) &&
                       each<format::ExecMount>(header.exec_mounts, [&](const auto& mount) { return text(mount.path); }) &&
                       each<Range>(header.read_only, [&](const auto& path) { return text(path); }) &&
                       each<format::RuleSet>(header.rule_sets, [&](const auto& rules) { return rule_set(rules); });
    return whole ? nullptr : "damaged";
  }

 private:
  template <class T>
  [[nodiscard]] bool range(Range range) const {
    return range.offset % alignof(T) == 0 && range.offset <= block_.size() &&
           range.count <= (block_.size() - range.offset) / sizeof(T);
  }
  [[nodiscard]] bool text(Range range) const { return this->range<char>(range); }
  template <class T>
  [[nodiscard]] std::span<const T> elements(Range range) const {
    return format::elements<T>(block_.data(), range);
  }
  template <class T, class Check>
  [[nodiscard]] bool each(Range where, const Check& check) const {
    if (!range<T>(where)) return false;
    for (const auto& element : elements<T>(where)) {
      if (!check(element)) return false;
    }
    return true;
  }
  [[nodiscard]] bool place(const format::Place& place) const { return text(place.file); }

  static bool inside(std::uint64_t first, std::uint64_t count, std::uint64_t size) { return first + count <= size; }
  static bool index(std::uint32_t value, std::uint32_t size) { return value == none || value < size; }

  [[nodiscard]] bool node(const format::Trie& trie, std::uint32_t number, const format::Node& node) const {
    return node.subtree_end > number && node.subtree_end <= trie.nodes.count && index(node.exact, trie.entries.count) &&
           index(node.tree, trie.entries.count) && (node.deep == none || child(trie, number, node.deep)) &&
           index(node.deep_index, trie.deep_count) && inside(node.first_edge, node.edge_count, trie.edges.count) &&
           inside(node.first_glob, node.glob_count, trie.globs.count) &&
           inside(node.first_length, static_cast<std::uint64_t>(node.suffix_lengths) + node.prefix_lengths, trie.lengths.count);
  }
  static bool child(const format::Trie& trie, std::uint32_t parent, std::uint32_t child) {
    return child > parent && child < trie.nodes.count;
  }

  [[nodiscard]] bool trie(const format::Trie& trie) const {
    if (!range<format::Node>(trie.nodes) || !range<std::uint32_t>(trie.slots) || !range<format::Token>(trie.tokens) ||
        !range<format::ByteClass>(trie.classes) || !range<std::uint32_t>(trie.lengths) || trie.deep_count > max_states ||
        trie.state_bound > max_states || (trie.slots.count & (trie.slots.count - 1)) != 0) {
      return false;
    }
    std::uint32_t number = 0;
    return each<format::Node>(trie.nodes, [&](const auto& one) { return node(trie, number++, one); }) &&
           each<format::Edge>(trie.edges,
                              [&](const auto& edge) {
                                return edge.parent < trie.nodes.count && child(trie, edge.parent, edge.target) && text(edge.text);
                              }) &&
           each<std::uint32_t>(trie.slots, [&](auto slot) { return index(slot, trie.edges.count); }) &&
           each<format::Glob>(trie.globs,
                              [&](const auto& glob) {
                                return glob.target != 0 && glob.target < trie.nodes.count &&
                                       inside(glob.first_token, glob.token_count, trie.tokens.count);
                              }) &&
           each<format::Token>(trie.tokens,
                               [&](const auto& token) {
                                 return token.kind <= format::TokenKind::star &&
                                        (token.kind != format::TokenKind::byte_class || token.value < trie.classes.count);
                               }) &&
           each<format::Entry>(trie.entries, [&](const auto& entry) { return place(entry.place); });
  }

  [[nodiscard]] bool addresses(const format::AddressList& list) const {
    const auto rule = [&](const format::AddressEntry& entry) {
      return place(entry.place) && text(entry.host) && entry.prefix <= (entry.ipv6 != 0 ? 128U : 32U) &&
             entry.kind <= format::AddressKind::abstract && entry.tokens.count <= format::max_name_tokens &&
             each<format::NameToken>(entry.tokens,
                                     [](const auto& token) { return token.kind <= format::NameTokenKind::tree_below; });
    };
    return place(list.section) && each<format::AddressEntry>(list.rules, rule) && trie(list.paths) &&
           each<format::Entry>(list.paths.entries, [&](const auto& entry) { return entry.rule < list.rules.count; });
  }

  [[nodiscard]] bool rule_set(const format::RuleSet& rules) const {
    return rules.mode <= 2 && rules.action <= 2 && trie(rules.paths) && place(rules.paths_section) && place(rules.whole) &&
           place(rules.builtin) && addresses(rules.connect) && addresses(rules.bind) && range<std::int32_t>(rules.families) &&
           place(rules.families_section) &&
           each<format::SyscallEntry>(rules.syscalls, [&](const auto& entry) { return entry.action <= 2 && place(entry.place); });
  }

  std::span<const std::byte> block_;
};

}  // namespace

const char* block_fault(std::span<const std::byte> block) { return Checker(block).fault(); }

}  // namespace warder::policy
