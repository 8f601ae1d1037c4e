// `warder profile check FILE...`: every error and lint of the language, of the layers, and of compiling for this kernel.
#include <fmt/format.h>

#include "policy/check.h"
#include "runtime/commands/profile_verbs.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {
namespace {

struct Counts {
  std::size_t errors = 0;
  std::size_t lints = 0;
};

/// The findings of one profile, printed.
Result<Counts> check_one(const std::string& file, const ProfileOptions& options) {
  auto outcome = policy::load_by_name(file, load_request(options));
  std::string text;
  Counts counts;
  if (outcome.profile) {
    for (auto& finding : policy::lint_profile(*outcome.profile)) outcome.findings.push_back(std::move(finding));
    const auto lowered = lower_here(*outcome.profile);
    if (!lowered) {
      text += lowered.error().text() + "\n";
      ++counts.errors;
    }
  }
  for (const auto& finding : outcome.findings) {
    text += policy::finding_text(finding) + "\n";
    ++(finding.lint ? counts.lints : counts.errors);
  }
  const std::string verdict = counts.errors == 0 && counts.lints == 0
                                  ? "ok"
                                  : fmt::format("{} error{}, {} lint{}", counts.errors, counts.errors == 1 ? "" : "s",
                                                counts.lints, counts.lints == 1 ? "" : "s");
  WARDER_TRY(print(fmt::format("{}{}: {}\n", text, file, verdict)));
  return counts;
}

}  // namespace

Result<int> check_profiles(const std::vector<std::string>& files, const ProfileOptions& options) {
  std::size_t errors = 0;
  for (const auto& file : files) errors += WARDER_TRY(check_one(file, options)).errors;
  return errors == 0 ? 0 : 1;
}

}  // namespace warder::runtime
