// Extended attributes by every form of call, and what a file system keeps of an inode beyond mode, owner and times.
//
// Runs in an empty directory given as the argument, with the fixtures that the suite made below /fixtures.
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "differential.h"

enum { set_at = 463, get_at = 464, list_at = 465, remove_at = 466, get_attributes = 468, set_attributes = 469 };

struct value_arguments {
  uint64_t value;
  uint32_t size;
  uint32_t flags;
};
struct file_attributes {
  uint64_t flags;
  uint32_t extent_size, extents, project, copy_extent_size;
};

static const char* const targets[] = {"file",
                                      "link",
                                      "dangling",
                                      "dir",
                                      "missing",
                                      "file/",
                                      "dir/",
                                      "",
                                      "loop",
                                      "/fixtures/root0644",
                                      "/fixtures/own0644",
                                      "/dev/null",
                                      "/proc/self/status",
                                      "fifo"};

static void by_directory_and_name(void) {
  static const int flags[] = {0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, 0x4};
  int file = open("file", O_RDWR);
  int only_path = open("file", O_PATH);
  const int directories[] = {AT_FDCWD, file, only_path, 999};
  char text[64];
  for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
    if (is_the_machines(targets[t])) continue;
    for (size_t f = 0; f < sizeof flags / sizeof flags[0]; f++) {
      for (size_t d = 0; d < sizeof directories / sizeof directories[0]; d++) {
        const char* path = targets[t];
        say("'%s' flags %x directory #%zu", path, flags[f], d);
        struct value_arguments value = {(uint64_t)(uintptr_t) "abc", 3, 0};
        CASE(syscall(set_at, directories[d], path, flags[f], "user.at", &value, sizeof value));
        value.flags = XATTR_CREATE;
        CASE(syscall(set_at, directories[d], path, flags[f], "user.at", &value, sizeof value));
        value = (struct value_arguments){(uint64_t)(uintptr_t)text, sizeof text, 0};
        CASE(syscall(get_at, directories[d], path, flags[f], "user.at", &value, sizeof value));
        CASE(syscall(list_at, directories[d], path, flags[f], text, sizeof text));
        CASE(syscall(list_at, directories[d], path, flags[f], NULL, 0));
        CASE(syscall(remove_at, directories[d], path, flags[f], "user.at"));
      }
    }
  }
  struct value_arguments value = {(uint64_t)(uintptr_t) "abc", 3, 0};
  CASE(syscall(set_at, file, NULL, AT_EMPTY_PATH, "user.at", &value, sizeof value));
  CASE(syscall(set_at, AT_FDCWD, "file", 0, "user.at", &value, 8));
  CASE(syscall(set_at, AT_FDCWD, "file", 0, "user.at", &value, 5000));
  CASE(syscall(set_at, AT_FDCWD, "file", 0, "user.at", NULL, sizeof value));
  CASE(syscall(set_at, AT_FDCWD, "file", 0, NULL, &value, sizeof value));
  CASE(syscall(set_at, AT_FDCWD, "file", 0, "", &value, sizeof value));
  value.flags = 9;
  CASE(syscall(set_at, AT_FDCWD, "file", 0, "user.at", &value, sizeof value));
  CASE(syscall(get_at, AT_FDCWD, "file", 0, "user.at", &value, sizeof value));
  value = (struct value_arguments){(uint64_t)(uintptr_t)text, 1, 0};
  CASE(syscall(get_at, AT_FDCWD, "file", 0, "user.at", &value, sizeof value));
  CASE(syscall(list_at, AT_FDCWD, "file", 0, text, 3));
  CASE(syscall(remove_at, AT_FDCWD, "file", 0, NULL));
  close(file);
  close(only_path);
}

