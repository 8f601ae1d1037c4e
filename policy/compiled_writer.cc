#include "policy/compiled_writer.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <type_traits>

#include "policy/core/compiled_format.h"
#include "policy/name_tokens.h"
#include "policy/pattern.h"
#include "policy/pattern_trie.h"

namespace warder::policy {
namespace {

using format::Range;

class Writer {
 public:
  Writer() : bytes_(sizeof(format::Header)) {}

  Result<std::vector<std::byte>> write(const CompiledPlan& plan);

 private:
  template <class T>
  Range put(const std::vector<T>& elements) {
    static_assert(std::is_trivially_copyable_v<T>);
    return put_bytes(elements.data(), elements.size() * sizeof(T), elements.size());
  }
  Range put_bytes(const void* data, std::size_t size, std::size_t count) {
    if (count == 0) return {};
    bytes_.resize((bytes_.size() + format::alignment - 1) / format::alignment * format::alignment);
    const Range range{static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(count)};
    bytes_.resize(bytes_.size() + size);
    std::memcpy(bytes_.data() + range.offset, data, size);
    return range;
  }
  /// Equal texts are written once; texts need no alignment.
  Range text(const std::string& text) {
    if (text.empty()) return {};
    const auto [known, fresh] = texts_.try_emplace(text);
    if (fresh) {
      known->second = {static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(text.size())};
      const auto* data = reinterpret_cast<const std::byte*>(text.data());
      bytes_.insert(bytes_.end(), data, data + text.size());
    }
    return known->second;
  }
  format::Place place(const Source& source) { return {text(source.file ? *source.file : "builtin"), source.line}; }

  Result<format::Trie> trie(const TrieBuilder& builder, const std::vector<format::Entry>& entries);
  Result<format::Trie> paths(const CompiledRules& rules);
  Result<format::AddressList> addresses(const std::optional<std::vector<AddressRule>>& rules, const Source& section);
  Result<format::AddressEntry> address(const AddressRule& rule);
  Result<format::RuleSet> rule_set(const CompiledRules& rules);

