// One profile file: text -> Document, strictly, with every error at once. Pure; the file was read by lookup.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/profile.h"

namespace warder::policy {

/// What `${HOSTNAME}` and `${CONTAINER_ID}` stand for. Nothing else expands.
struct Variables {
  std::string hostname;
  std::string container_id;
};

struct ExtendsName {
  std::string name;
  Source source;
};

/// One file, not yet merged with its layers. `profile` holds the sections that the file has; scalars say whether they were
/// written.
struct Document {
  Profile profile;
  std::vector<ExtendsName> extends;
  Source mode, audit, live, syscalls_override, capabilities_override;  ///< line 0: not written
};

struct ParseOutcome {
  Document document;
  std::vector<Finding> findings;  ///< in file order; usable only where none is an error
};

/// Parses language 1. Unknown and duplicate keys, wrong types, bad patterns, addresses, calls and errnos are each one finding
/// that says what is accepted and, for a misspelt word, what was probably meant. Never throws.
[[nodiscard]] ParseOutcome parse_profile(std::string_view text, const std::shared_ptr<const std::string>& file,
                                         const Variables& variables);

[[nodiscard]] bool has_errors(const std::vector<Finding>& findings);

}  // namespace warder::policy
