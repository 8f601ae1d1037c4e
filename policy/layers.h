// Merging layers: extends, the override rule, hashes. Pure; files come through a callback.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/parse.h"
#include "policy/profile.h"

namespace warder::policy {

/// A file as the merger gets it: its text and name, or findings.
struct LayerFile {
  bool found = false;
  std::shared_ptr<const std::string> file;
  std::string text;
  std::vector<Finding> findings;  ///< why it may not be read
};
/// The file of a layer by name, not being one of `in_use` (so that /etc's `ci` may extend the stock `ci`).
using LayerSource = std::function<LayerFile(std::string_view name, const std::vector<std::string>& in_use)>;

struct MergeOutcome {
  Profile profile;
  std::vector<Finding> findings;
};

/// Parses `top`, then its layers depth first, each once, and merges them in order:
/// entries of `paths`, `connect`, `bind` and `syscalls` are appended, scalars replaced where written, `families` and the
/// capability ceiling replaced by a subset. An entry that gives back what a lower layer took away needs `override: true`.
[[nodiscard]] MergeOutcome merge_layers(const std::string& name, const LayerFile& top, const LayerSource& source,
                                        const Variables& variables);

}  // namespace warder::policy
