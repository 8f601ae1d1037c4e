// Building a root from hostile directories, for real: each case runs in namespaces of its own and looks at what it has got.
// The names in parentheses are the advisories that taught the case.
#include "runtime/container/rootfs.h"

#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include <boost/test/unit_test.hpp>

#include "linux/open.h"
#include "runtime/container/rootfs_path.h"
#include "tests/unit/runtime/private_namespace.h"

using namespace warder;
using namespace warder::runtime;
namespace fs = std::filesystem;

namespace {

Mount mount_of(std::string destination, std::string type, std::string source, std::vector<std::string> options) {
  return {.destination = std::move(destination),
          .type = std::move(type),
          .source = std::move(source),
          .options = std::move(options),
          .uid_mappings = {},
          .gid_mappings = {}};
}

Mount proc_mount() { return mount_of("/proc", "proc", "proc", {}); }

struct Machine {
  TestDirectory directory;
  Spec spec;

  Machine() {
    spec.root.path = directory.directory("rootfs");
    for (const char* name : {"dev", "proc", "sys", "tmp", "etc"}) directory.directory(std::string("rootfs/") + name);
    for (NamespaceType type : {NamespaceType::mount, NamespaceType::uts, NamespaceType::network}) {
      spec.linux_.namespaces.push_back({type, ""});
    }
    spec.hostname = "unit";
    spec.mounts = {proc_mount(), mount_of("/dev", "tmpfs", "tmpfs", {"nosuid", "mode=755", "size=65536k"})};
  }

  std::string rootfs(const std::string& name) const { return spec.root.path + name; }
  void replace_by_link(const std::string& name, const std::string& target) const {
    fs::remove_all(rootfs(name));
    fs::create_symlink(target, rootfs(name));
  }

