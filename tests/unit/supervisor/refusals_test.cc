// What a profile refuses is refused by the handlers, with its errno and its line in the audit log; and what waits does not wait
// alone.
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <string>

#include "supervised.h"

namespace warder::supervisor::testing {
namespace {

constexpr const char* job = R"(warder: 1
paths:
  "/**": rx
  "/tmp/**": rw
  "/work/**": rwx
  "/work/*/hooks/**": ro
  "/work/.git/**": rwx
  "/work/.git/hooks/**": ro
  "/etc/shadow": none
  "/run/*.secret": hide
  "/run/secrets/**": hide
)";

void make(const char* path) {
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0 || ::write(fd, "x\n", 2) != 2) ::_exit(97);
  ::close(fd);
}

void tree() {
  for (const char* name :
       {"/run", "/run/secrets", "/run/secrets/deep", "/work/.git", "/work/.git/hooks", "/work/sub", "/work/sub/hooks"}) {
    if (::mkdir(name, 0755) != 0) ::_exit(97);
  }
  for (const char* name :
       {"/etc/shadow", "/etc/passwd", "/run/secrets/key", "/run/a.secret", "/run/plain", "/work/.git/hooks/post", "/work/file"}) {
    make(name);
  }
  if (::symlink("/etc/shadow", "/work/to-shadow") != 0 || ::symlink("../etc/passwd", "/run/secrets/out") != 0 ||
      ::symlink("/run/secrets", "/work/to-secrets") != 0) {
    ::_exit(97);
  }
}

Outcome supervised(void (*body)(Report&)) {
  Setting setting;
  setting.profile = job;
  setting.before = tree;
  setting.body = body;
  return run_supervised(setting);
}

int open_of(const char* path, int flags, mode_t mode = 0) { return ::open(path, flags | O_CLOEXEC, mode); }

void files_and_names(Report& report) {
  report.result("read shadow", open_of("/etc/shadow", O_RDONLY));
  report.result("by link", open_of("/work/to-shadow", O_RDONLY));
  report.result("by dots", open_of("/work/../etc//shadow", O_RDONLY));
  report.result("by root", open_of("/proc/self/root/etc/shadow", O_RDONLY));
  const int path = open_of("/etc/shadow", O_PATH);
  report.result("O_PATH", path > 0);
  report.result("upgrade", open_of(("/proc/self/fd/" + std::to_string(path)).c_str(), O_RDONLY));
  report.result("write passwd", open_of("/etc/passwd", O_WRONLY));
  report.result("truncating read", open_of("/etc/passwd", O_RDONLY | O_TRUNC));
  report.result("create in etc", open_of("/etc/new", O_WRONLY | O_CREAT, 0644));
  report.result("temporary in etc", open_of("/etc", O_TMPFILE | O_RDWR, 0644));
  report.result("truncate", ::truncate("/etc/passwd", 0));
  report.result("chmod", ::chmod("/etc/passwd", 0777));
  report.result("fchmod", ::fchmod(open_of("/etc/passwd", O_RDONLY), 0777));
  report.result("chown in work", ::chown("/work/file", 1, 1));
  report.result("utimens", ::utimensat(AT_FDCWD, "/etc/passwd", nullptr, 0));
  report.result("futimens", ::futimens(open_of("/etc/passwd", O_RDONLY), nullptr));
  report.result("setxattr", ::setxattr("/etc/passwd", "user.x", "y", 1, 0));
  report.result("mkdir", ::mkdir("/etc/dir", 0755));
  report.result("mkdir of what is there", ::mkdir("/etc", 0755));
  report.result("exclusive of what is there", open_of("/etc/passwd", O_WRONLY | O_CREAT | O_EXCL, 0644));
  report.result("unlink", ::unlink("/etc/passwd"));
  report.result("unlink of what is not there", ::unlink("/etc/missing"));
  report.result("rmdir", ::rmdir("/run"));
  report.result("mknod device", ::mknod("/work/null", S_IFCHR | 0666, 0x103));
  report.result("link out", ::link("/etc/passwd", "/work/passwd"));
  report.result("rename out", ::rename("/etc/passwd", "/work/passwd"));
  report.result("watch", ::inotify_add_watch(::inotify_init1(IN_CLOEXEC), "/etc/shadow", IN_MODIFY));
  report.result("write in work", open_of("/work/file", O_RDWR) > 0);
}

