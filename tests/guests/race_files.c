// Races on the calls that name files; see race.h. The suite makes /race/{ok,no,ro,hi,sw} with the objects that are used here.
#include <linux/openat2.h>
#include <sys/xattr.h>

#include "race.h"

static struct stat before;

static void remember(void) { must(stat(denied_path, &before) == 0, "the denied object"); }
static void make(const char* path, const char* text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) return;
  write(fd, text, strlen(text));
  close(fd);
}

// Opening: the first byte of a denied file is D.
static long act_open(void) { return open(shared->path, O_RDONLY); }
static long act_sys_open(void) { return syscall(SYS_open, shared->path, O_RDONLY); }
static long act_openat2(void) {
  struct open_how how = {.flags = O_RDONLY};
  return syscall(SYS_openat2, AT_FDCWD, shared->path, &how, sizeof how);
}
static long act_openat_fd(void) { return openat(flipped_fd, "f", O_RDONLY); }
static bool opened_denied(long fd) {
  if (fd < 0) return false;
  char first = 0;
  read((int)fd, &first, 1);
  close((int)fd);
  return first == 'D';
}
static long act_create(void) { return open(shared->path, O_WRONLY | O_CREAT, 0644); }
static long act_creat(void) { return syscall(SYS_creat, shared->path, 0644); }
static long act_magic(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", flipped_fd);
  return open(path, O_WRONLY);
}
static bool opened_inode(long fd) {
  if (fd < 0) return false;
  struct stat st;
  fstat((int)fd, &st);
  close((int)fd);
  return st.st_ino == before.st_ino;
}

static void directories(void) {
  char path[64];
  snprintf(path, sizeof path, "/race/%s", race->denied);
  allowed_fd = open("/race/ok", O_PATH | O_DIRECTORY);
  denied_fd = open(path, O_PATH | O_DIRECTORY);
  flipped_fd = dup(allowed_fd);
  must(allowed_fd >= 0 && denied_fd >= 0, "directories");
}
static void files(void) {
  remember();
  allowed_fd = open(allowed_path, O_RDONLY);
  denied_fd = open(denied_path, O_RDONLY);
  flipped_fd = dup(allowed_fd);
  must(allowed_fd >= 0 && denied_fd >= 0, "files");
}

// Names that go.
static long act_unlink(void) { return unlink(shared->path); }
static long act_unlinkat_fd(void) { return unlinkat(flipped_fd, "f", 0); }
static bool lost_file(long result) {
  if (result >= 0) make(allowed_path, "allowed\n");
  struct stat st;
  if (stat(denied_path, &st) == 0) return false;
  make(denied_path, "Denied\n");
  return true;
}
static long act_rmdir(void) { return rmdir(shared->path); }
static bool lost_directory(long result) {
  if (result >= 0) mkdir(allowed_path, 0755);
  struct stat st;
  if (stat(denied_path, &st) == 0) return false;
  mkdir(denied_path, 0755);
  return true;
}
static long act_rename_from(void) { return rename(shared->path, "/race/ok/moved"); }
static long act_rename_to(void) {
  make("/race/ok/source", "source\n");
  return rename("/race/ok/source", shared->path);
}
static bool replaced(long result) {
  if (result >= 0) make(allowed_path, "allowed\n");
  struct stat st;
  if (stat(denied_path, &st) == 0 && st.st_ino == before.st_ino) return false;
  unlink(denied_path);
  make(denied_path, "Denied\n");
  stat(denied_path, &before);
  return true;
}

// Names that come: the denied one must stay absent.
static long act_mkdir(void) { return mkdir(shared->path, 0755); }
static long act_mkdirat_fd(void) { return mkdirat(flipped_fd, race->object, 0755); }
static long act_mknod(void) { return mknod(shared->path, S_IFIFO | 0644, 0); }
static long act_symlink(void) { return symlink("target", shared->path); }
static long act_link(void) { return link("/race/ok/f", shared->path); }
static long act_link_from(void) { return link(shared->path, "/race/ok/hard"); }
static bool appeared(long result) {
  if (result >= 0 && unlink(allowed_path) != 0) rmdir(allowed_path);
  struct stat st;
  if (lstat(denied_path, &st) != 0) return false;
  if (unlink(denied_path) != 0) rmdir(denied_path);
  return true;
}
static bool linked(long result) {
  struct stat st;
  stat(denied_path, &st);
  if (result >= 0) unlink("/race/ok/hard");
  return st.st_nlink > 1;
}

// Metadata.
static long act_chmod(void) { return chmod(shared->path, 0600); }
static long act_fchmod_fd(void) { return fchmod(flipped_fd, 0600); }
static long act_chown(void) { return chown(shared->path, 1000, 1000); }
static long act_truncate(void) { return truncate(shared->path, 3); }
static long act_utimens(void) {
  static const struct timespec times[2] = {{1, 1}, {1, 1}};
  return utimensat(AT_FDCWD, shared->path, times, 0);
}
static bool changed(long result) {
  (void)result;
  struct stat st;
  if (stat(denied_path, &st) != 0) return true;
  if (st.st_mode == before.st_mode && st.st_uid == before.st_uid && st.st_size == before.st_size &&
      st.st_mtim.tv_sec == before.st_mtim.tv_sec)
    return false;
  chmod(denied_path, before.st_mode & 07777);
  chown(denied_path, before.st_uid, before.st_gid);
  make(denied_path, "Denied\n");
  stat(denied_path, &before);
  return true;
}
static long act_setxattr(void) { return setxattr(shared->path, "user.race", "x", 1, 0); }
static bool marked(long result) {
  (void)result;
  char value[4];
  if (getxattr(denied_path, "user.race", value, sizeof value) < 0) return false;
  removexattr(denied_path, "user.race");
  return true;
}

