// modules DIRECTORY COUNT ROUNDS: looks modules up as node does: for each, DIRECTORY/node_modules/mN/package.json and then the
// same in every directory above, until it is found; the file is opened and read then. Runs as the workload.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int look_up(const char* directory, int number) {
  char above[1024], path[2048], text[64];
  snprintf(above, sizeof above, "%s", directory);
  for (;;) {
    struct stat found;
    snprintf(path, sizeof path, "%s/node_modules/m%d/package.json", above, number);
    if (stat(path, &found) == 0) {
      int fd = open(path, O_RDONLY | O_CLOEXEC);
      ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text);
      close(fd);
      return size > 0;
    }
    char* slash = strrchr(above, '/');
    if (slash == NULL) return 0;
    *slash = '\0';
  }
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  for (int round = 0; round < atoi(argv[3]); ++round) {
    for (int number = 0; number < atoi(argv[2]); ++number) {
      if (!look_up(argv[1], number)) return 1;
    }
  }
  return 0;
}
