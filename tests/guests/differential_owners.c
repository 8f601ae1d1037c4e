// Who may change whose files where: several users, groups and sets of capabilities, sticky and setgid directories, set-id bits.
//
// Runs in an empty directory given as the argument; only as root, who plays everybody else.
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "differential.h"

static const struct {
  const char* name;
  mode_t mode;
  uid_t uid;
  gid_t gid;
} places[] = {
    {"plain", 0755, 0, 0},
    {"open", 0777, 0, 0},
    {"sticky", 01777, 0, 0},
    {"sticky-own", 01777, 1000, 0},
    {"sticky-other", 01777, 3000, 3000},
    {"sticky-group", 01775, 0, 2000},
    {"setgid", 02777, 0, 2000},
    {"setgid-other", 02775, 1000, 3000},
    {"private", 0700, 1000, 1000},
    {"search-only", 0711, 3000, 0},
};
#define EACH_PLACE(p) for (size_t p = 0; p < sizeof places / sizeof places[0]; p++)

static const struct {
  const char* name;
  mode_t mode;
  uid_t uid;
  gid_t gid;
} files[] = {
    {"roots", 0644, 0, 0},       {"own", 0640, 1000, 1000},          {"other", 0666, 3000, 3000},
    {"group", 0664, 3000, 2000}, {"setid", 06755, 1000, 1000},       {"setgid-lock", 02644, 1000, 2000},
    {"closed", 0, 1000, 1000},   {"setid-other", 06777, 3000, 2000},
};
#define EACH_FILE(f) for (size_t f = 0; f < sizeof files / sizeof files[0]; f++)

static void plant(void) {
  umask(0);
  EACH_PLACE(p) {
    must(mkdir(places[p].name, 0755) == 0 && chdir(places[p].name) == 0, places[p].name);
    EACH_FILE(f) {
      make_file(files[f].name, 0600, "contents\n");
      must(chown(files[f].name, files[f].uid, files[f].gid) == 0 && chmod(files[f].name, files[f].mode) == 0, files[f].name);
    }
    must(symlink("own", "link-of-root") == 0 && symlink("own", "link-of-other") == 0 && symlink("own", "link-of-own") == 0,
         "links");
    must(lchown("link-of-other", 3000, 3000) == 0 && lchown("link-of-own", 1000, 1000) == 0, "links");
    must(mkfifo("fifo-of-other", 0666) == 0 && chown("fifo-of-other", 3000, 3000) == 0, "fifo");
    must(mkdir("dir-of-other", 0777) == 0 && chown("dir-of-other", 3000, 3000) == 0, "directory");
    must(chdir("..") == 0 && chown(places[p].name, places[p].uid, places[p].gid) == 0, "owner");
    must(chmod(places[p].name, places[p].mode) == 0, "mode");
  }
  umask(022);
}

static void clear_away(void) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    execl("/bin/busybox", "rm", "-rf", "plain", "open", "sticky", "sticky-own", "sticky-other", "sticky-group", "setgid",
          "setgid-other", "private", "search-only", NULL);
    _exit(127);
  }
  waitpid(child, NULL, 0);
}

static void set_capabilities(uint64_t set) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {0};
  for (int i = 0; i < 2; i++) data[i].effective = data[i].permitted = (uint32_t)(set >> (32 * i));
  must(syscall(SYS_capset, &header, data) == 0, "capset");
}

static const struct {
  const char* name;
  uid_t uid;
  gid_t gid;
  uint64_t capabilities;
} actors[] = {
    {"root", 0, 0, ~0ULL},
    {"root without capabilities", 0, 0, 0},
    {"1000 in group 2000", 1000, 1000, 0},
    {"3000", 3000, 3000, 0},
    {"1000 with CAP_FOWNER", 1000, 1000, 1ULL << CAP_FOWNER},
    {"1000 with CAP_CHOWN", 1000, 1000, 1ULL << CAP_CHOWN},
    {"1000 with CAP_DAC_OVERRIDE", 1000, 1000, 1ULL << CAP_DAC_OVERRIDE},
    {"1000 with CAP_FSETID", 1000, 1000, 1ULL << CAP_FSETID},
    {"3000 with CAP_CHOWN and CAP_FSETID", 3000, 3000, 1ULL << CAP_CHOWN | 1ULL << CAP_FSETID},
};

static void become(size_t a) {
  if (actors[a].capabilities == ~0ULL) return;
  const gid_t group = 2000;
  must(prctl(PR_SET_KEEPCAPS, 1) == 0, "keepcaps");
  must(setgroups(actors[a].uid == 1000 ? 1 : 0, &group) == 0, "setgroups");
  must(setresgid(actors[a].gid, actors[a].gid, actors[a].gid) == 0, "setresgid");
  must(setresuid(actors[a].uid, actors[a].uid, actors[a].uid) == 0, "setresuid");
  set_capabilities(actors[a].capabilities);
}

