// A profile as text and a path: parsing never fails badly, and what is compiled means what the reference says.
//
// Input: lines of a profile up to a zero byte, then paths with their rights.
#include "policy/check.h"
#include "policy/decide.h"
#include "policy/lower.h"
#include "policy/parse.h"
#include "tests/fuzz/input.h"

namespace {

using namespace warder;
using namespace warder::policy;

/// Absolute, no empty, "." or ".." component, no slash at the end: what the supervisor asks about.
std::string canonical(const std::string& text) {
  std::string result;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('/', at), text.size());
    const std::string component = text.substr(at, end - at);
    if (!component.empty() && component != "." && component != "..") result.append("/").append(component);
    at = end + 1;
  }
  return result.empty() ? "/" : result;
}

void same(const Verdict& compiled, const Verdict& reference) {
  fuzz::require(compiled.allowed == reference.allowed && compiled.would_refuse == reference.would_refuse &&
                compiled.hidden == reference.hidden && compiled.audited == reference.audited);
  if (!reference.allowed) {
    fuzz::require(compiled.error == reference.error && compiled.action == reference.action);
    fuzz::require(compiled.origin.line == reference.origin.line);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string text = input.text(4096);
  auto parsed = parse_profile(text, std::make_shared<const std::string>("fuzz.yaml"), {.hostname = "h", .container_id = "c"});
  if (has_errors(parsed.findings)) return 0;
  Profile& profile = parsed.document.profile;
  profile.name = "fuzz";
  auto lowered = lower(profile, KernelFacts{.landlock_abi = 7, .user_notify = true, .memfd_noexec = true}, {});
  if (!lowered.ok()) return 0;
  auto compiled = Compiled::open(lowered->block);
  fuzz::require(compiled.ok());
  for (int questions = 0; !input.empty() && questions < 64; ++questions) {
    const std::string path = canonical(input.text(300));
    const Rights wanted(input.number<std::uint32_t>() & rights_all.bits());
    if (compiled->decides_paths()) same(compiled->path(path, wanted), decide_path(profile, path, wanted));
  }
  return 0;
}
