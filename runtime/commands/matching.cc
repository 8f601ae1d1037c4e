// Finding containers by an expression. The host process of a command.
#include "runtime/commands/matching.h"

#include <fmt/format.h>
#include <regex.h>

namespace warder::runtime {

Result<std::vector<std::string>> matching_ids(const StateRoot& root, const std::string& word, IdMeaning meaning) {
  if (meaning == IdMeaning::exact) return std::vector<std::string>{word};
  regex_t expression{};
  std::string whole = "^(" + word + ")$";
  if (::regcomp(&expression, whole.c_str(), REG_EXTENDED | REG_NOSUB) != 0) {
    return Error::user(fmt::format("'{}': accepted: a POSIX extended regular expression", word));
  }
  std::vector<std::string> found;
  for (std::string& id : root.ids()) {
    if (::regexec(&expression, id.c_str(), 0, nullptr, 0) == 0) found.push_back(std::move(id));
  }
  ::regfree(&expression);
  return found;
}

}  // namespace warder::runtime