  std::vector<std::byte> bytes_;
  std::map<std::string, Range> texts_;
};

Result<format::Trie> Writer::trie(const TrieBuilder& builder, const std::vector<format::Entry>& entries) {
  const TrieTables tables = WARDER_TRY(builder.finish());
  std::vector<format::Edge> edges;
  edges.reserve(tables.edges.size());
  for (const auto& edge : tables.edges) edges.push_back({edge.parent, edge.kind, text(edge.text), edge.target});
  format::Trie written;
  written.nodes = put(tables.nodes);
  written.edges = put(edges);
  written.slots = put(tables.slots);
  written.globs = put(tables.globs);
  written.tokens = put(tables.tokens);
  written.classes = put(tables.classes);
  written.lengths = put(tables.lengths);
  written.entries = put(entries);
  written.deep_count = tables.deep_count;
  written.state_bound = tables.state_bound;
  return written;
}

Result<format::Trie> Writer::paths(const CompiledRules& rules) {
  TrieBuilder builder;
  std::vector<format::Entry> entries;
  for (const auto& entry : *rules.paths) {
    const auto number = static_cast<std::uint32_t>(entries.size());
    for (const auto& pattern : entry.patterns) {
      if (auto added = builder.add(pattern, number); !added) return error_at(entry.source, added.error().text());
      if (!entry.hide) continue;
      // What is hidden hides all that lies below it.
      for (const auto& one : expand_braces(pattern)) {
        if (one.ends_with("/**")) continue;
        if (auto added = builder.add(one == "/" ? "/**" : one + "/**", number); !added) {
          return error_at(entry.source, added.error().text());
        }
      }
    }
    entries.push_back({entry.hide ? 0 : entry.allow.bits(), entry.hide ? 0 : entry.audit.bits(), entry.error.value_or(0),
                       entry.hide ? 1U : 0U, format::none, place(entry.source)});
  }
  auto written = trie(builder, entries);
  if (!written) return error_at(rules.paths_source, "paths: " + written.error().text());
  return written;
}

Result<format::AddressEntry> Writer::address(const AddressRule& rule) {
  format::AddressEntry entry;
  entry.transport = static_cast<std::uint32_t>(rule.transport);
  entry.allow = rule.allow ? 1 : 0;
  entry.any_address = rule.any_address ? 1 : 0;
  entry.ipv6 = rule.ipv6 ? 1 : 0;
  entry.prefix = rule.prefix;
  entry.port_low = rule.port_low;
  entry.port_high = rule.port_high;
  std::ranges::copy(rule.address, entry.address);
  entry.place = place(rule.source);
  if (rule.transport == Transport::unix_path) {
    entry.kind = format::AddressKind::path;
  } else if (rule.transport == Transport::unix_abstract) {
    entry.kind = format::AddressKind::abstract;
  } else if (!rule.name.empty()) {
    entry.host = text(rule.name);
  }
  return entry;
}

Result<format::AddressList> Writer::addresses(const std::optional<std::vector<AddressRule>>& rules, const Source& section) {
  format::AddressList list;
  list.section = place(section);
  if (!rules) return list;
  list.present = 1;
  TrieBuilder builder;
  std::vector<format::AddressEntry> written;
  std::vector<format::Entry> entries;
  for (const auto& rule : *rules) {
    format::AddressEntry entry = WARDER_TRY(address(rule));
    const auto number = static_cast<std::uint32_t>(written.size());
    if (rule.transport == Transport::unix_path) {
      const auto path_number = static_cast<std::uint32_t>(entries.size());
      if (auto added = builder.add(rule.name, path_number); !added) return error_at(rule.source, added.error().text());
      entries.push_back({rule.allow ? 1U : 0U, 0, 0, 0, number, place(rule.source)});
    }
    if (rule.transport == Transport::unix_abstract) {
      // Each alternative is a line of its own with the same meaning.
      for (const auto& one : expand_braces(rule.name)) {
        const auto tokens = name_tokens(one);
        if (tokens.size() > format::max_name_tokens) return error_at(rule.source, "'" + rule.text + "' is too long");
        entry.tokens = put(tokens);
        written.push_back(entry);
      }
      continue;
    }
    written.push_back(entry);
  }
  auto paths = trie(builder, entries);
  if (!paths) return error_at(section, "unix addresses: " + paths.error().text());
  list.paths = *paths;
  list.rules = put(written);
  return list;
}

Result<format::RuleSet> Writer::rule_set(const CompiledRules& rules) {
  format::RuleSet set;
  set.mode = static_cast<std::uint32_t>(rules.mode);
  set.action = static_cast<std::uint32_t>(rules.on_deny.action);
  set.on_deny_error = rules.on_deny.error.value_or(0);
  set.paths_section = place(rules.paths_source);
  set.families_section = place(rules.network.families_source);
  set.whole = place(rules.whole);
  set.builtin = place(Source{});
  set.refuses_undivided = rules.refuses_undivided ? 1 : 0;
  set.refuses_unaddressed = rules.refuses_unaddressed ? 1 : 0;
  if (rules.paths) {
    set.has_paths = 1;
    set.paths = WARDER_TRY(paths(rules));
  }
  set.connect = WARDER_TRY(addresses(rules.network.connect, rules.network.connect_source));
  set.bind = WARDER_TRY(addresses(rules.network.bind, rules.network.bind_source));
  if (rules.network.families) {
    set.has_families = 1;
    set.families = put(std::vector<std::int32_t>(rules.network.families->begin(), rules.network.families->end()));
  }
  std::vector<format::SyscallEntry> refusals;
  for (const auto& refusal : rules.refusals) {
    refusals.push_back({refusal.number, refusal.error, static_cast<std::uint32_t>(refusal.action), refusal.always ? 1U : 0U,
                        place(refusal.source)});
  }
  std::ranges::sort(refusals, {}, &format::SyscallEntry::number);
  set.syscalls = put(refusals);
  return set;
}

Result<std::vector<std::byte>> Writer::write(const CompiledPlan& plan) {
  format::Header header;
  header.magic = format::magic;
  header.version = format::version;
  header.name = text(plan.name);
  header.hash = text(plan.hash);
  header.mode = static_cast<std::uint32_t>(plan.rules.back().mode);
  header.decides_paths = plan.decides_paths ? 1 : 0;
  header.decides_network = plan.decides_network ? 1 : 0;
  header.hides = plan.hides ? 1 : 0;
  header.checks_exec = plan.checks_exec ? 1 : 0;
  header.needs_listener = plan.needs_listener ? 1 : 0;
  header.names_hosts = plan.names_hosts ? 1 : 0;
  std::vector<format::RuleSet> sets;
  for (const auto& rules : plan.rules) sets.push_back(WARDER_TRY(rule_set(rules)));
  header.rule_sets = put(sets);
  header.filter = put(plan.filter);
  header.handled_fs = plan.handled_fs;
  header.handled_net = plan.handled_net;
  header.scoped = plan.scoped;
  std::vector<format::LandlockPath> paths;
  for (const auto& rule : plan.landlock_paths) paths.push_back({text(rule.path), rule.optional ? 1U : 0U, 0, rule.access});
  header.landlock_paths = put(paths);
  std::vector<format::LandlockPort> ports;
  for (const auto& rule : plan.landlock_ports) ports.push_back({rule.port, 0, rule.access});
  header.landlock_ports = put(ports);
  std::vector<Range> read_only;
  for (const auto& path : plan.read_only) read_only.push_back(text(path));
  header.read_only = put(read_only);
  std::vector<format::ExecMount> exec_mounts;
  for (const auto& mount : plan.exec_mounts) {
    exec_mounts.push_back({text(mount.path), mount.executable ? 1U : 0U, mount.name_alone ? 1U : 0U, mount.keeps_link ? 1U : 0U,
                           mount.to_be_made ? 1U : 0U, mount.may_be_absent ? 1U : 0U, 0});
  }
  header.exec_mounts = put(exec_mounts);
  header.capability_ceiling = plan.capability_ceiling;
  if (bytes_.size() > format::max_size) return Error::user("the compiled profile would be larger than 256 MiB");
  header.size = static_cast<std::uint32_t>(bytes_.size());
  std::memcpy(bytes_.data(), &header, sizeof(header));
  return std::move(bytes_);
}

}  // namespace

Error error_at(const Source& source, const std::string& text) {
  std::string where = source.file ? *source.file : "builtin";
  if (source.line != 0) where += ":" + std::to_string(source.line) + ":" + std::to_string(source.column);
  return Error::user(where + ": " + text);
}

Result<std::vector<std::byte>> write_compiled(const CompiledPlan& plan) { return Writer().write(plan); }

}  // namespace warder::policy
