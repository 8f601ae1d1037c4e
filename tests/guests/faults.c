// faults MILLISECONDS: calls without end while the supervisor's own system calls fail under it. Counts what must not be: a
// refused call that succeeded ("passed"), a success without its effect ("untrue"), the right name with the wrong contents
// ("wrong").
#include <arpa/inet.h>
#include <netinet/in.h>

#include "guest.h"

static long passed, untrue, wrong, good, failed;

static void refused(long result, const char* what) {
  if (result < 0) return;
  passed++;
  printf("passed: %s\n", what);
  fflush(stdout);
}
static void lie(const char* what) {
  untrue++;
  printf("untrue: %s\n", what);
  fflush(stdout);
}
static void expected(long result) { *(result >= 0 ? &good : &failed) += 1; }

static void look(void) {
  struct stat st;
  int fd = open("/etc/passwd", O_RDONLY);
  expected(fd);
  if (fd >= 0) {
    char text[5] = "";
    if (read(fd, text, 4) != 4 || strcmp(text, "root") != 0) wrong++;
    close(fd);
  }
  long result = stat("/etc/passwd", &st);
  expected(result);
  if (result == 0 && !S_ISREG(st.st_mode)) wrong++;
  refused(open("/etc/shadow", O_RDONLY), "open of a refused file");
  refused(open("/etc/kept", O_WRONLY), "open for writing");
  refused(stat("/nowhere/a.x", &st), "stat of a hidden file");
}
static void change(void) {
  struct stat st;
  long result = mkdir("/work/d", 0755);
  expected(result);
  if (result == 0 && syscall(SYS_faccessat, AT_FDCWD, "/work/d", F_OK) != 0 && errno == ENOENT) lie("mkdir");
  result = rename("/work/d", "/work/e");
  expected(result);
  result = open("/work/f", O_CREAT | O_WRONLY, 0600);
  expected(result);
  if (result >= 0) {
    // Not the C library's fstat: an empty path is a path, and to read it may fail too.
    if (syscall(SYS_fstat, (int)result, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & 07777) != 0600) lie("open");
    close((int)result);
  }
  rmdir("/work/d");
  rmdir("/work/e");
  unlink("/work/f");
  refused(unlink("/etc/kept"), "unlink");
  refused(chmod("/etc/kept", 0777), "chmod");
  refused(rename("/etc/shadow", "/work/stolen"), "rename");
  refused(link("/etc/shadow", "/work/stolen"), "link");
  refused(truncate("/etc/kept", 0), "truncate");
}
static void go_out(void) {
  struct sockaddr_in allowed = {.sin_family = AF_INET, .sin_port = htons(7101), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  struct sockaddr_in denied = allowed;
  denied.sin_port = htons(7102);
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  char byte = 'x';
  expected(sendto(fd, &byte, 1, 0, (struct sockaddr*)&allowed, sizeof allowed));
  refused(sendto(fd, &byte, 1, 0, (struct sockaddr*)&denied, sizeof denied), "sendto");
  refused(connect(fd, (struct sockaddr*)&denied, sizeof denied), "connect");
  close(fd);
}
static void execute(void) {
  pid_t child = fork();
  if (child == 0) {
    char* words[] = {"denied", NULL};
    execv("/work/denied", words);
    _exit(99);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) refused(0, "execve");
}

int main(int argc, char** argv) {
  must(argc == 2, "usage");
  sleep_ms(1000);  // until the faults begin
  for (long end = now_ms() + atol(argv[1]); now_ms() < end;) {
    look();
    change();
    go_out();
    execute();
  }
  printf("passed %ld untrue %ld wrong %ld some %d\n", passed, untrue, wrong, good + failed > 0);
  return 0;
}
