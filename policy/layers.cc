#include "policy/layers.h"

#include <algorithm>
#include <bit>

#include "policy/address_text.h"
#include "policy/capability_names.h"
#include "policy/give_back.h"
#include "policy/sha256.h"

namespace warder::policy {
namespace {

constexpr std::size_t most_layers = 32;

/// Reads `top` and, depth first, its layers; keeps them in the order of application, the top last.
class Collector {
 public:
  Collector(const LayerSource& source, const Variables& variables, std::vector<Finding>& findings)
      : source_(source), variables_(variables), findings_(findings) {}

  void collect(const std::string& name, const LayerFile& file) {
    auto outcome = parse_profile(file.text, file.file, variables_);
    findings_.insert(findings_.end(), outcome.findings.begin(), outcome.findings.end());
    outcome.document.profile.name = name;
    outcome.document.profile.layers.front().name = name;
    chain_.push_back(*file.file);
    for (const auto& layer : outcome.document.extends) add_layer(layer);
    chain_.pop_back();
    documents_.push_back(std::move(outcome.document));
  }

  std::vector<Document> take() { return std::move(documents_); }

 private:
  void add_layer(const ExtendsName& layer) {
    const LayerFile file = source_(layer.name, chain_);
    findings_.insert(findings_.end(), file.findings.begin(), file.findings.end());
    if (!file.found) {
      if (!has_errors(file.findings)) findings_.push_back({layer.source, missing(layer.name), false});
      return;
    }
    if (std::find(applied_.begin(), applied_.end(), *file.file) != applied_.end()) return;
    applied_.push_back(*file.file);
    if (applied_.size() > most_layers) {
      findings_.push_back({layer.source, "extends more than " + std::to_string(most_layers) + " layers", false});
      return;
    }
    collect(layer.name, file);
  }

  [[nodiscard]] std::string missing(const std::string& name) const {
    for (const auto& file : chain_) {
      if (file.ends_with("/" + name + ".yaml")) return "extends itself through '" + name + "'; layers may not form a circle";
    }
    return "layer '" + name + "' is in none of the profile directories; accepted: the name of a profile there";
  }

  const LayerSource& source_;
  const Variables& variables_;
  std::vector<Finding>& findings_;
  std::vector<std::string> chain_;
  std::vector<std::string> applied_;
  std::vector<Document> documents_;
};

template <class Rule>
void append(std::optional<std::vector<Rule>>& into, Source& into_source, std::optional<std::vector<Rule>>& from,
            const Source& from_source, std::uint32_t layer) {
  if (!from) return;
  if (!into) into.emplace();
  into_source = from_source;
  for (auto& rule : *from) {
    rule.layer = layer;
    into->push_back(std::move(rule));
  }
}

void merge_families(Network& into, Network& from, std::vector<Finding>& findings) {
  if (!from.families) return;
  for (const int family : *from.families) {
    if (into.families && std::find(into.families->begin(), into.families->end(), family) == into.families->end()) {
      findings.push_back({from.families_source,
                          "family '" + family_name(family) + "' was taken away by a lower layer (" +
                              give_back_place(into.families_source) + "); accepted: a part of that layer's families",
                          false});
    }
  }
  into.families = std::move(from.families);
  into.families_source = from.families_source;
}

void merge_capabilities(Profile& into, const Document& layer, std::vector<Finding>& findings) {
  const Profile& from = layer.profile;
  if (!from.capability_ceiling) return;
  const std::uint64_t more = into.capability_ceiling ? *from.capability_ceiling & ~*into.capability_ceiling : 0;
  if (more != 0 && layer.capabilities_override.line == 0) {
    const auto first = static_cast<std::size_t>(std::countr_zero(more));
    findings.push_back({from.capabilities_source,
                        "capability " + std::string(capability_names()[first]) + " was taken away by a lower layer (" +
                            give_back_place(into.capabilities_source) + "); accepted: a part of that ceiling, or override: true",
                        false});
  }
  into.capability_ceiling = from.capability_ceiling;
  into.capabilities_source = from.capabilities_source;
}

void merge_syscalls(Profile& into, Document& layer, std::uint32_t index, std::vector<Finding>& findings) {
  if (layer.syscalls_override.line == 0) find_calls_given_back(into.syscalls, layer.profile.syscalls, findings);
  for (auto& rule : layer.profile.syscalls) {
    rule.layer = index;
    into.syscalls.push_back(std::move(rule));
  }
}

void merge_mappings(Profile& into, const Profile& from, std::vector<Finding>& findings) {
  if (from.executable_mappings_source.line == 0) return;
  if (into.executable_mappings == ExecutableMappings::exec && from.executable_mappings == ExecutableMappings::any) {
    findings.push_back({from.executable_mappings_source,
                        "executable-mappings: any gives back what a lower layer (" +
                            give_back_place(into.executable_mappings_source) + ") took away; accepted: exec",
                        false});
  }
  into.executable_mappings = from.executable_mappings;
  into.executable_mappings_source = from.executable_mappings_source;
}

void merge_one(Profile& into, Document& layer, std::vector<Finding>& findings) {
  Profile& from = layer.profile;
  const auto index = static_cast<std::uint32_t>(into.layers.size());
  into.name = from.name;
  into.layers.push_back(from.layers.front());
  if (!from.description.empty()) into.description = from.description;
  if (layer.mode.line != 0) into.mode = from.mode;
  if (layer.audit.line != 0) into.audit = from.audit;
  if (layer.live.line != 0) into.live = from.live;
  merge_mappings(into, from, findings);
  append(into.paths, into.paths_source, from.paths, from.paths_source, index);
  append(into.network.connect, into.network.connect_source, from.network.connect, from.network.connect_source, index);
  append(into.network.bind, into.network.bind_source, from.network.bind, from.network.bind_source, index);
  merge_families(into.network, from.network, findings);
  merge_capabilities(into, layer, findings);
  merge_syscalls(into, layer, index, findings);
  if (from.on_deny.source.line != 0) into.on_deny = from.on_deny;
  into.tests = std::move(from.tests);
}

}  // namespace

MergeOutcome merge_layers(const std::string& name, const LayerFile& top, const LayerSource& source, const Variables& variables) {
  MergeOutcome outcome;
  outcome.findings = top.findings;
  Collector collector(source, variables, outcome.findings);
  collector.collect(name, top);
  for (auto& document : collector.take()) merge_one(outcome.profile, document, outcome.findings);
  if (!has_errors(outcome.findings)) {
    find_paths_given_back(outcome.profile, outcome.findings);
    find_addresses_given_back(outcome.profile.network.connect, outcome.findings);
    find_addresses_given_back(outcome.profile.network.bind, outcome.findings);
  }
  return outcome;
}

std::string Profile::hash() const {
  std::string all;
  for (const auto& layer : layers) all += layer.name + " " + layer.hash + "\n";
  if (mode_by_annotation) all += "mode " + std::to_string(static_cast<unsigned>(mode)) + "\n";
  if (ceiling) all += "ceiling " + ceiling->hash() + "\n";
  return sha256_text(all);
}

}  // namespace warder::policy
