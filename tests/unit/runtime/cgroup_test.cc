// Cgroup layouts, limits as writes, and device rules as a program. Pure, except for the last suite, which makes real cgroups.
#include "runtime/cgroups/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <map>

#include "linux/open.h"
#include "runtime/cgroups/device_program.h"
#include "runtime/cgroups/limits.h"

using namespace warder;
using namespace warder::runtime;

namespace {

constexpr std::string_view v1_mounts =
    "30 25 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
    "32 30 0:29 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "33 30 0:30 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd\n"
    "34 30 0:31 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n";

std::string text_of(const std::vector<CgroupWrite>& writes, std::string_view file) {
  for (const CgroupWrite& write : writes) {
    if (write.file == file) return write.text;
  }
  return "(none)";
}

/// Runs a device program as the kernel would: jumps, masks and loads of the context only.
int run(const std::vector<bpf_insn>& program, std::uint32_t access_type, std::uint32_t major, std::uint32_t minor) {
  std::uint64_t reg[11] = {};
  for (std::size_t at = 0; at < program.size(); ++at) {
    const bpf_insn& one = program[at];
    std::uint64_t right = (one.code & BPF_X) != 0 ? reg[one.src_reg] : static_cast<std::uint32_t>(one.imm);
    switch (one.code) {
      case BPF_LDX | BPF_MEM | BPF_W:
        reg[one.dst_reg] = one.off == 0 ? access_type : one.off == 4 ? major : minor;
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        reg[one.dst_reg] = static_cast<std::uint32_t>(reg[one.dst_reg] & right);
        break;
      case BPF_ALU | BPF_RSH | BPF_K:
        reg[one.dst_reg] = static_cast<std::uint32_t>(reg[one.dst_reg]) >> right;
        break;
      case BPF_ALU | BPF_MOV | BPF_X:
      case BPF_ALU64 | BPF_MOV | BPF_K:
        reg[one.dst_reg] = right;
        break;
      case BPF_JMP32 | BPF_JNE | BPF_K:
        if (static_cast<std::uint32_t>(reg[one.dst_reg]) != static_cast<std::uint32_t>(right))
          at += static_cast<std::size_t>(one.off);
        break;
      case BPF_JMP32 | BPF_JEQ | BPF_K:
        if (static_cast<std::uint32_t>(reg[one.dst_reg]) == static_cast<std::uint32_t>(right))
          at += static_cast<std::size_t>(one.off);
        break;
      case BPF_JMP | BPF_EXIT:
        return static_cast<int>(reg[0]);
      default:
        BOOST_FAIL("an instruction that the test does not know: " << int{one.code});
    }
  }
  return -1;
}

constexpr std::uint32_t character(std::uint32_t access) { return access << 16U | BPF_DEVCG_DEV_CHAR; }
constexpr std::uint32_t block(std::uint32_t access) { return access << 16U | BPF_DEVCG_DEV_BLOCK; }

}  // namespace

BOOST_AUTO_TEST_SUITE(cgroup_layout)

BOOST_AUTO_TEST_CASE(a_hybrid_machine_uses_every_v1_hierarchy_and_leaves_the_unified_one_alone) {
  auto layout = CgroupLayout::parse(v1_mounts, "5:name=systemd:/\n3:memory:/user/x\n1:cpu,cpuacct:/\n0::/\n");
  BOOST_REQUIRE(layout.ok());
  BOOST_TEST(!layout->unified);
  BOOST_REQUIRE(layout->hierarchies.size() == 3U);
  BOOST_TEST(layout->hierarchies[1].controllers == "memory");
  BOOST_TEST(layout->hierarchies[1].own_path == "/user/x");
  BOOST_TEST(layout->hierarchies[2].mount_point == "/sys/fs/cgroup/cpu,cpuacct");
}

BOOST_AUTO_TEST_CASE(a_named_hierarchy_alone_does_not_make_a_machine_v1) {
  auto layout = CgroupLayout::parse(v1_mounts, "1:name=systemd:/\n0::/a.slice\n");
  BOOST_REQUIRE(layout.ok());
  BOOST_TEST(layout->unified);
  BOOST_REQUIRE(layout->hierarchies.size() == 1U);
  BOOST_TEST(layout->hierarchies[0].own_path == "/a.slice");
}

