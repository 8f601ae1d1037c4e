// `warder profile diff A B`: what became allowed (+) or denied (-) on the way from A to B, and the lines that decide it.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "policy/compare.h"
#include "runtime/commands/colour.h"
#include "runtime/commands/profile_verbs.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {

namespace {

std::string line_of(const policy::Source& source) { return source.file ? place(source) : std::string("no line"); }

}  // namespace

std::string differences_text(const std::vector<policy::Difference>& differences, Format format) {
  const Colour colour = colour_of_output();
  std::string text;
  nlohmann::json list = nlohmann::json::array();
  for (const auto& one : differences) {
    const std::string before = line_of(one.before);
    const std::string after = line_of(one.after);
    // What is allowed more is what a reader of a change must not miss.
    const std::string what = painted(colour, one.allowed ? Paint::bad : Paint::good, (one.allowed ? "+ " : "- ") + one.what);
    text += fmt::format("{}\n    {} -> {}\n", what, before, after);
    list.push_back({{"change", one.allowed ? "allowed" : "denied"}, {"what", one.what}, {"before", before}, {"after", after}});
  }
  return format == Format::json ? list.dump() + "\n" : text;
}

Result<int> diff_profiles(const std::string& before, const std::string& after, const ProfileOptions& options) {
  const policy::Profile a = WARDER_TRY(load_profile(before, options));
  const policy::Profile b = WARDER_TRY(load_profile(after, options));
  WARDER_TRY(print(differences_text(policy::compare_profiles(a, b), options.format)));
  return 0;
}

}  // namespace warder::runtime