// Hidden objects: "x" and "dir" exist only where they are hidden, "f" has its size there.
static long act_stat(void) {
  struct stat st;
  return stat(shared->path, &st) == 0 ? st.st_size : -1;
}
static long act_statx(void) {
  struct statx st;
  return statx(AT_FDCWD, shared->path, 0, STATX_SIZE, &st) == 0 ? (long)st.stx_size : -1;
}
static long act_fstatat_fd(void) {
  struct stat st;
  return fstatat(flipped_fd, "f", &st, 0) == 0 ? st.st_size : -1;
}
static bool saw_size(long size) { return size == 4242; }
static long act_access(void) { return access(shared->path, F_OK); }
static long act_readlink(void) {
  char text[16];
  return readlink(shared->path, text, sizeof text);
}
static long act_chdir(void) { return chdir(shared->path); }
static bool any_success(long result) { return result >= 0; }

// Execution: the program says by its exit code from where it was started.
static long exec_child(bool by_fd) {
  pid_t child = (pid_t)syscall(SYS_clone, (by_fd ? CLONE_FILES : 0) | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) {
    char* args[] = {"prog", "child", NULL};
    char* none[] = {NULL};
    if (by_fd)
      syscall(SYS_execveat, flipped_fd, "prog", args, none, 0);
    else
      execve(shared->path, args, none);
    _exit(99);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) != 99 ? WEXITSTATUS(status) : -1;
}
static long act_exec(void) { return exec_child(false); }
static long act_execveat_fd(void) { return exec_child(true); }
static bool ran_denied(long code) { return code == 7; }

static const struct race races[] = {
    {"open", path_bytes, "no", "f", NULL, act_open, opened_denied},
    {"sys_open", path_bytes, "no", "f", NULL, act_sys_open, opened_denied},
    {"openat2", path_bytes, "no", "f", NULL, act_openat2, opened_denied},
    {"openat_fd", descriptor, "no", "f", directories, act_openat_fd, opened_denied},
    {"create", path_bytes, "no", "f", remember, act_create, opened_inode},
    {"creat", path_bytes, "no", "f", remember, act_creat, opened_inode},
    {"magic_fd", descriptor, "ro", "f", files, act_magic, opened_inode},
    {"unlink", path_bytes, "no", "f", NULL, act_unlink, lost_file},
    {"unlinkat_fd", descriptor, "no", "f", directories, act_unlinkat_fd, lost_file},
    {"rmdir", path_bytes, "no", "e", NULL, act_rmdir, lost_directory},
    {"rename_from", path_bytes, "no", "f", remember, act_rename_from, replaced},
    {"rename_to", path_bytes, "no", "f", remember, act_rename_to, replaced},
    {"mkdir", path_bytes, "no", "d", NULL, act_mkdir, appeared},
    {"mkdirat_fd", descriptor, "no", "d", directories, act_mkdirat_fd, appeared},
    {"mknod", path_bytes, "no", "n", NULL, act_mknod, appeared},
    {"symlink", path_bytes, "no", "s", NULL, act_symlink, appeared},
    {"link", path_bytes, "no", "h", NULL, act_link, appeared},
    {"link_from", path_bytes, "no", "f", remember, act_link_from, linked},
    {"chmod", path_bytes, "no", "f", remember, act_chmod, changed},
    {"fchmod_fd", descriptor, "ro", "f", files, act_fchmod_fd, changed},
    {"chown", path_bytes, "no", "f", remember, act_chown, changed},
    {"truncate", path_bytes, "no", "f", remember, act_truncate, changed},
    {"utimens", path_bytes, "no", "f", remember, act_utimens, changed},
    {"setxattr", path_bytes, "no", "f", NULL, act_setxattr, marked},
    {"stat", path_bytes, "hi", "f", NULL, act_stat, saw_size},
    {"statx", path_bytes, "hi", "f", NULL, act_statx, saw_size},
    {"fstatat_fd", descriptor, "hi", "f", directories, act_fstatat_fd, saw_size},
    {"access", path_bytes, "hi", "x", NULL, act_access, any_success},
    {"readlink", path_bytes, "hi", "x", NULL, act_readlink, any_success},
    {"chdir", path_bytes, "hi", "dir", NULL, act_chdir, any_success},
    {"exec", path_bytes, "no", "prog", NULL, act_exec, ran_denied},
    {"execveat_fd", descriptor, "no", "prog", directories, act_execveat_fd, ran_denied},
};

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "child") == 0) {
    char text[64] = "";
    readlink("/proc/self/exe", text, sizeof text - 1);
    return strstr(text, "/no/") != NULL ? 7 : 0;
  }
  return run_race(races, sizeof races / sizeof races[0], argc, argv);
}