void directories(Report& report) {
  report.result("hook", open_of("/work/.git/hooks/pre", O_WRONLY | O_CREAT, 0755));
  report.result("move of .git", ::rename("/work/.git", "/work/g"));
  report.result("exchange of .git", ::renameat2(AT_FDCWD, "/work/sub", AT_FDCWD, "/work/.git", RENAME_EXCHANGE));
  report.result("move of hooks", ::rename("/work/.git/hooks", "/work/h"));
  report.result("mkdir", ::mkdir("/work/plain", 0755));
  report.result("move of a plain one", ::rename("/work/plain", "/work/plainer"));
  report.result("move of a file", ::rename("/work/file", "/work/g"));
}

void hidden(Report& report) {
  struct stat facts {};
  struct statx more {};
  char text[64];
  report.result("stat", ::stat("/run/secrets/key", &facts));
  report.result("stat of directory", ::stat("/run/secrets", &facts));
  report.result("lstat", ::lstat("/run/a.secret", &facts));
  report.result("statx", ::statx(AT_FDCWD, "/run/a.secret", 0, STATX_ALL, &more));
  report.result("access", ::access("/run/a.secret", F_OK));
  report.result("open", open_of("/run/a.secret", O_RDONLY));
  report.result("open O_PATH", open_of("/run/a.secret", O_PATH));
  report.result("below", open_of("/run/secrets/deep", O_RDONLY));
  report.result("through", ::stat("/run/secrets/../plain", &facts));
  report.result("through a file", ::stat("/run/a.secret/x", &facts));
  report.result("by a link out", ::stat("/run/secrets/out", &facts));
  report.result("by a link in", ::stat("/work/to-secrets/key", &facts));
  report.result("the link itself", ::readlink("/work/to-secrets", text, sizeof text));
  report.result("a hidden link", ::readlink("/run/secrets/out", text, sizeof text));
  report.result("chdir", ::chdir("/run/secrets"));
  report.result("unlink", ::unlink("/run/a.secret"));
  report.result("rename", ::rename("/run/a.secret", "/work/a"));
  report.result("rename onto", ::rename("/work/file", "/run/b.secret"));
  report.result("create", open_of("/run/a.secret", O_WRONLY | O_CREAT, 0644));
  report.result("mkdir", ::mkdir("/run/secrets", 0755));
  report.result("plain", ::stat("/run/plain", &facts));
  report.result("mode", facts.st_mode);
  report.result("absent", ::stat("/run/absent", &facts));
  std::string names;
  if (DIR* const directory = ::opendir("/run")) {
    for (const dirent* entry; (entry = ::readdir(directory)) != nullptr;) {
      if (entry->d_name[0] != '.') names += std::string(entry->d_name) + " ";
    }
    ::closedir(directory);
  }
  report.line("listing: " + names);
}

std::atomic<int> handled{0};
void on_alarm(int /*signal*/) { ++handled; }

void waiting(Report& report) {
  report.result("mkfifo", ::mkfifo("/work/fifo", 0600));
  const pid_t reader = ::fork();
  if (reader == 0) {
    const int fd = open_of("/work/fifo", O_RDONLY);
    char byte = 0;
    ::_exit(::read(fd, &byte, 1) == 1 && byte == 'y' ? 0 : 1);
  }
  ::usleep(50000);
  for (int i = 0; i < 20; ++i) ::close(open_of("/work/file", O_RDONLY));  // others go on
  const int fd = open_of("/work/fifo", O_WRONLY);
  report.result("write", ::write(fd, "y", 1));
  int status = 0;
  ::waitpid(reader, &status, 0);
  report.result("reader", status);
  ::close(fd);

  struct sigaction action {};
  action.sa_handler = on_alarm;
  ::sigaction(SIGALRM, &action, nullptr);
  ::ualarm(50000, 0);
  report.result("interrupted", open_of("/work/fifo", O_RDONLY));
  report.result("handled", handled.load());
  const pid_t killed = ::fork();
  if (killed == 0) {
    open_of("/work/fifo", O_RDONLY);
    ::_exit(0);
  }
  ::usleep(50000);
  ::kill(killed, SIGKILL);
  ::waitpid(killed, &status, 0);
  report.result("killed", WTERMSIG(status));
}

void leases(Report& report) {
  const int held = open_of("/work/file", O_RDWR);
  ::signal(SIGIO, SIG_IGN);
  report.result("lease", ::fcntl(held, F_SETLEASE, F_WRLCK));
  const pid_t opener = ::fork();
  if (opener == 0) ::_exit(open_of("/work/file", O_RDONLY) > 0 ? 0 : 1);
  ::usleep(100000);
  for (int i = 0; i < 20; ++i) ::close(open_of("/etc/passwd", O_RDONLY));
  report.result("still waiting", ::waitpid(opener, nullptr, WNOHANG));
  report.result("unlease", ::fcntl(held, F_SETLEASE, F_UNLCK));
  int status = 1;
  ::waitpid(opener, &status, 0);
  report.result("opened", status);
}

