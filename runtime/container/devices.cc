// Device nodes by descriptor below an untrusted root. P2 with umask 0; CAP_MKNOD, or a user namespace and the host's nodes.
#include "runtime/container/devices.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "linux/mount.h"
#include "linux/open.h"
#include "runtime/container/rootfs_path.h"

namespace warder::runtime {

namespace {

struct Link {
  const char* name;
  const char* target;
};

constexpr std::array<Link, 6> default_links = {{{"fd", "/proc/self/fd"},
                                                {"stdin", "/proc/self/fd/0"},
                                                {"stdout", "/proc/self/fd/1"},
                                                {"stderr", "/proc/self/fd/2"},
                                                {"core", "/proc/kcore"},
                                                {"ptmx", "pts/ptmx"}}};

std::vector<Device> with_defaults(std::span<const Device> given) {
  constexpr std::array<std::pair<const char*, std::pair<int, int>>, 6> defaults = {{{"/dev/null", {1, 3}},
                                                                                    {"/dev/zero", {1, 5}},
                                                                                    {"/dev/full", {1, 7}},
                                                                                    {"/dev/random", {1, 8}},
                                                                                    {"/dev/urandom", {1, 9}},
                                                                                    {"/dev/tty", {5, 0}}}};
  std::vector<Device> all;
  all.reserve(defaults.size() + given.size());
  for (const auto& [path, number] : defaults) {
    all.push_back(
        {.type = 'c', .path = path, .major = number.first, .minor = number.second, .file_mode = 0666, .uid = {}, .gid = {}});
  }
  for (const Device& device : given) {
    std::string path = clean_path(device.path);
    std::erase_if(all, [&](const Device& other) { return other.path == path; });
    all.push_back(device);
    all.back().path = std::move(path);
  }
  return all;
}

mode_t node_type(const Device& device) {
  if (device.type == 'b') return S_IFBLK;
  return device.type == 'p' ? S_IFIFO : S_IFCHR;
}

bool is_the_node(const struct stat& status, const Device& device) {
  if ((status.st_mode & S_IFMT) != node_type(device)) return false;
  return device.type == 'p' ||
         status.st_rdev == makedev(static_cast<unsigned>(device.major), static_cast<unsigned>(device.minor));
}

/// Removes what an image has put under a name of ours. A directory stays, and fails what comes next.
void clear_name(BorrowedFd directory, const char* name) { (void)::unlinkat(directory.get(), name, 0); }

Result<void> give_owner(BorrowedFd directory, const std::string& name, const Device& device) {
  Fd node = WARDER_TRY(kernel::open_beneath(directory, name, O_PATH | O_NOFOLLOW));
  struct stat status = WARDER_TRY(status_of(node));
  if (!is_the_node(status, device)) return Error::user("somebody replaced it during creation");
  uid_t uid = device.uid.value_or(0);
  gid_t gid = device.gid.value_or(0);
  if (status.st_uid == uid && status.st_gid == gid) return {};
  if (::fchownat(node.get(), "", uid, gid, AT_EMPTY_PATH) < 0) return Error::syscall("fchownat");
  return {};
}

Result<void> make_node(BorrowedFd directory, const std::string& name, const Device& device) {
  mode_t mode = node_type(device) | (device.file_mode.value_or(0666) & 07777U);
  dev_t number = makedev(static_cast<unsigned>(device.major), static_cast<unsigned>(device.minor));
  if (::mknodat(directory.get(), name.c_str(), mode, number) < 0) {
    if (errno != EEXIST) return Error::syscall("mknodat");
    clear_name(directory, name.c_str());
    if (::mknodat(directory.get(), name.c_str(), mode, number) < 0) return Error::syscall("mknodat");
  }
  // On a tmpfs of our own the node is what was just made; only another owner needs a second look.
  if (device.uid.value_or(0) == 0 && device.gid.value_or(0) == 0) return {};
  return give_owner(directory, name, device);
}

Result<void> bind_node(BorrowedFd directory, const std::string& name, const Device& device, BorrowedFd host_dev) {
  constexpr std::string_view prefix = "/dev/";
  bool below = device.path.starts_with(prefix);
  const char* path = device.path.c_str() + (below ? prefix.size() : 0);
  Fd host(::openat(host_dev.get(), path, O_PATH | O_CLOEXEC));
  if (!host) return Error::syscall("openat of the host's node");
  const struct stat facts = WARDER_TRY(status_of(host));
  if (!is_the_node(facts, device)) {
    return Error::user("the host has another device under this name, and a user namespace cannot make one");
  }
  clear_name(directory, name.c_str());
  Fd made(::openat(directory.get(), name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!made) return Error::syscall("openat");
  Fd node = WARDER_TRY(kernel::clone_mount(host, "", kernel::Recursion::this_mount));
  // Where the owner of the host's node has an id in the container, somebody in there could change mode and owner for the whole
  // host. A device can be written to on a read-only mount, too.
  constexpr uid_t nobody_here = 65534;  // what stat(2) says of an owner that has no id in this user namespace
  if (facts.st_uid != nobody_here) {
    WARDER_TRY(kernel::set_mount_attributes(node, {.set = MOUNT_ATTR_RDONLY}, kernel::Recursion::this_mount));
  }
  return kernel::attach_mount(node, made);
}

Result<void> make_device(BorrowedFd root, BorrowedFd dev, const Device& device, NodeMethod method, BorrowedFd host_dev) {
  constexpr std::string_view prefix = "/dev/";
  std::string name = device.path.substr(std::min(prefix.size(), device.path.size()));
  Fd parent;
  BorrowedFd directory = dev;
  if (!device.path.starts_with(prefix) || name.find('/') != std::string::npos) {
    auto found = WARDER_TRY(ensure_parent(root, device.path));
    parent = std::move(found.first);
    name = std::move(found.second);
    directory = parent;
  }
  if (name == "ptmx" && directory.get() == dev.get()) return {};  // always the link into the container's own devpts
  bool make = method == NodeMethod::make || device.type == 'p';
  return make ? make_node(directory, name, device) : bind_node(directory, name, device, host_dev);
}

Result<void> make_link(BorrowedFd dev, const Link& link) {
  if (::symlinkat(link.target, dev.get(), link.name) == 0) return {};
  if (errno != EEXIST) return Error::syscall("symlinkat");
  char present[64];
  ssize_t size = ::readlinkat(dev.get(), link.name, present, sizeof(present));
  if (size > 0 && std::string_view(present, static_cast<std::size_t>(size)) == link.target) return {};
  clear_name(dev, link.name);
  if (::symlinkat(link.target, dev.get(), link.name) < 0) return Error::syscall("symlinkat");
  return {};
}

}  // namespace

bool is_null_device(BorrowedFd fd) {
  struct stat status {};
  return ::fstat(fd.get(), &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

Result<void> make_devices(BorrowedFd root, std::span<const Device> devices, NodeMethod method, BorrowedFd host_dev) {
  (void)WARDER_TRY_WITH(ensure_directory(root, "/dev"), "/dev");
  Result<Fd> dev = kernel::open_in_root(root, "/dev", O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
  if (!dev) return Error::user("/dev of the rootfs must be a directory, not a symbolic link");
  for (const Device& device : with_defaults(devices)) {
    WARDER_TRY_WITH(make_device(root, *dev, device, method, host_dev), "device '" + device.path + "'");
  }
  for (const Link& link : default_links) {
    if (std::string_view(link.name) == "core" && ::access("/proc/kcore", F_OK) < 0) continue;
    WARDER_TRY_WITH(make_link(*dev, link), std::string("link '/dev/") + link.name + "'");
  }
  return {};
}

}  // namespace warder::runtime
