// `warder profile groups [GROUP...]`, `warder profile schema`: the words that a profile may use.
#include <fmt/format.h>

#include "policy/groups.h"
#include "runtime/commands/profile_verbs.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {

Result<int> show_groups(const std::vector<std::string>& groups) {
  std::string text;
  for (const auto& group : policy::syscall_groups()) {
    if (groups.empty()) text += fmt::format("{:<18} {}\n", group.name, group.about);
  }
  for (const auto& name : groups) {
    const std::string word = name.starts_with('@') ? name : "@" + name;
    const auto numbers = policy::syscalls_of(word);
    if (!numbers)
      return Error::user(fmt::format("unknown group '{}'; accepted: the groups that `warder profile groups` lists", name));
    text += word + "\n";
    for (const int number : *numbers) text += fmt::format("  {}\n", policy::syscall_name(number));
  }
  WARDER_TRY(print(text));
  return 0;
}

Result<int> show_schema(const ProfileOptions& options) {
  for (const auto& directory : load_request(options).where.stock) {
    const auto file = policy::read_profile_file(directory, "profile.schema.json", policy::FileTrust::given);
    if (file.state != policy::FileText::State::found) continue;
    WARDER_TRY(print(file.text));
    return 0;
  }
  return Error(Fault::environment, "profile.schema.json is not where the stock profiles are; is warder installed completely?");
}

}  // namespace warder::runtime