char flipping[64] = "/etc/passwd";
std::atomic<bool> over{false};

void linger() {
  static std::atomic<int> turns{0};
  for (int i = 0; i < 300; ++i) turns.fetch_add(1, std::memory_order_relaxed);
}

void* flip(void* /*nothing*/) {
  // The two names differ in their last six bytes.
  while (!over.load(std::memory_order_relaxed)) {
    std::memcpy(flipping + 5, "shadow", 7);
    linger();
    std::memcpy(flipping + 5, "passwd", 7);
    linger();
  }
  return nullptr;
}

void races(Report& report) {
  pthread_t thread;
  ::pthread_create(&thread, nullptr, flip, nullptr);
  struct stat secret {};
  ::stat("/etc/shadow", &secret);
  int opened = 0, refused = 0, won = 0;
  for (int i = 0; i < 5000; ++i) {
    const int fd = open_of(flipping, O_RDONLY);
    if (fd < 0) {
      ++refused;
      continue;
    }
    struct stat facts {};
    ::fstat(fd, &facts);
    if (facts.st_ino == secret.st_ino) ++won;
    ++opened;
    ::close(fd);
  }
  over = true;
  ::pthread_join(thread, nullptr);
  report.result("opened some", opened > 0);
  report.result("refused some", refused > 0);
  report.result("won", won);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(refusals)

BOOST_AUTO_TEST_CASE(what_is_not_allowed_is_refused_by_every_name_and_logged) {
  const Outcome outcome = supervised(files_and_names);
  BOOST_TEST(outcome.report ==
             "read shadow: errno 13\nby link: errno 13\nby dots: errno 13\nby root: errno 13\nO_PATH: 1\nupgrade: errno 13\n"
             "write passwd: errno 13\ntruncating read: errno 13\ncreate in etc: errno 13\ntemporary in etc: errno 13\n"
             "truncate: errno 13\nchmod: errno 13\nfchmod: errno 13\nchown in work: errno 13\nutimens: errno 13\n"
             "futimens: errno 13\nsetxattr: errno 13\nmkdir: errno 13\nmkdir of what is there: errno 17\n"
             "exclusive of what is there: errno 17\nunlink: errno 13\nunlink of what is not there: errno 2\nrmdir: errno 13\n"
             "mknod device: errno 13\nlink out: errno 13\nrename out: errno 13\nwatch: errno 13\nwrite in work: 1\n");
  BOOST_TEST(outcome.audit.find("\"/etc/shadow\"") != std::string::npos);
  BOOST_TEST(outcome.audit.find("test.yaml:9") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_directory_moves_only_where_nothing_below_gains) {
  BOOST_TEST(supervised(directories).report ==
             "hook: errno 13\nmove of .git: errno 18\nexchange of .git: errno 18\nmove of hooks: errno 18\nmkdir: 0\n"
             "move of a plain one: 0\nmove of a file: 0\n");
}

BOOST_AUTO_TEST_CASE(what_is_hidden_reads_as_absent) {
  BOOST_TEST(supervised(hidden).report ==
             "stat: errno 2\nstat of directory: errno 2\nlstat: errno 2\nstatx: errno 2\naccess: errno 2\nopen: errno 2\n"
             "open O_PATH: errno 2\nbelow: errno 2\nthrough: errno 2\nthrough a file: errno 2\nby a link out: errno 2\n"
             "by a link in: errno 2\nthe link itself: 12\na hidden link: errno 2\nchdir: errno 2\nunlink: errno 2\n"
             "rename: errno 2\nrename onto: errno 13\ncreate: errno 13\nmkdir: errno 13\nplain: 0\nmode: 33188\n"
             "absent: errno 2\nlisting: plain \n");
}

BOOST_AUTO_TEST_CASE(an_open_that_waits_holds_nobody_up_and_heeds_signals) {
  BOOST_TEST(supervised(waiting).report == "mkfifo: 0\nwrite: 1\nreader: 0\ninterrupted: errno 4\nhandled: 1\nkilled: 9\n");
}

BOOST_AUTO_TEST_CASE(a_lease_keeps_only_its_own_opener_waiting) {
  BOOST_TEST(supervised(leases).report == "lease: 0\nstill waiting: 0\nunlease: 0\nopened: 0\n");
}

BOOST_AUTO_TEST_CASE(a_path_that_is_rewritten_meanwhile_wins_nothing) {
  BOOST_TEST(supervised(races).report == "opened some: 1\nrefused some: 1\nwon: 0\n");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace warder::supervisor::testing
