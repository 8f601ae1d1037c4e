// Programs that are executed without the name that they have in the directory:  nameless KIND PROGRAM DIRECTORY
//
// KIND: tmpfile and deleted (a copy made in DIRECTORY), linked (an unnamed copy that gets a name), fd and link (PROGRAM itself,
// by its descriptor and by /proc/self/fd), moved (a copy whose name is changed while it is open). Prints how it ended.
#include "guest.h"

static char* arguments[] = {"true", NULL};
static char* environment[] = {NULL};

static int copy(const char* program, int out) {
  int in = open(program, O_RDONLY);
  if (in < 0 || out < 0) return -1;
  char buffer[65536];
  for (ssize_t got; (got = read(in, buffer, sizeof buffer)) > 0;) must(write(out, buffer, (size_t)got) == got, "write");
  close(in);
  fchmod(out, 0755);
  return 0;
}

/// A descriptor that only reads, of the file behind one that writes, which is closed: nobody executes what is open for writing.
static int only_reading(int fd) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int reading = open(link, O_RDONLY | O_CLOEXEC);
  close(fd);
  return reading;
}

static void run(const char* kind, const char* program, const char* directory) {
  char path[256];
  char other[256];
  char link[64];
  snprintf(path, sizeof path, "%s/copy", directory);
  snprintf(other, sizeof other, "%s/other", directory);
  int fd = -1;
  if (strcmp(kind, "fd") == 0 || strcmp(kind, "link") == 0) {
    fd = open(program, O_RDONLY | O_CLOEXEC);
  } else {
    const bool unnamed = strcmp(kind, "tmpfile") == 0 || strcmp(kind, "linked") == 0;
    fd = unnamed ? open(directory, O_TMPFILE | O_RDWR, 0700) : open(path, O_CREAT | O_RDWR | O_TRUNC, 0700);
    if (copy(program, fd) != 0) return;
    fd = only_reading(fd);
  }
  if (fd < 0) return;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  if (strcmp(kind, "deleted") == 0) unlink(path);
  if (strcmp(kind, "moved") == 0 && rename(path, other) != 0) return;
  if (strcmp(kind, "linked") == 0) {
    if (linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) != 0) return;
    execve(path, arguments, environment);
    return;
  }
  if (strcmp(kind, "link") == 0)
    execve(link, arguments, environment);
  else
    syscall(SYS_execveat, fd, "", arguments, environment, AT_EMPTY_PATH);
}

int main(int argc, char** argv) {
  must(argc == 4, "usage");
  pid_t child = fork();
  if (child == 0) {
    run(argv[1], argv[2], argv[3]);
    _exit(100 + errno);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) {
    printf("signal %d\n", WTERMSIG(status));
  } else if (WEXITSTATUS(status) >= 100) {
    errno = WEXITSTATUS(status) - 100;
    printf("%s\n", outcome(-1));
  } else {
    printf("exit %d\n", WEXITSTATUS(status));
  }
  return 0;
}