/// What is said of a case must tell which it was: the place and the file go before.
static const char* here;
#define TRY(call, name)                                        \
  do {                                                         \
    errno = 0;                                                 \
    long tried = (long)(call);                                 \
    say("%s/%s: %s -> %s", here, name, #call, outcome(tried)); \
    if (tried >= 0) show(name);                                \
  } while (0)

static long opened(int fd) {
  if (fd >= 0) close(fd);
  return fd < 0 ? -1 : 0;
}

static void change_metadata(const char* f) {
  TRY(chmod(f, 0604), f);
  TRY(chmod(f, 07777), f);
  TRY(chmod(f, 02755), f);
  TRY(chown(f, (uid_t)-1, 2000), f);
  TRY(chown(f, (uid_t)-1, 3000), f);
  TRY(chown(f, 1000, (gid_t)-1), f);
  TRY(chown(f, (uid_t)-1, (gid_t)-1), f);
  TRY(chmod(f, 06777), f);
  TRY(chown(f, 3000, 3000), f);
  TRY(utimensat(AT_FDCWD, f, NULL, 0), f);
  const struct timespec times[2] = {{1, 0}, {2, 0}};
  TRY(utimensat(AT_FDCWD, f, times, 0), f);
  const struct timespec now_and_omit[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
  TRY(utimensat(AT_FDCWD, f, now_and_omit, 0), f);
  TRY(setxattr(f, "user.a", "b", 1, 0), f);
  TRY(access(f, R_OK), f);
  TRY(access(f, W_OK), f);
  TRY(access(f, X_OK), f);
  TRY(truncate(f, 5), f);
  TRY(opened(open(f, O_RDONLY)), f);
  TRY(opened(open(f, O_RDONLY | O_NOATIME)), f);
  TRY(opened(open(f, O_WRONLY | O_TRUNC)), f);
  TRY(opened(open(f, O_RDWR | O_CREAT, 0600)), f);
}

static void change_names(const char* f) {
  TRY(link(f, "linked"), "linked");
  TRY(unlink("linked"), f);
  TRY(rename(f, "renamed"), "renamed");
  TRY(rename("renamed", f), f);
  TRY(rename("own", f), f);
  TRY(renameat2(AT_FDCWD, f, AT_FDCWD, "link-of-root", RENAME_EXCHANGE), f);
  TRY(unlink(f), ".");
}

static void make_new(void) {
  static const mode_t masks[] = {022, 0, 077};
  for (size_t m = 0; m < sizeof masks / sizeof masks[0]; m++) {
    umask(masks[m]);
    TRY(opened(open("new", O_CREAT | O_EXCL | O_RDWR, 07777)), "new");
    TRY(mkdir("new-dir", 07777), "new-dir");
    TRY(mknod("new-fifo", S_IFIFO | 07777, 0), "new-fifo");
    TRY(mknod("new-device", S_IFCHR | 0666, makedev(1, 3)), "new-device");
    TRY(symlink("target", "new-link"), "new-link");
    TRY(opened(open(".", O_TMPFILE | O_RDWR, 02770)), ".");
    TRY(rmdir("new-dir"), ".");
    TRY(unlink("new"), ".");
    TRY(unlink("new-fifo"), ".");
    TRY(unlink("new-link"), ".");
  }
  umask(022);
  TRY(rmdir("dir-of-other"), ".");
  TRY(rename("dir-of-other", "moved-dir"), "moved-dir");
}

static void follow_links(void) {
  static const char* const links[] = {"link-of-root", "link-of-other", "link-of-own"};
  for (size_t l = 0; l < 3; l++) {
    struct stat st;
    TRY(opened(open(links[l], O_RDONLY)), links[l]);
    TRY(stat(links[l], &st), links[l]);
    TRY(lchown(links[l], 1000, 1000), links[l]);
    TRY(readlink(links[l], (char*)&st, sizeof st), links[l]);
  }
  TRY(opened(open("fifo-of-other", O_RDWR | O_NONBLOCK)), "fifo-of-other");
  TRY(opened(open("fifo-of-other", O_RDWR | O_CREAT | O_NONBLOCK, 0600)), "fifo-of-other");
}

static void act_everywhere(size_t a) {
  become(a);
  EACH_PLACE(p) {
    here = places[p].name;
    if (chdir(places[p].name) != 0) {
      say("%s: %s", here, outcome(-1));
      continue;
    }
    follow_links();
    EACH_FILE(f) change_metadata(files[f].name);
    make_new();
    EACH_FILE(f) change_names(files[f].name);
    must(chdir("..") == 0, "back");
  }
  EACH_PLACE(p) {
    here = ".";
    const char* name = places[p].name;
    TRY(chmod(name, 02770), name);
    TRY(chown(name, (uid_t)-1, 2000), name);
    TRY(chown(name, 1000, (gid_t)-1), name);
  }
  // From one place to another: rights on both, and a directory's own ".." changes.
  static const char* const moves[][2] = {{"open/other", "sticky/moved"},       {"sticky/other", "open/moved"},
                                         {"open/dir-of-other", "setgid/d"},    {"setgid/dir-of-other", "open/d"},
                                         {"private/own", "open/from-private"}, {"open/own", "private/to-private"}};
  here = ".";
  for (size_t m = 0; m < sizeof moves / sizeof moves[0]; m++) {
    TRY(rename(moves[m][0], moves[m][1]), moves[m][1]);
    TRY(link(moves[m][1], "plain/linked"), moves[m][1]);
  }
}

int main(int argc, char** argv) {
  begin(argc, argv);
  if (getuid() != 0) {
    say("only root can play everybody");
    return 0;
  }
  for (size_t a = 0; a < sizeof actors / sizeof actors[0]; a++) {
    say("as %s", actors[a].name);
    plant();
    IN_CHILD(act_everywhere(a));
    clear_away();
  }
  return 0;
}
