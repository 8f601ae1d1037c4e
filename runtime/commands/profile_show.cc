// `warder profile show NAME`: the merged profile as a profile, each line with its origin. What is printed can be read again.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "linux/facts.h"
#include "policy/address_text.h"
#include "policy/capability_names.h"
#include "runtime/commands/profile_verbs.h"
#include "runtime/commands/running_profile.h"
#include "runtime/commands/verb.h"
#include "runtime/state/container_state.h"

namespace warder::runtime {
namespace {

using policy::Profile;

/// What is known of one line beyond its text: who enforces it, how often it decided.
struct Known {
  std::string enforcers;
  const LineUsage* usage = nullptr;
};

/// Lines of YAML with the origin behind them as a comment, and in a running container who enforces them and what they did.
class Listing {
 public:
  Listing() = default;
  Listing(const policy::Lowered& lowered, const std::vector<LineUsage>& usage) {
    for (const auto& one : usage) known_[{one.file, one.line}].usage = &one;
    for (const auto& entry : lowered.entries) {
      if (!entry.source.file) continue;
      std::string& words = known_[{*entry.source.file, entry.source.line}].enforcers;
      words.clear();  // a line with several ports is several entries with the same enforcers
      for (const auto enforcer : entry.enforcers) {
        words += (words.empty() ? "" : ", ") + std::string(policy::enforcer_name(enforcer));
      }
    }
  }

  void line(const std::string& yaml) {
    text_ += yaml + "\n";
    json_.push_back({{"yaml", yaml}});
  }
  void line(const std::string& yaml, const policy::Source& source) {
    constexpr int comment_column = 60;
    nlohmann::json one{{"yaml", yaml}, {"origin", place(source)}};
    std::string comment = place(source);
    const auto found = known_.find({source.file ? *source.file : "builtin", source.line});
    if (found != known_.end()) {
      comment += describe(found->second);
      if (!found->second.enforcers.empty()) one["enforcers"] = found->second.enforcers;
      if (const LineUsage* usage = found->second.usage) one.update(numbers(*usage));
      found->second.usage = nullptr;  // a section and its only line may stand in the same line of the file
    }
    text_ += fmt::format("{:<{}}  # {}\n", yaml, comment_column, comment);
    json_.push_back(std::move(one));
  }
  /// Counters of lines that are no line of the listing: the hardening set, refusals by a section as a whole.
  void rest() {
    for (const auto& [where, known] : known_) {
      if (known.usage == nullptr) continue;
      const std::string name = where.second == 0 ? where.first : fmt::format("{}:{}", where.first, where.second);
      text_ += fmt::format("# {}{}\n", name, describe(known));
      nlohmann::json one{{"origin", name}};
      one.update(numbers(*known.usage));
      json_.push_back(std::move(one));
    }
  }
  [[nodiscard]] std::string text() const { return text_; }
  [[nodiscard]] const nlohmann::json& json() const { return json_; }

 private:
  static double mean_microseconds(const LineUsage& usage) {
    return usage.answers == 0 ? 0 : static_cast<double>(usage.nanoseconds) / static_cast<double>(usage.answers) / 1000;
  }
  static nlohmann::json numbers(const LineUsage& usage) {
    return {
        {"allowed", usage.allowed}, {"refused", usage.refused}, {"answers", usage.answers}, {"nanoseconds", usage.nanoseconds}};
  }
  static std::string describe(const Known& known) {
    std::string text = known.enforcers.empty() ? "" : "  [" + known.enforcers + "]";
    if (known.usage == nullptr) return text;
    text += fmt::format("  {} allowed, {} refused", known.usage->allowed, known.usage->refused);
    if (known.usage->answers > 0) text += fmt::format(", {:.1f} us each", mean_microseconds(*known.usage));
    return text;
  }