static void inode_attributes(void) {
  static const char* const paths[] = {"file",      "dir", "link", "missing", "/fixtures/root0644", "/fixtures/own0644",
                                      "/dev/null", ""};
  for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++) {
    struct file_attributes attributes = {0};
    if (is_the_machines(paths[p])) continue;
    say("attributes of '%s'", paths[p]);
    CASE(syscall(get_attributes, AT_FDCWD, paths[p], &attributes, sizeof attributes, 0));
    say("  flags %lx project %u", (long)attributes.flags, attributes.project);
    attributes.flags |= FS_XFLAG_NODUMP;
    CASE(syscall(set_attributes, AT_FDCWD, paths[p], &attributes, sizeof attributes, 0));
    CASE(syscall(get_attributes, AT_FDCWD, paths[p], &attributes, sizeof attributes, 0));
    say("  flags %lx", (long)attributes.flags);
    attributes.flags = 0;
    CASE(syscall(set_attributes, AT_FDCWD, paths[p], &attributes, sizeof attributes, AT_SYMLINK_NOFOLLOW));
    attributes.flags = FS_XFLAG_IMMUTABLE;
    CASE(syscall(set_attributes, AT_FDCWD, paths[p], &attributes, sizeof attributes, 0));
  }
  struct file_attributes attributes = {0};
  int fd = open("file", O_RDONLY);
  CASE(syscall(get_attributes, fd, "", &attributes, sizeof attributes, AT_EMPTY_PATH));
  CASE(syscall(set_attributes, fd, "", &attributes, sizeof attributes, AT_EMPTY_PATH));
  CASE(syscall(get_attributes, AT_FDCWD, "file", &attributes, 8, 0));
  CASE(syscall(get_attributes, AT_FDCWD, "file", &attributes, 5000, 0));
  CASE(syscall(get_attributes, AT_FDCWD, "file", NULL, sizeof attributes, 0));
  CASE(syscall(set_attributes, AT_FDCWD, "file", NULL, sizeof attributes, 0));
  CASE(syscall(get_attributes, AT_FDCWD, "file", &attributes, sizeof attributes, 0x8000));
  close(fd);
}

static void by_request(void) {
  static const char* const paths[] = {"file", "dir", "/fixtures/root0644", "/fixtures/own0644", "/proc/self/status", "/dev/null"};
  for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++) {
    if (is_the_machines(paths[p])) continue;
    int fd = open(paths[p], O_RDONLY);
    int flags = 0;
    struct fsxattr more = {0};
    say("requests to '%s'", paths[p]);
    CASE(ioctl(fd, FS_IOC_GETFLAGS, &flags));
    int wanted = flags | FS_NODUMP_FL;
    CASE(ioctl(fd, FS_IOC_SETFLAGS, &wanted));
    CASE(ioctl(fd, FS_IOC_GETFLAGS, &flags));
    say("  flags %x", flags);
    wanted = flags | FS_IMMUTABLE_FL;
    CASE(ioctl(fd, FS_IOC_SETFLAGS, &wanted));
    wanted = flags & ~FS_NODUMP_FL;
    CASE(ioctl(fd, FS_IOC_SETFLAGS, &wanted));
    CASE(ioctl(fd, FS_IOC_SETFLAGS, NULL));
    CASE(ioctl(fd, FS_IOC_FSGETXATTR, &more));
    CASE(ioctl(fd, FS_IOC_FSSETXATTR, &more));
    CASE(ioctl(fd, FS_IOC_FSSETXATTR, 8));
    CASE(ioctl(fd, FS_IOC_GETVERSION, &flags) < -1);
    CASE(ioctl(fd, 0x6699, &flags));
    CASE(ioctl(fd, FIONREAD, &flags));
    CASE(ioctl(fd, FIGETBSZ, &flags) < -1);
    close(fd);
  }
  int wanted = 0;
  int only_path = open("file", O_PATH);
  CASE(ioctl(only_path, FS_IOC_SETFLAGS, &wanted));
  CASE(ioctl(999, FS_IOC_SETFLAGS, &wanted));
  close(only_path);
}

int main(int argc, char** argv) {
  begin(argc, argv);
  make_file("file", 0644, "contents");
  must(mkdir("dir", 0755) == 0 && symlink("file", "link") == 0 && symlink("none", "dangling") == 0, "tree");
  must(symlink("loop", "loop") == 0 && mkfifo("fifo", 0644) == 0, "tree");
  by_directory_and_name();
  inode_attributes();
  by_request();
  return 0;
}
