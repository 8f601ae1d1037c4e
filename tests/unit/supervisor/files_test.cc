// The handlers of paths, for real: the same code answers the same under the supervisor as without (law 3), and what a profile
// refuses is refused with its errno and its line.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <sstream>
#include <string>

#include "supervised.h"

namespace warder::supervisor::testing {
namespace {

/// Traps everything that can be trapped, and allows it.
constexpr const char* allow_all = R"(warder: 1
paths:
  "/**": all
  "/nowhere/*.secret": none
  "/never/*/there": hide
)";

void put(const char* path, mode_t mode, const char* text, uid_t owner = 0) {
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (::write(fd, text, std::string_view(text).size()) < 0 || ::fchmod(fd, mode) != 0 || ::fchown(fd, owner, owner) != 0)
    ::_exit(97);
  ::close(fd);
}

void tree() {
  put("/etc/passwd", 0644, "root\n");
  put("/etc/shadow", 0600, "secret\n");
  ::mkdir("/work/deep", 0755);
  put("/work/deep/file", 0644, "deep\n", 1000);
  ::mkdir("/work/user", 0755);
  if (::chown("/work/user", 1000, 1000) != 0 || ::chmod("/tmp", 01777) != 0) ::_exit(97);
  if (::symlink("deep/file", "/work/link") != 0 || ::symlink("/work/missing", "/work/dangling") != 0 ||
      ::symlink("/proc/self/fd", "/dev/fd") != 0 || ::symlink("loop", "/work/loop") != 0) {
    ::_exit(97);
  }
}

std::string state_of(const char* path) {
  struct stat facts {};
  if (::lstat(path, &facts) != 0) return "errno " + std::to_string(errno);
  return std::to_string(facts.st_mode) + " " + std::to_string(facts.st_uid) + ":" + std::to_string(facts.st_gid) + " " +
         std::to_string(S_ISDIR(facts.st_mode) ? 0 : facts.st_size);
}

void open_and_read(Report& report, const char* path, int flags, mode_t mode = 0) {
  const int fd = ::open(path, flags, mode);
  report.result(std::string(path) + " " + std::to_string(flags), fd);
  if (fd < 0) return;
  char text[64] = {};
  const ssize_t size = ::read(fd, text, sizeof text - 1);
  report.line(size < 0 ? "errno " + std::to_string(errno) : std::string(text, static_cast<std::size_t>(size)));
  report.line("flags " + std::to_string(::fcntl(fd, F_GETFL) & ~O_NOFOLLOW) + " " + std::to_string(::fcntl(fd, F_GETFD)));
  ::close(fd);
}

void opens(Report& report) {
  for (const int flags : {O_RDONLY, O_WRONLY, O_RDWR | O_CLOEXEC, O_PATH, O_NOFOLLOW, O_DIRECTORY, O_RDONLY | O_NONBLOCK}) {
    for (const char* path : {"/etc/passwd", "/etc/shadow", "/work/link", "/work/dangling", "/work/loop", "/work", "/work/", "/",
                             "/missing", "/etc/passwd/", "/etc/passwd/x", "/work/../etc/./passwd", "//etc//passwd", ""}) {
      open_and_read(report, path, flags);
    }
  }
  report.result("bad address", ::syscall(SYS_open, 1, O_RDONLY));
  const std::string longest(4095, '/');
  report.result("longest", ::open(longest.c_str(), O_RDONLY | O_CLOEXEC));
  report.result("too long", ::open((longest + "/").c_str(), O_RDONLY | O_CLOEXEC));
  report.result("long name", ::open(("/work/" + std::string(256, 'n')).c_str(), O_RDONLY | O_CLOEXEC));
  report.result("relative to no directory", ::openat(77, "x", O_RDONLY));
}

void creations(Report& report) {
  report.result("chdir", ::chdir("/work/user"));
  for (const mode_t mask : {022U, 077U, 0U}) {
    ::umask(mask);
    const std::string name = "new" + std::to_string(mask);
    open_and_read(report, name.c_str(), O_CREAT | O_RDWR, 06777);
    open_and_read(report, name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0666);
    open_and_read(report, name.c_str(), O_CREAT | O_TRUNC | O_RDWR, 0666);
    report.line(state_of(name.c_str()));
    const std::string directory = "dir" + std::to_string(mask);
    report.result("mkdir", ::mkdir(directory.c_str(), 0777));
    report.line(state_of(directory.c_str()));
    const std::string fifo = "fifo" + std::to_string(mask);
    report.result("mknod", ::mknod(fifo.c_str(), S_IFIFO | 0666, 0));
    report.line(state_of(fifo.c_str()));
  }
  open_and_read(report, "/work/dangling", O_CREAT | O_RDWR, 0644);
  report.line(state_of("/work/missing"));
  open_and_read(report, "new/", O_CREAT | O_RDWR, 0644);
  open_and_read(report, ".", O_CREAT | O_RDWR, 0644);
  const int temporary = ::open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
  report.result("tmpfile", temporary);
  report.result("link it", ::linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(temporary)).c_str(), AT_FDCWD, "linked",
                                    AT_SYMLINK_FOLLOW));
  report.line(state_of("linked"));
}

