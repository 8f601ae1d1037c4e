#include "supervisor/hand_walk.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include "linux/procfs.h"
#include "supervisor/naming.h"
#include "supervisor/procfs_view.h"

namespace warder::supervisor {
namespace {

constexpr int max_links = 40;             // MAXSYMLINKS
constexpr long no_follow_mount = 0x2000;  // ST_NOSYMFOLLOW of statfs(2), Linux 5.10
constexpr std::size_t max_pending = 3 * PATH_MAX;
constexpr std::uint64_t scoped = RESOLVE_BENEATH | RESOLVE_IN_ROOT;

/// What identifies a place in the tree: the inode and the mount it is seen through.
bool same_place(BorrowedFd a, BorrowedFd b) {
  struct statx one {
  }, two{};
  return ::statx(a.get(), "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &one) == 0 &&
         ::statx(b.get(), "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &two) == 0 && one.stx_ino == two.stx_ino &&
         one.stx_dev_major == two.stx_dev_major && one.stx_dev_minor == two.stx_dev_minor && one.stx_mnt_id == two.stx_mnt_id;
}

bool same_mount(BorrowedFd a, BorrowedFd b) {
  struct statx one {
  }, two{};
  return ::statx(a.get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &one) == 0 &&
         ::statx(b.get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &two) == 0 && one.stx_mnt_id == two.stx_mnt_id;
}

Fd duplicate(BorrowedFd fd) { return Fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)); }

bool is_number(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos; }

/// fs.protected_symlinks, read once: administrators set it at boot.
bool links_are_protected() {
  static const bool value = [] {
    const Fd file(::open("/proc/sys/fs/protected_symlinks", O_RDONLY | O_CLOEXEC));
    char digit = '1';
    return !file.valid() || ::read(file.get(), &digit, 1) != 1 || digit != '0';
  }();
  return value;
}

}  // namespace

bool on_procfs(BorrowedFd fd) {
  struct statfs facts {};
  return ::fstatfs(fd.get(), &facts) == 0 && facts.f_type == PROC_SUPER_MAGIC;
}

Outcome<void> HandWalk::run(Fd start, Object& object) {
  if (caller_.status().own_root) root_ = WARDER_GET(caller_.take_root());
  WARDER_GET(caller_.act());
  root_known_ = (request_.resolve & scoped) != 0;
  if (root_known_) start_ = duplicate(start);
  if (request_.path.starts_with('/')) {
    if ((request_.resolve & RESOLVE_BENEATH) != 0) return Errno{EXDEV};
    WARDER_GET(go_to_root());
  } else {
    arrive(std::move(start));
    if (procfs_) WARDER_GET(find_whose_directory());
  }
  for (Component component; next(component);) {
    const bool hidden = WARDER_GET(is_hidden({}));
    const Outcome<void> walked = hidden && component.name == ".." ? Errno{ENOENT} : walk(component);
    if (walked.ok()) continue;
    // What is wrong behind something hidden is hidden, too: it is just not there.
    return hidden ? Errno{ENOENT} : Errno{walked.code()};
  }
  return finish(object);
}

Outcome<void> HandWalk::walk(const Component& component) {
  if (component.name == "..") return go_up();
  if (component.name != ".") return step(component);
  arrive(WARDER_GET(open_here(".", O_DIRECTORY, 0)));
  return {};
}

/// Cuts the next component off what is still to be walked.
bool HandWalk::next(Component& component) {
  const std::size_t start = pending_.find_first_not_of('/');
  if (start == std::string::npos) return false;
  const std::size_t end = std::min(pending_.find('/', start), pending_.size());
  component.name.assign(pending_, start, end - start);
  pending_.erase(0, end);
  component.last = pending_.find_first_not_of('/') == std::string::npos;
  component.directory_only = !pending_.empty();
  return true;
}

void HandWalk::arrive(Fd fd) {
  current_ = std::move(fd);
  procfs_ = on_procfs(current_);
  if (!procfs_) own_task_ = false;
  descriptors_ = false;
  descriptor_ = -1;
  magic_ = false;
}

bool HandWalk::at(const Fd& place) const { return place.valid() && same_place(current_, place); }

Outcome<void> HandWalk::go_to_root() {
  const Fd& scope = (request_.resolve & RESOLVE_IN_ROOT) != 0 ? start_ : root_;
  own_task_ = false;
  root_known_ = true;
  above_.clear();
  arrive(scope.valid() ? duplicate(scope) : Fd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)));
  if (!current_.valid()) return Errno::last();
  return {};
}

/// An absolute link. With RESOLVE_NO_XDEV the kernel compares mounts with a root that it looks up only when it first needs one:
/// before an absolute path or a ".." every absolute link leaves the mount (nd_jump_root, since Linux 5.6).
Outcome<void> HandWalk::follow_to_root() {
  if ((request_.resolve & RESOLVE_BENEATH) != 0) return Errno{EXDEV};
  if ((request_.resolve & RESOLVE_NO_XDEV) == 0) return go_to_root();
  if (!root_known_) return Errno{EXDEV};
  const Fd left = std::move(current_);
  WARDER_GET(go_to_root());
  if (!same_mount(left, current_)) return Errno{EXDEV};
  return {};
}

