#include "policy/snapshot.h"

#include <algorithm>

#include "policy/layers.h"

namespace warder::policy {
namespace {

LayerFile layer_file(const SnapshotFile& one) { return {true, std::make_shared<const std::string>(one.file), one.text, {}}; }

std::optional<Profile> merge(const std::vector<SnapshotFile>& files, const Variables& variables) {
  if (files.empty()) return std::nullopt;
  const LayerSource source = [&](std::string_view name, const std::vector<std::string>& in_use) {
    for (const auto& one : files) {
      if (one.name == name && std::ranges::find(in_use, one.file) == in_use.end()) return layer_file(one);
    }
    return LayerFile{};
  };
  auto merged = merge_layers(files.back().name, layer_file(files.back()), source, variables);
  if (has_errors(merged.findings)) return std::nullopt;
  return std::move(merged.profile);
}

}  // namespace

Snapshot snapshot_of(const Profile& profile) {
  Snapshot snapshot;
  for (const Profile* one = &profile; one != nullptr; one = one->ceiling.get()) {
    auto& files = snapshot.chain.emplace_back();
    for (const auto& layer : one->layers) {
      files.push_back({layer.name, layer.source.file ? *layer.source.file : "builtin", layer.text ? *layer.text : ""});
    }
  }
  if (profile.mode_by_annotation) snapshot.mode = profile.mode;
  return snapshot;
}

std::optional<Profile> profile_of(const Snapshot& snapshot, const Variables& variables) {
  std::shared_ptr<const Profile> above;
  for (auto files = snapshot.chain.rbegin(); files != snapshot.chain.rend(); ++files) {
    auto profile = merge(*files, variables);
    if (!profile) return std::nullopt;
    profile->ceiling = above;
    above = std::make_shared<const Profile>(*std::move(profile));
  }
  if (!above) return std::nullopt;
  Profile profile = *above;
  if (snapshot.mode) {
    profile.mode = *snapshot.mode;
    profile.mode_by_annotation = true;
  }
  return profile;
}

}  // namespace warder::policy