  /// Builds, seals and then looks from inside.
  std::string run(const std::function<Result<void>()>& look = [] { return Result<void>(); }) {
    return in_private_namespace([&]() -> Result<void> {
      Fd rootfs = WARDER_TRY(kernel::open_path(spec.root.path, O_PATH | O_DIRECTORY));
      NamespacePlan plan = WARDER_TRY(plan_namespaces(spec));
      CgroupState cgroup;
      HostTrees trees = WARDER_TRY(open_host_trees(spec, directory.path(), rootfs, plan, cgroup));
      RootfsBuilder builder(spec, directory.path(), rootfs, plan, cgroup, trees);
      WARDER_TRY(builder.build());
      WARDER_TRY(builder.seal({}, nullptr, RootChange::pivot));
      return look();
    });
  }
};

Result<void> expect(bool condition, const char* what) { return condition ? Result<void>() : Result<void>(Error::user(what)); }

bool is_device(const char* path, unsigned major_number, unsigned minor_number) {
  struct stat status {};
  return ::lstat(path, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(major_number, minor_number);
}

long magic_of(const char* path) {
  struct statfs status {};
  return ::statfs(path, &status) == 0 ? static_cast<long>(status.f_type) : -1;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rootfs)

BOOST_AUTO_TEST_CASE(an_ordinary_root_has_its_mounts_devices_and_links_and_nothing_of_the_host) {
  Machine machine;
  machine.spec.root.read_only = true;
  std::string host = machine.directory.path();
  BOOST_TEST(machine.run([&]() -> Result<void> {
    WARDER_TRY(expect(magic_of("/proc") == PROC_SUPER_MAGIC, "no procfs"));
    WARDER_TRY(expect(is_device("/dev/null", 1, 3) && is_device("/dev/tty", 5, 0), "no devices"));
    WARDER_TRY(expect(fs::read_symlink("/dev/fd") == "/proc/self/fd", "no links"));
    WARDER_TRY(expect(!fs::exists(host), "the host is visible"));
    WARDER_TRY(expect(fs::current_path() == "/", "not in the root"));
    WARDER_TRY(expect(::mkdir("/new", 0755) < 0 && errno == EROFS, "the root can be written"));
    char name[64] = {};
    (void)::gethostname(name, sizeof(name));
    return expect(std::string(name) == "unit", "another host name");
  }) == "");
}

BOOST_AUTO_TEST_CASE(a_proc_that_is_a_link_is_refused_and_its_target_untouched__CVE_2019_19921) {
  Machine machine;
  machine.directory.directory("rootfs/evil");
  machine.replace_by_link("/proc", "/evil");
  BOOST_TEST(machine.run().find("symbolic link") != std::string::npos);
  machine.replace_by_link("/proc", "/../../../../../../etc");
  BOOST_TEST(machine.run().find("symbolic link") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_sys_that_is_a_link_is_refused__CVE_2023_28642) {
  Machine machine;
  machine.directory.directory("rootfs/evil");
  machine.replace_by_link("/sys", "evil");
  machine.spec.mounts.push_back(mount_of("/sys", "sysfs", "sysfs", {"ro"}));
  BOOST_TEST(machine.run().find("symbolic link") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_proc_that_is_a_file_is_refused) {
  Machine machine;
  fs::remove(machine.rootfs("/proc"));
  machine.directory.file("rootfs/proc");
  BOOST_TEST(machine.run() != "");
}

BOOST_AUTO_TEST_CASE(a_fake_proc_from_a_volume_is_refused__CVE_2019_16884) {
  Machine machine;
  std::string fake = machine.directory.directory("fake/self/attr");
  machine.spec.mounts = {mount_of("/proc", "bind", machine.directory.path() + "/fake", {"bind"})};
  BOOST_TEST(machine.run().find("only procfs") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(nothing_is_mounted_inside_procfs_but_harmless_reports) {
  Machine machine;
  std::string file = machine.directory.file("file", "42\n");
  machine.spec.mounts.push_back(mount_of("/proc/self/attr/exec", "bind", file, {"bind"}));
  BOOST_TEST(machine.run().find("inside /proc") != std::string::npos);
  machine.spec.mounts.back().destination = "/proc/sys/kernel/core_pattern";
  BOOST_TEST(machine.run().find("inside /proc") != std::string::npos);
  // A name that only leads there counts as well.
  machine.directory.link("rootfs/innocent", "/proc/sys/kernel");
  machine.spec.mounts.back().destination = "/innocent/core_pattern";
  BOOST_TEST(machine.run().find("inside /proc") != std::string::npos);
  machine.spec.mounts.back().destination = "/proc/uptime";
  BOOST_TEST(machine.run([] {
    std::string line;
    std::ifstream("/proc/uptime") >> line;
    return expect(line == "42", "not covered");
  }) == "");
}

BOOST_AUTO_TEST_CASE(a_dev_that_is_a_link_is_never_followed_out_of_the_root__CVE_2026_41579) {
  Machine machine;
  std::string outside = machine.directory.directory("outside");
  machine.replace_by_link("/dev", outside);
  machine.spec.mounts = {proc_mount()};
  BOOST_TEST(machine.run().find("/dev") != std::string::npos);
  BOOST_TEST(fs::is_empty(outside));
}

BOOST_AUTO_TEST_CASE(what_an_image_ships_in_dev_is_replaced) {
  Machine machine;
  machine.spec.mounts = {proc_mount()};
  std::string victim = machine.directory.file("victim", "host");
  machine.directory.link("rootfs/dev/null", victim);
  machine.directory.link("rootfs/dev/fd", "/etc");
  machine.directory.file("rootfs/dev/zero", "file");
  BOOST_TEST(machine.run([] {
    return expect(is_device("/dev/null", 1, 3) && is_device("/dev/zero", 1, 5) && fs::read_symlink("/dev/fd") == "/proc/self/fd",
                  "the image's own are there");
  }) == "");
  BOOST_TEST(fs::file_size(victim) == 4U);
}

BOOST_AUTO_TEST_CASE(a_link_in_the_way_of_a_mount_point_stays_inside_the_root__CVE_2021_30465_and_2024_45310) {
  Machine machine;
  std::string outside = machine.directory.directory("outside");
  std::string file = machine.directory.file("hosts", "inside");
  machine.replace_by_link("/etc", "/../../../../../../.." + outside);
  machine.spec.mounts.push_back(mount_of("/etc/deep/hosts", "bind", file, {"bind", "ro"}));
  BOOST_TEST(machine.run([] {
    std::string word;
    std::ifstream("/etc/deep/hosts") >> word;
    return expect(word == "inside", "not mounted where the link points inside the root");
  }) == "");
  BOOST_TEST(fs::is_empty(outside));
  BOOST_TEST(fs::exists(machine.rootfs(outside + "/deep/hosts")));
}

BOOST_AUTO_TEST_CASE(a_dangling_link_is_completed_inside_the_root) {
  Machine machine;
  machine.directory.link("rootfs/var/run", "/run");
  machine.spec.mounts.push_back(mount_of("/var/run/secrets", "tmpfs", "tmpfs", {"mode=700"}));
  BOOST_TEST(machine.run([] { return expect(magic_of("/run/secrets") == TMPFS_MAGIC, "no tmpfs"); }) == "");
}

BOOST_AUTO_TEST_CASE(links_in_a_circle_end_with_an_error) {
  Machine machine;
  machine.directory.link("rootfs/a", "/b/c");
  machine.directory.link("rootfs/b", "/a/c");
  machine.spec.mounts.push_back(mount_of("/a/x", "tmpfs", "tmpfs", {}));
  BOOST_TEST(machine.run().find("symbolic links") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(masks_are_the_real_null_device_whatever_the_image_calls_so__CVE_2025_31133) {
  Machine machine;
  machine.spec.mounts = {proc_mount()};
  machine.directory.link("rootfs/dev/null", "/proc/sys/kernel/core_pattern");
  machine.directory.file("rootfs/secret/key", "key");
  machine.directory.file("rootfs/etc/secret", "key");
  machine.spec.linux_.masked_paths = {"/proc/keys", "/secret", "/etc/secret", "/proc/acpi", "/no/such"};
  BOOST_TEST(machine.run([]() -> Result<void> {
    WARDER_TRY(expect(is_device("/proc/keys", 1, 3) && is_device("/etc/secret", 1, 3), "not masked by the null device"));
    WARDER_TRY(expect(::chmod("/proc/keys", 0600) < 0 && errno == EROFS, "the host's null device can be changed"));
    WARDER_TRY(expect(fs::is_empty("/secret"), "the directory shows something"));
    return expect(::mkdir("/secret/x", 0755) < 0 && errno == EROFS, "the mask can be written");
  }) == "");
}

BOOST_AUTO_TEST_CASE(read_only_paths_are_read_only_and_absent_ones_no_error) {
  Machine machine;
  machine.directory.file("rootfs/data/file", "x");
  machine.spec.linux_.readonly_paths = {"/proc/sys", "/data", "/absent"};
  BOOST_TEST(machine.run([]() -> Result<void> {
    WARDER_TRY(expect(::open("/proc/sys/kernel/hostname", O_WRONLY) < 0 && errno == EROFS, "a sysctl can be written"));
    return expect(::open("/data/file", O_WRONLY) < 0 && errno == EROFS, "a file can be written");
  }) == "");
}

BOOST_AUTO_TEST_CASE(a_read_only_bind_keeps_the_host_writable) {
  Machine machine;
  std::string shared = machine.directory.directory("shared");
  machine.spec.mounts.push_back(mount_of("/mnt", "bind", shared, {"rbind", "ro"}));
  BOOST_TEST(machine.run([] { return expect(::mkdir("/mnt/x", 0755) < 0 && errno == EROFS, "writable"); }) == "");
  fs::create_directory(shared + "/x");
}

BOOST_AUTO_TEST_CASE(tmpcopyup_brings_the_images_content_with_owner_and_mode) {
  Machine machine;
  machine.directory.file("rootfs/srv/sub/file", "content");
  fs::permissions(machine.rootfs("/srv/sub/file"), fs::perms(0640));
  fs::permissions(machine.rootfs("/srv"), fs::perms(0750));
  machine.directory.link("rootfs/srv/link", "/etc/shadow");
  BOOST_REQUIRE(::chown(machine.rootfs("/srv/sub/file").c_str(), 1234, 5678) == 0);
  machine.spec.mounts.push_back(mount_of("/srv", "tmpfs", "tmpfs", {"tmpcopyup"}));
  BOOST_TEST(machine.run([]() -> Result<void> {
    struct stat status {};
    WARDER_TRY(expect(magic_of("/srv") == TMPFS_MAGIC, "no tmpfs"));
    WARDER_TRY(expect(::stat("/srv/sub/file", &status) == 0 && status.st_uid == 1234 && status.st_gid == 5678, "owner"));
    WARDER_TRY(expect((status.st_mode & 07777U) == 0640U && status.st_size == 7, "mode or size"));
    WARDER_TRY(expect(fs::read_symlink("/srv/link") == "/etc/shadow", "the link was followed"));
    return expect(::stat("/srv", &status) == 0 && (status.st_mode & 07777U) == 0750U, "mode of the directory");
  }) == "");
}

BOOST_AUTO_TEST_CASE(a_tmpfs_without_a_mode_takes_that_of_what_it_covers) {
  Machine machine;
  fs::permissions(machine.rootfs("/tmp"), fs::perms(01777));
  machine.spec.mounts.push_back(mount_of("/tmp", "tmpfs", "tmpfs", {"nosuid"}));
  BOOST_TEST(machine.run([] {
    struct stat status {};
    return expect(::stat("/tmp", &status) == 0 && (status.st_mode & 07777U) == 01777U, "another mode");
  }) == "");
}

BOOST_AUTO_TEST_CASE(a_sysctl_of_the_containers_namespace_is_set) {
  Machine machine;
  machine.spec.linux_.sysctl = {{"net.ipv4.ip_forward", "1"}};
  BOOST_TEST(machine.run([] {
    std::string value;
    std::ifstream("/proc/sys/net/ipv4/ip_forward") >> value;
    return expect(value == "1", "not set");
  }) == "");
  machine.spec.linux_.sysctl = {{"net.ipv4.no_such", "1"}};
  BOOST_TEST(machine.run().find("sysctl 'net.ipv4.no_such'") != std::string::npos);
}

/// As on a machine with systemd, where every mount is shared: with the old root unmounted, a peer would lose its mounts.
BOOST_AUTO_TEST_CASE(nothing_mounted_or_unmounted_in_the_container_reaches_the_host_whatever_its_propagation) {
  auto mounts = [] {
    std::ifstream file("/proc/self/mountinfo");
    return std::string((std::istreambuf_iterator<char>(file)), {});
  };
  for (const char* word : {"", "shared", "rshared", "slave", "rslave", "private", "rprivate", "unbindable", "runbindable"}) {
    Machine machine;
    machine.spec.linux_.rootfs_propagation = word;
    BOOST_TEST(in_private_namespace([&]() -> Result<void> {
                 if (::mount("", "/", "", MS_REC | MS_PRIVATE, nullptr) < 0) return Error::syscall("mount");
                 if (::mount("", "/", "", MS_REC | MS_SHARED, nullptr) < 0) return Error::syscall("mount");
                 std::string before = mounts();
                 std::string failure = machine.run();
                 WARDER_TRY(expect(failure.empty(), failure.c_str()));
                 return expect(mounts() == before, "the host's mounts have changed");
               }) == "",
               word);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(rootfs_paths)

BOOST_AUTO_TEST_CASE(a_path_is_cleaned_by_its_text_and_never_leaves_the_root) {
  BOOST_TEST(clean_path("/a//b/./c/") == "/a/b/c");
  BOOST_TEST(clean_path("/../../etc") == "/etc");
  BOOST_TEST(clean_path("a/../b") == "/b");
  BOOST_TEST(clean_path("/") == "/");
  BOOST_TEST(clean_path("") == "/");
}

BOOST_AUTO_TEST_CASE(a_file_where_a_directory_is_needed_is_no_mount_point) {
  TestDirectory directory;
  directory.file("root/file");
  Fd root = *kernel::open_path(directory.path() + "/root", O_PATH | O_DIRECTORY);
  BOOST_TEST(!ensure_directory(root, "/file").ok());
  BOOST_TEST(!ensure_directory(root, "/file/below").ok());
  BOOST_TEST(ensure_directory(root, "/a/b/../c").ok());
  BOOST_TEST(fs::is_directory(directory.path() + "/root/a/c"));
  BOOST_TEST(!ensure_file(root, "/a").ok());
  BOOST_TEST(ensure_file(root, "/x/y").ok());
  BOOST_TEST(fs::is_regular_file(directory.path() + "/root/x/y"));
}

BOOST_AUTO_TEST_SUITE_END()