Outcome<void> HandWalk::go_up() {
  root_known_ = true;
  own_task_ = false;
  if ((request_.resolve & scoped) != 0) {
    WARDER_GET(open_here(".", O_DIRECTORY, 0));  // as the kernel, which looks for ".." in a directory that may be searched
    if (!above_.empty()) {
      arrive(std::move(above_.back()));
      above_.pop_back();
    } else if ((request_.resolve & RESOLVE_BENEATH) != 0) {
      return Errno{EXDEV};
    }
    return {};
  }
  if (at(root_)) return {};
  arrive(WARDER_GET(open_here("..", O_DIRECTORY, 0)));
  return {};
}

/// Opens a name in the current directory, through no link.
Outcome<Fd> HandWalk::open_here(const char* name, int flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_PATH | O_CLOEXEC);
  how.resolve = resolve | (request_.resolve & RESOLVE_NO_XDEV);
  Fd fd(static_cast<int>(::syscall(SYS_openat2, current_.get(), name, &how, sizeof how)));
  if (!fd.valid() && errno == EACCES && own_task_) {
    WARDER_GET(caller_.act_on_itself());
    fd = Fd(static_cast<int>(::syscall(SYS_openat2, current_.get(), name, &how, sizeof how)));
    const int error = errno;
    WARDER_GET(caller_.act());
    errno = error;
  }
  if (!fd.valid()) return Errno::last();
  return fd;
}

Outcome<void> HandWalk::step(const Component& component) {
  if (procfs_ && is_procfs_root(current_)) {
    bool done = false;
    WARDER_GET(step_in_procfs_root(component, done));
    if (done) return {};
  }
  Fd found = WARDER_GET(open_here(component.name.c_str(), O_NOFOLLOW, RESOLVE_NO_MAGICLINKS));
  struct stat facts {};
  if (::fstat(found.get(), &facts) != 0) return Errno::last();
  const bool followed = !component.last || component.directory_only || request_.last == LastLink::follow;
  if (S_ISLNK(facts.st_mode) && followed) return follow(component, found, facts);
  if (component.last && component.directory_only && !S_ISDIR(facts.st_mode)) {
    return Errno{WARDER_GET(is_hidden(component.name)) ? ENOENT : ENOTDIR};
  }
  const bool descriptors = own_task_ && component.name == "fd";
  if ((request_.resolve & scoped) != 0) above_.push_back(std::move(current_));
  arrive(std::move(found));
  descriptors_ = descriptors;
  return {};
}

/// The names of a procfs that mean somebody: "self" is the caller, and PID 1 is nobody's business (law 7).
Outcome<void> HandWalk::step_in_procfs_root(const Component& component, bool& done) {
  const bool self = component.name == "self";
  if (!self && component.name != "thread-self") {
    if (!is_number(component.name)) return {};
    return meet_process(current_, component.name);
  }
  if (component.last && !component.directory_only && request_.last == LastLink::keep) return {};
  WARDER_GET(count_link());
  caller_.identity().own();
  const int level = procfs_level(caller_, current_);
  WARDER_GET(caller_.act());
  if (level < 0 || static_cast<std::size_t>(level) >= caller_.status().process.levels) return Errno{ENOENT};
  std::string target = std::to_string(caller_.status().process.pid[level]);
  if (!self) target += "/task/" + std::to_string(caller_.status().thread.pid[level]);
  pending_.insert(0, target);
  done = true;
  return {};
}

Outcome<void> HandWalk::count_link() {
  if (++links_ > max_links || (request_.resolve & RESOLVE_NO_SYMLINKS) != 0) return Errno{ELOOP};
  return {};
}

/// fs.protected_symlinks: in a sticky directory that all may write, only one's own links and the directory owner's are followed.
Outcome<void> HandWalk::check_sticky(const struct stat& link) const {
  if (!links_are_protected() || link.st_uid == caller_.credentials().fs_uid) return {};
  struct stat directory {};
  if (::fstat(current_.get(), &directory) != 0) return Errno::last();
  constexpr mode_t shared = S_ISVTX | S_IWOTH;
  if ((directory.st_mode & shared) == shared && directory.st_uid != link.st_uid) return Errno{EACCES};
  return {};
}

Outcome<void> HandWalk::follow(const Component& component, const Fd& link, const struct stat& facts) {
  if (WARDER_GET(is_hidden(component.name))) return Errno{ENOENT};
  WARDER_GET(count_link());
  if (procfs_ && !is_procfs_root(current_) && WARDER_GET(is_magic(component))) return follow_magic(component);
  struct statfs mount {};
  if (::fstatfs(link.get(), &mount) == 0 && (mount.f_flags & no_follow_mount) != 0) return Errno{ELOOP};
  WARDER_GET(check_sticky(facts));
  std::array<char, PATH_MAX> target;
  const ssize_t size = ::readlinkat(link.get(), "", target.data(), target.size());
  if (size < 0) return Errno::last();
  if (size == 0) return Errno{ENOENT};
  if (static_cast<std::size_t>(size) + pending_.size() > max_pending) return Errno{ENAMETOOLONG};
  pending_.insert(0, target.data(), static_cast<std::size_t>(size));
  return target[0] == '/' ? follow_to_root() : Outcome<void>();
}

