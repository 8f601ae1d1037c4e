// Directories nested deeper than one path can say: nobody can name what lies there in one piece, and still it can be used.
//
// Runs in an empty directory given as the argument.
#include <dirent.h>
#include <sys/xattr.h>

#include "differential.h"

enum { depth = 60, length = 150 };  // 9000 bytes

static void fill(char* name, char letter) {
  memset(name, letter, length);
  name[length] = '\0';
}

static void in_the_depth(void) {
  char name[512];
  CASE(open("file", O_CREAT | O_EXCL | O_RDWR, 0640));
  CASE(open("file", O_CREAT | O_EXCL | O_RDWR, 0640));
  CASE(write(3, "text", 4));
  CASE(open("file", O_RDONLY));
  CASE(open("absent", O_RDONLY));
  CASE(open("file/below", O_RDONLY));
  CASE(open(".", O_RDONLY | O_DIRECTORY));
  CASE(open("..", O_RDONLY | O_DIRECTORY));
  CASE(open(".", O_TMPFILE | O_RDWR, 0600));
  CASE(mkdir("made", 0750));
  CASE(mkdir("made", 0750));
  CASE(mknod("pipe", S_IFIFO | 0600, 0));
  CASE(symlink("file", "soft"));
  CASE(symlink("/fixtures/root0644", "away"));
  CASE(link("file", "hard"));
  CASE(open("soft", O_WRONLY | O_TRUNC));
  CASE(open("soft", O_RDONLY | O_NOFOLLOW));
  CASE(open("away", O_RDONLY));
  CASE(open("../made", O_RDONLY));
  CASE(truncate("hard", 7));
  CASE(chmod("file", 0604));
  CASE(chmod("made/../file", 0601));
  CASE(fchmod(4, 0600));
  CASE(chown("file", (uid_t)-1, getgid()));
  CASE(utimensat(AT_FDCWD, "file", NULL, 0));
  CASE(setxattr("file", "user.x", "v", 1, 0));
  CASE(access("file", R_OK | W_OK));
  CASE(readlink("soft", name, sizeof name));
  struct stat st;
  CASE(stat("made", &st));
  CASE(fstatat(open("..", O_RDONLY), ".", &st, 0));
  show("file");
  show("soft");
  CASE(rename("file", "made/moved"));
  CASE(rename("made", "renamed"));
  CASE(rename("renamed/moved", "file"));
  CASE(rename("renamed", "/fixtures/renamed"));
  CASE(rename("/fixtures/renamed", "renamed"));
  DIR* here = opendir(".");
  int entries = 0;
  while (readdir(here) != NULL) entries++;
  say("%d entries", entries);
  closedir(here);
  struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "socket"};
  int server = socket(AF_UNIX, SOCK_STREAM, 0);
  CASE(bind(server, (struct sockaddr*)&a, sizeof a) == 0);
  CASE(listen(server, 1) == 0);
  CASE(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr*)&a, sizeof a));
  CASE(chdir("renamed"));
  CASE(open("../file", O_RDWR));
  CASE(chdir(".."));
  CASE(unlink("renamed"));
  CASE(rmdir("file"));
  CASE(rmdir("renamed"));
  static const char* const all[] = {"file", "pipe", "soft", "away", "hard", "socket"};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) CASE(unlink(all[i]));
  errno = 0;
  say("getcwd -> %s", getcwd(name, sizeof name) == NULL ? outcome(-1) : "OK");
  for (int fd = 3; fd < 64; fd++) close(fd);
}

int main(int argc, char** argv) {
  begin(argc, argv);
  char name[length + 1];
  for (int level = 0; level < depth; level++) {
    fill(name, (char)('a' + level % 26));
    if (mkdir(name, 0755) != 0 || chdir(name) != 0) {
      say("level %d: %s", level, outcome(-1));
      return 0;
    }
  }
  in_the_depth();
  int up = open("../../..", O_RDONLY | O_DIRECTORY);
  say("three levels up: %d", up >= 0);
  struct stat one, two;
  say("is the one above: %d", fstat(up, &one) == 0 && stat("../../..", &two) == 0 && one.st_ino == two.st_ino);
  for (int level = depth - 1; level >= 0; level--) {
    fill(name, (char)('a' + level % 26));
    if (chdir("..") != 0 || rmdir(name) != 0) say("level %d: %s", level, outcome(-1));
  }
  CASE(open(name, O_RDONLY));
  return 0;
}
