// All enforcers together against the reference: what the seccomp program, Landlock, read-only mounts and the supervisor make of a
// call is what decide() says about it, on any kernel, whatever was lowered to which of them.
//
// Input: a byte for the kernel, names of files until an empty one, the lines of a profile up to a zero byte.
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/landlock.h>
#include <sys/syscall.h>

#include <map>

#include "policy/check.h"
#include "policy/core/bpf_interpreter.h"
#include "policy/decide.h"
#include "policy/landlock_lowering.h"
#include "policy/lower.h"
#include "policy/parse.h"
#include "tests/fuzz/input.h"

namespace {

using namespace warder;
using namespace warder::policy;

using Files = std::map<std::string, FileKind>;

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// A small tree: each name a file, or a directory where others lie below it or it ends in "/".
Files files_from(fuzz::Input& input) {
  Files files{{"/", FileKind::directory}};
  for (int number = 0; number < 12; ++number) {
    const std::string text = input.text(24);
    if (text.empty()) break;
    std::string path;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('/', at), text.size());
      const std::string component = text.substr(at, end - at);
      at = end + 1;
      if (component.empty() || component == "." || component == "..") continue;
      if (!path.empty()) files[path] = FileKind::directory;
      path += "/" + component;
      files.try_emplace(path, at <= text.size() ? FileKind::directory : FileKind::other);
    }
  }
  return files;
}

ContainerFacts facts_of(const Files& files) {
  ContainerFacts facts;
  facts.canonical = [](std::string_view literal) { return std::string(literal); };
  facts.kind = [&files](std::string_view path) {
    const auto found = files.find(std::string(path));
    return found == files.end() ? FileKind::absent : found->second;
  };
  facts.list = [&files](std::string_view directory) {
    std::vector<ListedFile> listed;
    for (const auto& [path, kind] : files) {
      if (path != "/" && parent_of(path) == directory) listed.push_back({path.substr(path.rfind('/') + 1), kind});
    }
    return std::optional(listed);
  };
  return facts;
}

/// What Landlock would let happen to `path`, as landlock(7) describes it.
bool wall_allows(const Compiled& compiled, std::string path, std::uint64_t access) {
  std::uint64_t given = 0;
  for (;;) {
    for (std::size_t i = 0; i < compiled.landlock_path_count(); ++i) {
      if (compiled.landlock_path(i).path == path) given |= compiled.landlock_path(i).access;
    }
    if (path == "/") break;
    path = parent_of(path);
  }
  return (access & compiled.landlock_handled_fs() & ~given) == 0;
}

bool mounted_read_only(const Compiled& compiled, std::string_view path) {
  for (std::size_t i = 0; i < compiled.read_only_count(); ++i) {
    const std::string_view tree = compiled.read_only(i);
    if (tree == "/" || path == tree || (path.starts_with(tree) && path.substr(tree.size()).starts_with('/'))) return true;
  }
  return false;
}

/// A call that needs just one right of the thing at a path.
struct Trial {
  Right right;
  int number;
  std::uint64_t flags;  ///< third argument
  FileKind on;          ///< what stands there before
  bool of_parent;       ///< Landlock asks at the directory above
  bool by_kernel;       ///< even where the supervisor decides, the kernel runs the call itself
};
constexpr Trial trials[] = {
    {Right::read, SYS_openat, O_RDONLY, FileKind::other, false, false},
    {Right::list, SYS_openat, O_RDONLY | O_DIRECTORY, FileKind::directory, false, false},
    {Right::write, SYS_openat, O_WRONLY, FileKind::other, false, false},
    {Right::exec, SYS_execve, 0, FileKind::other, false, true},
    {Right::truncate, SYS_truncate, 0, FileKind::other, false, false},
    {Right::chmod, SYS_chmod, 0, FileKind::other, false, false},
    {Right::chown, SYS_chown, 0, FileKind::other, false, false},
    {Right::utime, SYS_utimensat, 0, FileKind::other, false, false},
    {Right::xattr, SYS_setxattr, 0, FileKind::other, false, false},
    {Right::remove, SYS_unlink, 0, FileKind::other, true, false},
    {Right::rmdir, SYS_rmdir, 0, FileKind::directory, true, false},
    {Right::mkdir, SYS_mkdir, 0, FileKind::absent, true, false},
    {Right::symlink, SYS_symlink, 0, FileKind::absent, true, false},
};

/// What becomes of the call.
bool passes(const Compiled& compiled, const Trial& trial, const std::string& path, int abi) {
  seccomp_data call{};
  call.arch = AUDIT_ARCH_X86_64;
  call.nr = trial.number;
  call.args[0] = 0x7fff00000000;
  call.args[1] = 0x7fff00000100;
  call.args[2] = trial.flags;
  if (trial.number == SYS_openat || trial.number == SYS_utimensat) call.args[0] = static_cast<std::uint64_t>(AT_FDCWD);
  std::uint32_t said = SECCOMP_RET_ALLOW;
  if (!compiled.filter().empty()) {
    const auto outcome = run_bpf(compiled.filter(), call);
    fuzz::require(outcome.has_value());
    said = outcome->value;
  }
  const bool asked = said == SECCOMP_RET_USER_NOTIF;
  if (!asked && said != SECCOMP_RET_ALLOW) return false;
  if (asked && !compiled.path(path, trial.right).allowed) return false;
  if (mounted_read_only(compiled, path) && trial.right != Right::read && trial.right != Right::list && trial.right != Right::exec)
    return false;
  // What the supervisor does itself is done by one who is in no domain.
  if (asked && !trial.by_kernel) return true;
  const std::uint64_t access = landlock_access(trial.right, abi);
  if (access == 0) return true;
  // execve of a program that Landlock lets through is judged again at the exec stop, by the same rule.
  return wall_allows(compiled, trial.of_parent ? parent_of(path) : path, access);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const int abi = input.number<std::uint8_t>() % 8;
  const Files files = files_from(input);
  const std::string text = input.text(4096);
  auto parsed = parse_profile(text, std::make_shared<const std::string>("fuzz.yaml"), {.hostname = "h", .container_id = "c"});
  if (has_errors(parsed.findings)) return 0;
  Profile& profile = parsed.document.profile;
  profile.name = "fuzz";
  // The other sections refuse calls as a whole; this is about paths.
  if (!profile.paths || profile.mode != Mode::enforce || !profile.syscalls.empty()) return 0;
  auto lowered = lower(profile, KernelFacts{.landlock_abi = abi, .user_notify = true, .memfd_noexec = true}, facts_of(files));
  if (!lowered.ok()) return 0;
  auto compiled = Compiled::open(lowered->block);
  fuzz::require(compiled.ok());
  Files asked = files;
  for (const auto& [path, kind] : files) {
    if (kind == FileKind::directory) asked.try_emplace((path == "/" ? "" : path) + "/new", FileKind::absent);
  }
  for (const auto& [path, kind] : asked) {
    for (const Trial& trial : trials) {
      if (trial.on != kind || path == "/") continue;
      const bool reference = decide_path(profile, path, trial.right).allowed;
      fuzz::require(passes(*compiled, trial, path, abi) == reference);
    }
  }
  return 0;
}