/// The kernel refuses to pass a magic link where it is asked to, and before that whoever may not look at the process.
Outcome<bool> HandWalk::is_magic(const Component& component) {
  const Outcome<Fd> through = open_here(component.name.c_str(), 0, RESOLVE_NO_MAGICLINKS);
  return through.code() == ELOOP || through.code() == EACCES;
}

Outcome<void> HandWalk::follow_magic(const Component& component) {
  if ((request_.resolve & RESOLVE_BENEATH) != 0) return Errno{EXDEV};
  if ((request_.resolve & (RESOLVE_NO_MAGICLINKS | RESOLVE_IN_ROOT)) != 0) return Errno{ELOOP};
  const bool own_descriptor = descriptors_ && is_number(component.name);
  Fd target = WARDER_GET(open_here(component.name.c_str(), 0, 0));
  if (component.directory_only) {
    struct stat facts {};
    if (::fstat(target.get(), &facts) != 0) return Errno::last();
    if (!S_ISDIR(facts.st_mode)) return Errno{ENOTDIR};
  }
  arrive(std::move(target));
  own_task_ = false;
  magic_ = true;
  PathText name;
  WARDER_GET(read_whole_name(caller_, current_, name));
  // The caller's descriptors were given to it; the root, cwd or program of some process elsewhere was not.
  const Belonging belonging = belonging_of(caller_.cache(), caller_.tid(), current_, name.view());
  if (belonging == Belonging::outside && !own_descriptor) return Errno{EACCES};
  if (procfs_) WARDER_GET(find_whose_directory());
  if (own_descriptor) {
    const std::string_view digits = component.name;
    std::from_chars(digits.data(), digits.data() + digits.size(), descriptor_);
  }
  return {};
}

/// After arriving somewhere in a procfs by a descriptor: whose directory is it? The caller's is marked, PID 1's is refused: a
/// worker may look into it, being of the same process, and nobody else must through a worker.
Outcome<void> HandWalk::find_whose_directory() {
  const Fd top = root_of_procfs(current_);
  if (!top.valid() || at(top)) return {};
  PathText here, above;
  WARDER_GET(read_name(caller_.cache(), current_, here));
  WARDER_GET(read_name(caller_.cache(), top, above));
  std::string_view rest = here.view();
  if (!rest.starts_with(above.view())) return Errno{EACCES};
  rest.remove_prefix(above.view() == "/" ? 0 : above.size());
  if (rest.size() < 2) return {};
  const std::string name(rest.substr(1, std::min(rest.find('/', 1), rest.size()) - 1));
  if (!is_number(name)) return {};
  rest.remove_prefix(1 + name.size());
  WARDER_GET(meet_process(top, name));
  descriptors_ = own_task_ && rest == "/fd";
  return {};
}

/// The directory of a process in the root of a procfs: is it the caller's, or PID 1's?
Outcome<void> HandWalk::meet_process(BorrowedFd procfs_root, const std::string& name) {
  caller_.identity().own();
  const bool forbidden = is_supervisor(procfs_root, name.c_str());
  const int level = procfs_level(caller_, procfs_root);
  WARDER_GET(caller_.act());
  if (forbidden) return Errno{EACCES};
  const auto is_at = [&](const NamespacePids& pids) {
    return level >= 0 && static_cast<std::size_t>(level) < pids.levels && name == std::to_string(pids.pid[level]);
  };
  own_task_ = is_at(caller_.status().process) || is_at(caller_.status().thread);
  return {};
}

/// Whether the current directory, or a name in it, is hidden. Nothing may be reached through it by ".." or as a link.
Outcome<bool> HandWalk::is_hidden(std::string_view in_it) {
  if (!policy_.hides()) return false;
  PathText name;
  WARDER_GET(read_whole_name(caller_, current_, name));
  return in_it.empty() ? policy_.path(name.view(), policy::Rights{}).hidden : policy_.hidden_in(name.view(), in_it);
}

Outcome<void> HandWalk::finish(Object& object) {
  object.fd = std::move(current_);
  object.descriptor = descriptor_;
  object.of_caller = own_task_;
  if (magic_) return name_descriptor(caller_, object);
  WARDER_GET(name_object(caller_, object));
  if (!own_task_ || !object.named) return {};
  // A profile that says /proc/self means the caller: its own directory goes by that name.
  constexpr std::string_view proc = "/proc/";
  const std::string_view name = object.name.view();
  if (!name.starts_with(proc)) return {};
  const std::size_t end = std::min(name.find('/', proc.size()), name.size());
  if (!is_number(name.substr(proc.size(), end - proc.size()))) return {};
  PathText own;
  if (own.assign("/proc/self") && own.append(name.substr(end))) object.name = own;
  return {};
}

}  // namespace warder::supervisor