BOOST_AUTO_TEST_CASE(a_mount_that_shows_a_part_of_the_hierarchy_is_subtracted_from_the_own_path) {
  auto layout = CgroupLayout::parse("31 30 0:28 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "0::/docker/abc/init\n");
  BOOST_REQUIRE(layout.ok());
  BOOST_TEST(layout->hierarchies[0].own_path == "/init");
}

BOOST_AUTO_TEST_CASE(a_mount_point_with_a_blank_is_unescaped) {
  auto layout = CgroupLayout::parse("31 30 0:28 / /mnt/c\\040g rw - cgroup2 cgroup2 rw\n", "0::/\n");
  BOOST_REQUIRE(layout.ok());
  BOOST_TEST(layout->hierarchies[0].mount_point == "/mnt/c g");
}

BOOST_AUTO_TEST_CASE(a_machine_without_cgroups_is_an_error) { BOOST_TEST(!CgroupLayout::parse("", "0::/\n").ok()); }

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(cgroup_limits)

BOOST_AUTO_TEST_CASE(v1_and_v2_express_the_same_limits_in_their_own_words) {
  Resources resources;
  resources.memory.limit = 64 << 20;
  resources.memory.swap = 128 << 20;
  resources.cpu.quota = 50000;
  resources.cpu.period = 100000;
  resources.cpu.shares = 1024;
  resources.pids_limit = 10;
  std::vector<CgroupWrite> v1 = limits_v1(resources);
  BOOST_TEST(text_of(v1, "memory.limit_in_bytes") == "67108864");
  BOOST_TEST(text_of(v1, "memory.memsw.limit_in_bytes") == "134217728");
  BOOST_TEST(text_of(v1, "cpu.cfs_quota_us") == "50000");
  BOOST_TEST(text_of(v1, "pids.max") == "10");
  auto v2 = limits_v2(resources);
  BOOST_REQUIRE(v2.ok());
  BOOST_TEST(text_of(*v2, "memory.max") == "67108864");
  BOOST_TEST(text_of(*v2, "memory.swap.max") == "67108864");
  BOOST_TEST(text_of(*v2, "cpu.max") == "50000 100000");
  BOOST_TEST(text_of(*v2, "cpu.weight") == "39");
}

BOOST_AUTO_TEST_CASE(unlimited_is_minus_one_on_v1_and_max_on_v2) {
  Resources resources;
  resources.memory.limit = -1;
  resources.pids_limit = -1;
  BOOST_TEST(text_of(limits_v1(resources), "memory.limit_in_bytes") == "-1");
  BOOST_TEST(text_of(limits_v1(resources), "pids.max") == "max");
  BOOST_TEST(text_of(*limits_v2(resources), "memory.max") == "max");
}

BOOST_AUTO_TEST_CASE(what_v2_cannot_express_is_refused) {
  Resources resources;
  resources.memory.disable_oom_killer = true;
  BOOST_TEST(!limits_v2(resources).ok());
  resources = Resources();
  resources.memory.limit = 100;
  resources.memory.swap = 50;
  BOOST_TEST(!limits_v2(resources).ok());
  resources = Resources();
  resources.unified = {{"../other/memory.max", "1"}};
  BOOST_TEST(!limits_v2(resources).ok());
}

BOOST_AUTO_TEST_CASE(shares_map_to_the_ends_of_weight) {
  BOOST_TEST(weight_of_shares(2) == 1U);
  BOOST_TEST(weight_of_shares(262144) == 10000U);
  BOOST_TEST(weight_of_shares(0) == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(device_rules)

BOOST_AUTO_TEST_CASE(without_rules_everything_but_the_nodes_of_every_container_is_denied) {
  std::vector<bpf_insn> program = device_program(effective_device_rules({}));
  BOOST_TEST(run(program, character(BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE), 1, 3) == 1);
  BOOST_TEST(run(program, character(BPF_DEVCG_ACC_READ), 136, 7) == 1);
  BOOST_TEST(run(program, character(BPF_DEVCG_ACC_READ), 1, 1) == 0);
  BOOST_TEST(run(program, block(BPF_DEVCG_ACC_READ), 8, 0) == 0);
  BOOST_TEST(run(program, block(BPF_DEVCG_ACC_MKNOD), 8, 0) == 1);
  BOOST_TEST(run(program, block(BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ), 8, 0) == 0);
}

BOOST_AUTO_TEST_CASE(the_last_matching_rule_decides_each_kind_of_access) {
  DeviceRule all{.allow = true, .type = 'a', .major = {}, .minor = {}};
  DeviceRule no_write{.allow = false, .type = 'b', .major = 8, .minor = {}, .read = false, .write = true, .mknod = false};
  std::vector<DeviceRule> rules = {all, no_write};
  std::vector<bpf_insn> program = device_program(rules);
  BOOST_TEST(run(program, block(BPF_DEVCG_ACC_READ), 8, 1) == 1);
  BOOST_TEST(run(program, block(BPF_DEVCG_ACC_WRITE), 8, 1) == 0);
  BOOST_TEST(run(program, block(BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE), 8, 1) == 0);
  BOOST_TEST(run(program, character(BPF_DEVCG_ACC_WRITE), 8, 1) == 1);
}

BOOST_AUTO_TEST_CASE(a_rule_is_written_as_the_kernel_reads_it) {
  DeviceRule rule{.allow = true, .type = 'c', .major = 1, .minor = {}, .read = true, .write = true, .mknod = false};
  BOOST_TEST(device_rule_text(rule) == "c 1:* rw");
  BOOST_TEST(device_rule_text(DeviceRule{}) == "a *:* rwm");
}

/// On a hybrid machine the unified hierarchy takes device programs too, and no v1 controller says no before them.
BOOST_AUTO_TEST_CASE(the_kernel_takes_the_program_and_denies_by_it) {
  std::string top = "/sys/fs/cgroup/unified";
  if (::geteuid() != 0 || ::access((top + "/cgroup.procs").c_str(), W_OK) != 0) return;
  std::string directory = top + "/warder-unit-" + std::to_string(::getpid());
  BOOST_REQUIRE(::mkdir(directory.c_str(), 0755) == 0);
  {
    Fd cgroup = *kernel::open_path(directory, O_RDONLY | O_DIRECTORY);
    Result<void> attached = attach_device_program(cgroup, effective_device_rules({}));
    BOOST_TEST(attached.ok(), (attached.ok() ? std::string() : attached.error().text()));
    // Again, as `update` does: the new one replaces the old.
    BOOST_TEST(attach_device_program(cgroup, effective_device_rules({})).ok());
  }
  pid_t child = ::fork();
  if (child == 0) {
    Fd procs = *kernel::open_path(directory + "/cgroup.procs", O_WRONLY);
    bool entered = kernel::write_once(procs, "0").ok();
    bool allowed = ::open("/dev/null", O_RDWR) >= 0;
    bool denied = ::open("/dev/kmsg", O_RDONLY) < 0 && errno == EPERM;
    ::_exit(entered && allowed && denied ? 0 : 1);
  }
  int status = 0;
  BOOST_TEST(::waitpid(child, &status, 0) == child);
  BOOST_TEST(status == 0);
  BOOST_TEST(::rmdir(directory.c_str()) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(real_cgroup)

BOOST_AUTO_TEST_CASE(a_process_is_found_frozen_killed_and_the_cgroup_removed) {
  if (::geteuid() != 0) return;
  std::string id = "warder-unit-" + std::to_string(::getpid());
  std::string path = "/warder-unit/" + id;
  Resources resources;
  Annotations annotations;
  resources.pids_limit = 20;
  auto cgroup =
      Cgroup::create({.id = id, .cgroups_path = path, .resources = resources, .annotations = annotations, .announce = {}});
  BOOST_REQUIRE_MESSAGE(cgroup.ok(), (cgroup.ok() ? std::string() : cgroup.error().text()));
  pid_t child = ::fork();
  if (child == 0) {
    while (true) ::pause();
  }
  BOOST_TEST(cgroup->enter(child).ok());
  BOOST_TEST((*cgroup->processes() == std::vector<pid_t>{child}));
  BOOST_TEST(cgroup->freeze().ok());
  BOOST_TEST(*cgroup->frozen());
  BOOST_TEST(cgroup->stats()->numbers["pids.current"] == 1U);
  BOOST_TEST(cgroup->kill_all().ok());
  int status = 0;
  BOOST_TEST(::waitpid(child, &status, 0) == child);
  BOOST_TEST(WIFSIGNALED(status));
  Cgroup again = Cgroup::from_state(cgroup->state());
  BOOST_TEST(again.remove().ok());
  BOOST_TEST(again.remove().ok());
  for (const CgroupState::Directory& one : cgroup->state().directories) {
    BOOST_TEST(::access(one.directory.c_str(), F_OK) != 0);
    (void)::rmdir(one.directory.substr(0, one.directory.rfind('/')).c_str());
  }
}

BOOST_AUTO_TEST_CASE(a_path_that_climbs_is_refused_and_leaves_nothing) {
  std::string id = "warder-unit-climb";
  std::string path = "/warder-unit/../../etc";
  Resources resources;
  Annotations annotations;
  BOOST_TEST(
      !Cgroup::create({.id = id, .cgroups_path = path, .resources = resources, .annotations = annotations, .announce = {}}).ok());
  path = "/";
  BOOST_TEST(
      !Cgroup::create({.id = id, .cgroups_path = path, .resources = resources, .annotations = annotations, .announce = {}}).ok());
}

BOOST_AUTO_TEST_SUITE_END()
