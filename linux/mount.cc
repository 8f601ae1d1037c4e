// The new mount API, one function per step. Any process with CAP_SYS_ADMIN over its mount namespace.
#include "linux/mount.h"

#include <fcntl.h>
#include <unistd.h>

#include <string_view>

namespace warder::kernel {

namespace {
unsigned recursion_flag(Recursion recursion) { return recursion == Recursion::whole_tree ? AT_RECURSIVE : 0U; }
}  // namespace

Result<Fd> clone_mount(BorrowedFd directory, const std::string& path, Recursion recursion) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursion_flag(recursion);
  if (path.empty()) flags |= AT_EMPTY_PATH;
  int number = ::open_tree(directory.get(), path.c_str(), flags);
  if (number < 0) return Error::syscall(path.empty() ? std::string("open_tree") : "open_tree '" + path + "'");
  return Fd(number);
}

Result<void> set_mount_attributes(BorrowedFd mount, const MountAttributes& attributes, Recursion recursion) {
  mount_attr attr{};
  attr.attr_set = attributes.set;
  attr.attr_clr = attributes.clear;
  attr.propagation = attributes.propagation;
  if (::mount_setattr(mount.get(), "", AT_EMPTY_PATH | recursion_flag(recursion), &attr, sizeof(attr)) < 0) {
    return Error::syscall("mount_setattr");
  }
  return {};
}

Result<void> map_mount_ids(BorrowedFd mount, BorrowedFd user_namespace, Recursion recursion) {
  mount_attr attr{};
  attr.attr_set = MOUNT_ATTR_IDMAP;
  attr.userns_fd = static_cast<std::uint64_t>(user_namespace.get());
  if (::mount_setattr(mount.get(), "", AT_EMPTY_PATH | recursion_flag(recursion), &attr, sizeof(attr)) < 0) {
    return Error::syscall("mount_setattr MOUNT_ATTR_IDMAP");
  }
  return {};
}

Result<void> attach_mount(BorrowedFd mount, BorrowedFd target) {
  if (::move_mount(mount.get(), "", target.get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0) {
    return Error::syscall("move_mount");
  }
  return {};
}

Result<FilesystemContext> FilesystemContext::open(const std::string& type) {
  Fd fd(::fsopen(type.c_str(), FSOPEN_CLOEXEC));
  if (!fd) return Error::syscall("fsopen '" + type + "'");
  return FilesystemContext(std::move(fd));
}

Error FilesystemContext::failure(const std::string& what) const {
  Error error = Error::syscall(what);
  char line[512];
  std::string words;
  // Each read(2) gives one message: a class letter, a blank and the text.
  while (true) {
    ssize_t size = ::read(fd_.get(), line, sizeof(line));
    if (size <= 2) break;
    std::string_view message(line + 2, static_cast<std::size_t>(size) - 2);
    while (!message.empty() && message.back() == '\n') message.remove_suffix(1);
    if (!words.empty()) words += "; ";
    words += message;
  }
  if (words.empty()) return error;
  return {error.fault(), error.text() + " (" + words + ")", error.code()};
}

Result<void> FilesystemContext::set(const std::string& key, const std::string& value) {
  if (::fsconfig(fd_.get(), FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0) < 0) return failure("fsconfig " + key);
  return {};
}

Result<void> FilesystemContext::set_flag(const std::string& key) {
  if (::fsconfig(fd_.get(), FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0) < 0) return failure("fsconfig " + key);
  return {};
}

Result<Fd> FilesystemContext::mount(std::uint64_t attributes) {
  if (::fsconfig(fd_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) return failure("fsconfig create");
  Fd mount(::fsmount(fd_.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
  if (!mount) return failure("fsmount");
  return mount;
}

}  // namespace warder::kernel
