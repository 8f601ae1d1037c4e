// Finding HOME in an image. The host process of `create` and `exec`; the file is opened below the root and never followed out.
#include "runtime/commands/home_directory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <charconv>
#include <string_view>
#include <unordered_set>

#include "linux/open.h"

namespace warder::runtime {
namespace {

constexpr std::size_t largest_passwd = std::size_t{1} << 20U;

/// Cuts the next field off a line of /etc/passwd.
std::string_view next_field(std::string_view& line) {
  std::size_t end = line.find(':');
  std::string_view field = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return field;
}

}  // namespace

std::string home_in(std::string_view passwd, uid_t uid) {
  while (!passwd.empty()) {
    std::string_view line = passwd.substr(0, passwd.find('\n'));
    passwd.remove_prefix(std::min(line.size() + 1, passwd.size()));
    next_field(line);  // name
    next_field(line);  // password
    std::string_view number = next_field(line);
    uid_t found = 0;
    auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), found);
    if (number.empty() || failure != std::errc{} || end != number.data() + number.size() || found != uid) continue;
    next_field(line);  // group
    next_field(line);  // full name
    std::string_view home = next_field(line);
    bool plain = home.starts_with('/') && home.find('\0') == std::string_view::npos;
    return plain ? std::string(home) : "/";
  }
  return "/";
}

namespace {

std::string look_up_home(BorrowedFd root, uid_t uid) {
  if (!root.valid()) return "/";
  // Not blocking: the image may have a FIFO of that name.
  auto file = kernel::open_in_root(root, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat facts {};
  if (!file.ok() || ::fstat(file->get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return "/";
  auto text = kernel::read_all(*file, largest_passwd);
  return text.ok() ? home_in(*text, uid) : "/";
}

}  // namespace

/// Of a variable that is there several times the last one counts; the others go.
void keep_last_of_each(std::vector<std::string>& env) {
  std::unordered_set<std::string_view> seen;
  std::vector<bool> keep(env.size());
  for (std::size_t index = env.size(); index-- > 0;) {
    keep[index] = seen.insert(std::string_view(env[index]).substr(0, env[index].find('='))).second;
  }
  if (seen.size() == env.size()) return;
  std::vector<std::string> kept;
  kept.reserve(seen.size());
  for (std::size_t index = 0; index < env.size(); ++index) {
    if (keep[index]) kept.push_back(std::move(env[index]));
  }
  env = std::move(kept);
}

void complete_home(std::vector<std::string>& env, BorrowedFd root, uid_t uid) {
  keep_last_of_each(env);
  for (const std::string& entry : env) {
    if (entry.starts_with("HOME=") && entry != "HOME=") return;
  }
  std::erase(env, "HOME=");
  env.push_back("HOME=" + look_up_home(root, uid));
}

void change_home(std::vector<std::string>& env, BorrowedFd root, uid_t from, uid_t to) {
  if (from != to) std::erase(env, "HOME=" + look_up_home(root, from));
  complete_home(env, root, to);
}

}  // namespace warder::runtime
