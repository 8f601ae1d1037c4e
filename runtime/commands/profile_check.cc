// `warder profile check FILE...`: every error and lint of the language, of the layers, and of compiling for this kernel.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "policy/check.h"
#include "runtime/commands/colour.h"
#include "runtime/commands/profile_verbs.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {
namespace {

/// The findings about one profile, errors of compiling among them.
std::vector<policy::Finding> findings_of(const std::string& file, const ProfileOptions& options) {
  auto outcome = policy::load_by_name(file, load_request(options));
  if (!outcome.profile) return outcome.findings;
  for (auto& finding : policy::lint_profile(*outcome.profile)) outcome.findings.push_back(std::move(finding));
  const auto lowered = lower_here(*outcome.profile);
  if (!lowered) outcome.findings.push_back({policy::Source{}, lowered.error().text(), false});
  return outcome.findings;
}

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string text_of(const std::string& file, const std::vector<policy::Finding>& findings, std::size_t errors, Colour colour) {
  std::string text;
  for (const auto& finding : findings) {
    const std::string line = policy::finding_text(finding);
    // The place as it is, so that an editor finds it; then what is wrong.
    const std::size_t begin = line.size() - std::min(line.size(), finding.text.size() + (finding.lint ? 6 : 0));
    text += line.substr(0, begin) + painted(colour, finding.lint ? Paint::doubtful : Paint::bad, line.substr(begin)) + "\n";
  }
  const std::size_t lints = findings.size() - errors;
  if (findings.empty()) return text + fmt::format("{}: {}\n", file, painted(colour, Paint::good, "ok"));
  return text + fmt::format("{}: {}, {}\n", file, counted(errors, "error"), counted(lints, "lint"));
}

nlohmann::json json_of(const std::string& file, const std::vector<policy::Finding>& findings, std::size_t errors) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& finding : findings) {
    nlohmann::json one{{"kind", finding.lint ? "lint" : "error"}, {"text", finding.text}};
    if (finding.source.file) {
      one["file"] = *finding.source.file;
      one["line"] = finding.source.line;
      one["column"] = finding.source.column;
    }
    list.push_back(std::move(one));
  }
  return {{"profile", file}, {"errors", errors}, {"lints", findings.size() - errors}, {"findings", std::move(list)}};
}

}  // namespace

Result<int> check_profiles(const std::vector<std::string>& files, const ProfileOptions& options) {
  std::size_t errors = 0;
  nlohmann::json all = nlohmann::json::array();
  for (const auto& file : files) {
    const auto findings = findings_of(file, options);
    const auto count = static_cast<std::size_t>(std::ranges::count(findings, false, &policy::Finding::lint));
    errors += count;
    if (options.format == Format::json) {
      all.push_back(json_of(file, findings, count));
    } else {
      WARDER_TRY(print(text_of(file, findings, count, colour_of_output())));
    }
  }
  if (options.format == Format::json) WARDER_TRY(print(all.dump() + "\n"));
  return errors == 0 ? 0 : 1;
}

}  // namespace warder::runtime
