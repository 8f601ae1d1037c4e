// inode_flags FILE [OTHER]: sets the no-dump flag of FILE by each call that can; with OTHER, 5000 times through a descriptor that
// a thread exchanges between the two. The last line is the flag as it is then.
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "guest.h"

static int slot;
static const char* paths[2];
static volatile bool stop;

static void* exchange(void* unused) {
  (void)unused;
  int fds[2] = {open(paths[0], O_RDONLY), open(paths[1], O_RDONLY)};
  for (int i = 0; !stop; i++) dup2(fds[i % 2], slot);
  return NULL;
}

int main(int argc, char** argv) {
  must(argc >= 2, "file");
  paths[0] = argv[1];
  int fd = open(argv[1], O_RDONLY);
  must(fd >= 0, argv[1]);
  int flags = 0;
  int got = ioctl(fd, FS_IOC_GETFLAGS, &flags);
  if (argc == 3) {
    paths[1] = argv[2];
    slot = open(argv[2], O_RDONLY);
    pthread_t thread;
    must(pthread_create(&thread, NULL, exchange, NULL) == 0, "thread");
    int wanted = flags | FS_NODUMP_FL;
    for (int i = 0; i < 5000; i++) ioctl(slot, FS_IOC_SETFLAGS, &wanted);
    stop = true;
    pthread_join(thread, NULL);
  } else {
    printf("get %s\n", outcome(got));
    int wanted = flags | FS_NODUMP_FL;
    printf("set %s\n", outcome(ioctl(fd, FS_IOC_SETFLAGS, &wanted)));
    struct fsxattr more = {0};
    ioctl(fd, FS_IOC_FSGETXATTR, &more);
    printf("set project %s\n", outcome(ioctl(fd, FS_IOC_FSSETXATTR, &more)));
    struct {
      uint64_t flags;
      uint32_t rest[4];
    } attributes = {FS_XFLAG_NODUMP, {0}};
    long set = syscall(469, AT_FDCWD, argv[1], &attributes, sizeof attributes, 0);
    printf("setattr %s\n", set != 0 && errno == ENOSYS ? "none" : outcome(set));
  }
  ioctl(fd, FS_IOC_GETFLAGS, &flags);
  printf("flags %x\n", flags & FS_NODUMP_FL);
  return 0;
}