void changes(Report& report) {
  report.result("chdir", ::chdir("/work/user"));
  const int fd = ::open("file", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  report.result("write", ::write(fd, "12345", 5));
  report.result("chmod", ::chmod("file", 04711));
  report.result("fchmod", ::fchmod(fd, 02755));
  report.result("chmod of root's", ::chmod("/etc/passwd", 0644));
  report.result("chown", ::chown("file", 1000, 1000));
  report.result("chown to root", ::chown("file", 0, 0));
  report.result("truncate", ::truncate("file", 3));
  report.result("truncate negative", ::truncate("file", -1));
  report.result("truncate directory", ::truncate("/work/user", 0));
  report.line(state_of("file"));
  const timespec times[2] = {{1000, 0}, {2000, 0}};
  report.result("utimensat", ::utimensat(AT_FDCWD, "file", times, 0));
  report.result("futimens", ::futimens(fd, times));
  struct stat facts {};
  ::fstat(fd, &facts);
  report.line(std::to_string(facts.st_atime) + " " + std::to_string(facts.st_mtime));
  report.result("setxattr", ::setxattr("file", "user.colour", "red", 3, 0));
  report.result("fsetxattr", ::fsetxattr(fd, "user.size", "big", 3, XATTR_CREATE));
  report.result("fsetxattr again", ::fsetxattr(fd, "user.size", "big", 3, XATTR_CREATE));
  report.result("removexattr", ::removexattr("file", "user.colour"));
  report.result("symlink", ::symlink("file", "soft"));
  report.result("symlink again", ::symlink("file", "soft"));
  report.result("lchown", ::lchown("soft", 1000, 1000));
  report.result("link", ::link("file", "hard"));
  report.result("rename", ::rename("hard", "harder"));
  report.result("rename missing", ::rename("hard", "hardest"));
  report.result("rename directory to file", ::rename("/work/user", "file"));
  report.result("rename dot", ::rename(".", "x"));
  report.result("mkdir", ::mkdir("sub/", 0755));
  report.result("mkdir again", ::mkdir("sub", 0755));
  report.result("rename file with a slash", ::rename("file/", "y"));
  report.result("rename directory with a slash", ::rename("sub/", "other/"));
  report.result("exchange", ::renameat2(AT_FDCWD, "other", AT_FDCWD, "file", RENAME_EXCHANGE));
  report.result("no replace", ::renameat2(AT_FDCWD, "other", AT_FDCWD, "file", RENAME_NOREPLACE));
  report.result("rmdir file", ::rmdir("other"));
  report.result("unlink directory", ::unlink("file"));
  report.result("unlink with a slash", ::unlink("other/"));
  report.result("unlink missing", ::unlink("missing"));
  report.result("rmdir", ::rmdir("file"));
  report.result("rmdir dot", ::rmdir("/work/user/."));
  report.result("unlink", ::unlink("harder"));
  report.result("unlink of root's", ::unlink("/etc/passwd"));
  report.result("mkdir of root's", ::mkdir("/etc/new", 0755));
}

/// Whatever leads through a procfs is the caller's, not the supervisor's.
void selves(Report& report) {
  const auto read_of = [&](const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return report.line(path + ": errno " + std::to_string(errno));
    std::string text(4096, '\0');
    const ssize_t size = ::read(fd, text.data(), text.size());
    ::close(fd);
    report.line(path + ": " + text.substr(0, size < 0 ? 0 : static_cast<std::size_t>(size)).substr(0, 30));
  };
  const int file = ::open("/etc/passwd", O_RDONLY | O_CLOEXEC);
  const std::string number = std::to_string(file);
  for (const char* path :
       {"/proc/self/stat", "/proc/thread-self/stat", "/proc/1/stat", "/proc/./self/stat", "/proc//self/../self/comm",
        "/proc/thread-self/../1/comm", "/proc/self/root/etc/passwd", "/proc/self/cwd/etc/passwd", "/proc/2/stat",
        "/proc/self/nothing", "/proc/self/environ", "/proc/sys/kernel/ostype", "/proc/mounts"}) {
    read_of(path);
  }
  read_of("/proc/self/fd/" + number);
  read_of("/dev/fd/" + number);
  read_of("/proc/self/fd/77");
  read_of("/proc/self/fd/" + number + "/");
  report.result("of a directory of proc", ::openat(::open("/proc", O_PATH | O_CLOEXEC), "self/comm", O_RDONLY | O_CLOEXEC) >= 0);
  int ends[2];
  if (::pipe(ends) != 0) ::_exit(96);
  report.result("pipe", ::open(("/proc/self/fd/" + std::to_string(ends[1])).c_str(), O_WRONLY | O_CLOEXEC) >= 0);
  const int locked = ::open("/work/deep/file", O_PATH | O_CLOEXEC);
  report.result("upgrade of O_PATH", ::open(("/proc/self/fd/" + std::to_string(locked)).c_str(), O_RDONLY | O_CLOEXEC) >= 0);
  char target[64] = {};
  report.result("readlink self", ::readlink("/proc/self", target, sizeof target));
  report.line(target);
  report.result("mem", ::open("/proc/self/mem", O_RDWR | O_CLOEXEC) >= 0);
  report.result("fd directory", ::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0);
}

/// Line by line, so that a difference can be read.
void expect_equal(const std::string& supervised, const std::string& native) {
  std::istringstream left(supervised), right(native);
  std::string one, two;
  for (int number = 1;; ++number) {
    const bool more = static_cast<bool>(std::getline(left, one));
    if (more != static_cast<bool>(std::getline(right, two))) BOOST_ERROR("the reports end differently at line " << number);
    if (!left || !right) return;
    if (one != two) BOOST_ERROR("line " << number << ": supervised: " << one << "; native: " << two);
  }
}

void compare(void (*body)(Report&), uid_t uid) {
  Setting setting;
  setting.profile = allow_all;
  setting.before = tree;
  setting.body = body;
  setting.uid = setting.gid = uid;
  if (uid != 0) setting.groups = {2000, 3000};
  const Outcome native = run_natively(setting);
  const Outcome supervised = run_supervised(setting);
  BOOST_TEST(!native.report.empty());
  expect_equal(supervised.report, native.report);
  BOOST_TEST(supervised.audit == "");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(files)

BOOST_AUTO_TEST_CASE(opening_is_as_without_a_supervisor_for_root) { compare(opens, 0); }
BOOST_AUTO_TEST_CASE(opening_is_as_without_a_supervisor_for_a_user) { compare(opens, 1000); }
BOOST_AUTO_TEST_CASE(what_root_creates_has_roots_owner_mode_and_umask) { compare(creations, 0); }
BOOST_AUTO_TEST_CASE(what_a_user_creates_has_its_owner_mode_and_umask) { compare(creations, 1000); }
BOOST_AUTO_TEST_CASE(changes_are_as_without_a_supervisor_for_root) { compare(changes, 0); }
BOOST_AUTO_TEST_CASE(changes_are_as_without_a_supervisor_for_a_user) { compare(changes, 1000); }
BOOST_AUTO_TEST_CASE(proc_self_is_the_caller_for_root) { compare(selves, 0); }
BOOST_AUTO_TEST_CASE(proc_self_is_the_caller_for_a_user) { compare(selves, 1000); }

BOOST_AUTO_TEST_SUITE_END()

}  // namespace warder::supervisor::testing
