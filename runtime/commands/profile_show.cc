// `warder profile show NAME`: the merged profile as a profile, each line with its origin. What is printed can be read again.
#include <fmt/format.h>

#include "policy/address_text.h"
#include "policy/capability_names.h"
#include "runtime/commands/profile_verbs.h"
#include "runtime/commands/verb.h"
#include "runtime/state/container_state.h"

namespace warder::runtime {
namespace {

using policy::Profile;

/// Lines of YAML with the origin behind them as a comment.
class Listing {
 public:
  void line(const std::string& yaml) { text_ += yaml + "\n"; }
  void line(const std::string& yaml, const policy::Source& source) {
    constexpr int comment_column = 60;
    text_ += fmt::format("{:<{}}  # {}\n", yaml, comment_column, place(source));
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
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
  listing.line(fmt::format("audit: {}", profile.audit == policy::Audit::cheap ? "cheap" : "refused"));
  if (profile.paths) {
    listing.line(profile.paths->empty() ? "paths: {}" : "paths:", profile.paths_source);
    for (const auto& entry : *profile.paths)
      listing.line(fmt::format("  - {}: {}", yaml_string(entry.pattern), entry_yaml(entry)), entry.source);
  }
  show_network(listing, profile.network);
  show_syscalls(listing, profile.syscalls);
  show_rest(listing, profile);
}

}  // namespace

Result<int> show_container(const std::string& id, const std::optional<std::string>& root, const ProfileOptions& options) {
  const StateRoot states = WARDER_TRY(StateRoot::find(root));
  const StateDirectory directory = WARDER_TRY(StateDirectory::open(states, id));
  const ContainerState state = WARDER_TRY(directory.load());
  ProfileOptions of_container = options;
  of_container.container_id = id;
  const auto profile = load_profile(state.profile.file, of_container);
  if (profile.ok() && profile->hash() == state.profile.hash) return show_profile(*profile);
  std::string text = fmt::format("# profile {}, {}\n", state.profile.name, state.profile.hash);
  for (const auto& layer : state.profile.layers) text += fmt::format("# layer {}: {}, {}\n", layer.name, layer.file, layer.hash);
  text += "# The files are no longer what they were when the container was created; what they said then is in force.\n";
  WARDER_TRY(print(text));
  return 0;
}

Result<int> show_profile(const Profile& profile) {
  Listing listing;
  show_one(listing, profile, "profile");
  for (const Profile* above = profile.ceiling.get(); above != nullptr; above = above->ceiling.get()) {
    listing.line("---");
    show_one(listing, *above, "ceiling");
  }
  WARDER_TRY(print(listing.take()));
  return 0;
}

}  // namespace warder::runtime
