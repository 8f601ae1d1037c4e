// `warder profile diff A B`: what became allowed (+) or denied (-) on the way from A to B, and the lines that decide it.
#include <fmt/format.h>

#include "policy/compare.h"
#include "runtime/commands/profile_verbs.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {

Result<int> diff_profiles(const std::string& before, const std::string& after, const ProfileOptions& options) {
  const policy::Profile a = WARDER_TRY(load_profile(before, options));
  const policy::Profile b = WARDER_TRY(load_profile(after, options));
  const auto line = [](const policy::Source& source) { return source.file ? place(source) : std::string("no line"); };
  std::string text;
  for (const auto& difference : policy::compare_profiles(a, b)) {
    text += fmt::format("{} {}\n    {} -> {}\n", difference.allowed ? '+' : '-', difference.what, line(difference.before),
                        line(difference.after));
  }
  WARDER_TRY(print(text));
  return 0;
}

}  // namespace warder::runtime