  std::map<std::pair<std::string, std::uint32_t>, Known> known_;
  std::string text_;
  nlohmann::json json_ = nlohmann::json::array();
};

/// A double-quoted YAML string.
std::string yaml_string(std::string_view text) {
  std::string all = "\"";
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') all += '\\';
    all += byte;
  }
  return all + "\"";
}

std::string errno_word(int error) {
  const char* name = strerrorname_np(error);
  return name != nullptr ? name : std::to_string(error);
}

/// `rwx`, or `[read, write]`.
std::string rights_yaml(policy::Rights rights) {
  const std::string words = policy::rights_text(rights);
  const bool list = words.find(',') != std::string::npos || policy::parse_right(words).has_value();
  return list ? "[" + words + "]" : words;
}

std::string entry_yaml(const policy::PathEntry& entry) {
  const std::string allow = entry.hide ? "hide" : rights_yaml(entry.allow);
  if (entry.audit.empty() && !entry.error && !entry.override_lower) return allow;
  std::string text = "{allow: " + allow;
  if (!entry.audit.empty()) text += ", audit: " + rights_yaml(entry.audit);
  if (entry.error) text += ", errno: " + errno_word(*entry.error);
  if (entry.override_lower) text += ", override: true";
  return text + "}";
}

void show_addresses(Listing& listing, std::string_view key, const std::optional<std::vector<policy::AddressRule>>& rules,
                    const policy::Source& section) {
  if (!rules) return;
  listing.line(fmt::format("  {}:{}", key, rules->empty() ? " []" : ""), section);
  const policy::AddressRule* before = nullptr;
  for (const auto& rule : *rules) {
    // A line with several ports became several rules.
    const bool same_line = before != nullptr && before->source.file == rule.source.file &&
                           before->source.line == rule.source.line && before->source.column == rule.source.column;
    before = &rule;
    if (same_line) continue;
    std::string yaml = yaml_string(rule.text);
    if (rule.override_lower) yaml += fmt::format(": {{verdict: {}, override: true}}", rule.allow ? "allow" : "deny");
    if (!rule.override_lower && !rule.allow && !rule.text.starts_with('!')) yaml += ": deny";
    listing.line("    - " + yaml, rule.source);
  }
}

void show_network(Listing& listing, const policy::Network& network) {
  if (!network.connect && !network.bind && !network.families) return;
  listing.line("network:");
  show_addresses(listing, "connect", network.connect, network.connect_source);
  show_addresses(listing, "bind", network.bind, network.bind_source);
  if (!network.families) return;
  std::string words;
  for (const int family : *network.families) words += (words.empty() ? "" : ", ") + policy::family_name(family);
  listing.line("  families: [" + words + "]", network.families_source);
}

void show_syscalls(Listing& listing, const std::vector<policy::SyscallRule>& rules) {
  if (rules.empty()) return;
  listing.line("syscalls:");
  for (const bool allow : {false, true}) {
    bool first = true;
    for (const auto& rule : rules) {
      if (rule.allow != allow) continue;
      if (first) listing.line(allow ? "  allow:" : "  deny:");
      first = false;
      listing.line("    - " + yaml_string(rule.word), rule.source);
    }
  }
}

void show_rest(Listing& listing, const Profile& profile) {
  if (profile.capability_ceiling) {
    std::string words;
    const auto names = policy::capability_names();
    for (std::size_t i = 0; i < names.size(); ++i) {
      if ((*profile.capability_ceiling >> i & 1U) != 0) words += (words.empty() ? "" : ", ") + std::string(names[i]);
    }
    listing.line("capabilities: {max: [" + words + "]}", profile.capabilities_source);
  }
  if (profile.on_deny.source.line != 0) {
    constexpr std::string_view actions[] = {"refuse", "kill", "stop-container"};
    std::string yaml = fmt::format("on-deny: {{action: {}", actions[static_cast<std::size_t>(profile.on_deny.action)]);
    if (profile.on_deny.error) yaml += ", errno: " + errno_word(*profile.on_deny.error);
    listing.line(yaml + "}", profile.on_deny.source);
  }
}

void show_one(Listing& listing, const Profile& profile, std::string_view what) {
  constexpr std::string_view modes[] = {"enforce", "audit", "learn"};
  listing.line(fmt::format("# {} {}, {}", what, profile.name, profile.hash()));
  for (const auto& layer : profile.layers)
    listing.line(fmt::format("# layer {}: {}, {}", layer.name, place(layer.source), layer.hash));
  listing.line("warder: 1");
  if (!profile.description.empty()) listing.line("description: " + yaml_string(profile.description));
  listing.line(fmt::format("mode: {}", modes[static_cast<std::size_t>(profile.mode)]));
  if (profile.live) listing.line("live: true");
  listing.line(fmt::format("audit: {}", profile.audit == policy::Audit::cheap ? "cheap" : "refused"));
  if (profile.executable_mappings == policy::ExecutableMappings::exec) {
    listing.line("executable-mappings: exec", profile.executable_mappings_source);
  }
  if (profile.paths) {
    listing.line(profile.paths->empty() ? "paths: {}" : "paths:", profile.paths_source);
    for (const auto& entry : *profile.paths)
      listing.line(fmt::format("  - {}: {}", yaml_string(entry.pattern), entry_yaml(entry)), entry.source);
  }
  show_network(listing, profile.network);
  show_syscalls(listing, profile.syscalls);
  show_rest(listing, profile);
}

void show_chain(Listing& listing, const Profile& profile) {
  show_one(listing, profile, "profile");
  for (const Profile* above = profile.ceiling.get(); above != nullptr; above = above->ceiling.get()) {
    listing.line("---");
    show_one(listing, *above, "ceiling");
  }
}

Result<int> print_listing(const Listing& listing, Format format) {
  WARDER_TRY(print(format == Format::json ? listing.json().dump() + "\n" : listing.text()));
  return 0;
}

}  // namespace

Result<int> show_container(const std::string& id, const std::optional<std::string>& root, Format format) {
  const StateRoot states = WARDER_TRY(StateRoot::find(root));
  const Container container = WARDER_TRY(Container::open(states, id));
  const Status status = container.status();
  if (!Container::alive(status) && status != Status::created) {
    // What it had is known, what it did is in its audit log.
    const Profile profile = WARDER_TRY(profile_in_force(container));
    return show_profile(profile, format);
  }
  const Fd control = WARDER_TRY(container.connect_supervisor());
  const supervisor::Boot boot = WARDER_TRY(ask_for_boot(control));
  const Profile profile = WARDER_TRY(profile_in_force(container));
  const auto facts = WARDER_TRY(running_facts(container));
  const auto lowered = WARDER_TRY_WITH(policy::lower(profile, probe_kernel(), facts), fmt::format("profile '{}'", profile.name));
  const auto created = WARDER_TRY_WITH(policy::Compiled::open(boot.compiled), "compiled profile");
  const auto usage = WARDER_TRY(line_usage(control));
  Listing listing(lowered, usage);
  if (created.profile_hash() != profile.hash()) {
    listing.line(
        fmt::format("# changed while it runs; created with profile {}, {}", created.profile_name(), created.profile_hash()));
  }
  show_chain(listing, profile);
  listing.rest();
  return print_listing(listing, format);
}

Result<int> show_profile(const Profile& profile, Format format) {
  Listing listing;
  show_chain(listing, profile);
  return print_listing(listing, format);
}

}  // namespace warder::runtime
