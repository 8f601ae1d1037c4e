// config.json: what is accepted, what is refused, and how it is said.
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "runtime/config/parse.h"

using namespace warder;
using namespace warder::runtime;
using nlohmann::json;

namespace {

json good_config() {
  return json::parse(R"({
    "ociVersion": "1.0.2",
    "root": {"path": "rootfs"},
    "hostname": "web1",
    "process": {"args": ["sh"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}},
    "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
    "linux": {"namespaces": [{"type": "mount"}, {"type": "uts"}, {"type": "pid"}, {"type": "ipc"}, {"type": "network"}]}
  })");
}

Result<Spec> parse(const json& document) {
  Warnings warnings;
  return parse_config(document.dump(), "/bundle", warnings);
}

Spec accepted(const json& document) {
  auto spec = parse(document);
  BOOST_REQUIRE_MESSAGE(spec.ok(), (spec.ok() ? std::string() : spec.error().text()));
  return *spec;
}

/// `good_config()` with one value put at a JSON pointer.
json with(const std::string& pointer, const std::string& value) {
  json document = good_config();
  document[json::json_pointer(pointer)] = json::parse(value);
  return document;
}

struct Bad {
  const char* pointer;
  const char* value;
  const char* says;  ///< part of the error: the place and what was found
};

void refused(const Bad& bad) {
  auto spec = parse(with(bad.pointer, bad.value));
  BOOST_REQUIRE_MESSAGE(!spec.ok(), bad.pointer << " = " << bad.value << " was accepted");
  BOOST_CHECK_MESSAGE(spec.error().text().find(bad.says) != std::string::npos,
                      bad.pointer << " = " << bad.value << " gives: " << spec.error().text());
  BOOST_CHECK_MESSAGE(spec.error().text().find("accepted: ") != std::string::npos, spec.error().text());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(config)

BOOST_AUTO_TEST_CASE(a_plain_config_becomes_a_spec) {
  Spec spec = accepted(good_config());
  BOOST_TEST(spec.root.path == "/bundle/rootfs");
  BOOST_TEST(spec.hostname == "web1");
  BOOST_TEST(spec.process.args.size() == 1U);
  BOOST_TEST(spec.linux_.makes(NamespaceType::pid));
  BOOST_TEST(!spec.linux_.makes(NamespaceType::user));
}

BOOST_AUTO_TEST_CASE(a_user_namespace_has_both_maps_or_neither) {
  json document = with("/linux/namespaces/5", R"({"type": "user"})");
  Spec spec = accepted(document);
  BOOST_TEST(spec.linux_.makes(NamespaceType::user));
  BOOST_TEST(spec.linux_.uid_mappings.empty());
  for (const char* half : {"uidMappings", "gidMappings"}) {
    json one = document;
    one["linux"][half] = json::parse(R"([{"containerID": 0, "hostID": 1, "size": 1}])");
    auto refusal = parse(one);
    BOOST_REQUIRE(!refusal.ok());
    const char* other = half[0] == 'u' ? "linux.gidMappings" : "linux.uidMappings";
    BOOST_TEST(refusal.error().text().find(other) != std::string::npos, refusal.error().text());
  }
}

BOOST_AUTO_TEST_CASE(every_wrong_value_is_named_with_its_place) {
  const Bad table[] = {
      {"/ociVersion", R"("2.0.0")", "ociVersion: found \"2.0.0\""},
      {"/ociVersion", R"("1.")", "ociVersion"},
      {"/ociVersion", "null", "ociVersion: found null"},
      {"/root", "null", "root"},
      {"/root/path", R"("")", "root.path"},
      {"/process", "null", "process"},
      {"/process/args", "[]", "process.args"},
      {"/process/args", R"(["a", 1])", "process.args[1]: found 1"},
      {"/process/args", R"("sh")", "process.args: found \"sh\"; accepted: an array"},
      {"/process/cwd", R"("work")", "process.cwd: found \"work\""},
      {"/process/cwd", R"("/a\u0000b")", "process.cwd"},
      {"/process/env", R"(["NAME"])", "process.env"},
      {"/process/user/uid", "-1", "process.user.uid: found -1"},
      {"/process/user/uid", "4294967295", "process.user.uid"},
      {"/process/user/uid", R"("0")", "process.user.uid: found \"0\""},
      {"/process/user/gid", "1.5", "process.user.gid: found 1.5"},
      {"/process/user/umask", "512", "process.user.umask"},
      {"/process/user/additionalGids", "[1, -2]", "process.user.additionalGids[1]"},
      {"/process/oomScoreAdj", "1001", "process.oomScoreAdj"},
      {"/process/rlimits", R"([{"type": "RLIMIT_FOO", "soft": 1, "hard": 1}])", "process.rlimits[0].type"},
      {"/process/rlimits", R"([{"type": "RLIMIT_CPU", "soft": 2, "hard": 1}])", "process.rlimits[0].soft: found 2"},
      {"/process/rlimits", R"([{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}, {"type": "RLIMIT_CPU", "soft": 1, "hard": 1}])",
       "process.rlimits[1].type"},
      {"/process/capabilities", R"({"effective": ["CAP_CHOWN"]})", "process.capabilities.effective"},
      {"/process/scheduler", R"({"policy": "SCHED_FIFO"})", "process.scheduler"},
      {"/process/scheduler", R"({"policy": "SCHED_OTHER", "nice": 20})", "process.scheduler.nice"},
      {"/process/ioPriority", R"({"class": "IOPRIO_CLASS_RT", "priority": 8})", "process.ioPriority.priority"},
      {"/process/execCPUAffinity", R"({"initial": "0-"})", "process.execCPUAffinity.initial"},
      {"/mounts/0/destination", R"("/a/../../b")", "mounts[0].destination"},
      {"/mounts/0/destination", "null", "mounts[0].destination"},
      {"/mounts/0/uidMappings", R"([{"containerID": 0, "hostID": 0, "size": 1}])", "mounts[0]"},
      {"/mounts/0/options", R"("ro")", "mounts[0].options"},
      {"/hooks", R"({"poststop": [{"path": "bin/true"}]})", "hooks.poststop[0].path"},
      {"/hooks", R"({"prestart": [{"path": "/bin/true", "timeout": 0}]})", "hooks.prestart[0].timeout"},
      {"/annotations", R"({"a": 1})", "annotations.a"},
      {"/annotations", R"({"run.oci.seccomp.plugins": "/evil.so"})", "annotations.run.oci.seccomp.plugins"},
      {"/annotations", R"({"run.oci.seccomp_bpf_data": "x"})", "annotations.run.oci.seccomp_bpf_data"},
      {"/linux/namespaces/0/type", R"("mnt")", "linux.namespaces[0].type: found \"mnt\""},
      {"/linux/namespaces/0/path", R"("proc/1/ns/mnt")", "linux.namespaces[0].path"},
      {"/linux/namespaces/5", R"({"type": "pid"})", "linux.namespaces[5].type"},
      {"/linux/uidMappings", R"([{"containerID": 0, "hostID": 1, "size": 1}])", "linux.uidMappings"},
      {"/linux/timeOffsets", R"({"monotonic": {"secs": 1}})", "linux.timeOffsets"},
      {"/linux/timeOffsets", R"({"realtime": {"secs": 1}})", "linux.timeOffsets.realtime"},
      {"/linux/devices", R"([{"type": "x", "path": "/dev/x"}])", "linux.devices[0].type"},
      {"/linux/devices", R"([{"type": "c", "path": "/dev/../x", "major": 1, "minor": 3}])", "linux.devices[0].path"},
      {"/linux/devices", R"([{"type": "c", "path": "/dev/x"}])", "linux.devices[0].major"},
      {"/linux/cgroupsPath", R"("/a/../b")", "linux.cgroupsPath"},
      {"/linux/rootfsPropagation", R"("shard")", "linux.rootfsPropagation"},
      {"/linux/maskedPaths", R"(["proc/kcore"])", "linux.maskedPaths[0]"},
      {"/linux/personality", R"({"domain": "BSD"})", "linux.personality.domain"},
      {"/linux/intelRdt", R"({"closID": "a/b"})", "linux.intelRdt.closID"},
      {"/linux/intelRdt", R"({"l3CacheSchema": "MB:0=20"})", "linux.intelRdt.l3CacheSchema"},
      {"/linux/intelRdt", R"({"schemata": ["L3:0=f\nMB:0=20"]})", "linux.intelRdt.schemata[0]"},
      {"/linux/netDevices", R"({"a name longer than devices": {}})", "linux.netDevices.a name longer"},
      {"/linux/netDevices", R"({"eth0": {"name": "a/b"}})", "linux.netDevices.eth0.name"},
      {"/linux/netDevices", R"({"eth0": {"name": "net"}, "eth1": {"name": "net"}})", "linux.netDevices.eth1"},
      {"/linux/memoryPolicy", R"({"mode": "BIND", "nodes": "0"})", "invalid memory policy mode"},
      {"/linux/memoryPolicy", R"({"nodes": "0"})", "linux.memoryPolicy.mode: found nothing"},
      {"/linux/memoryPolicy", R"({"mode": "MPOL_BIND", "nodes": "0-9876543210"})", "invalid memory policy node"},
      {"/linux/memoryPolicy", R"({"mode": "MPOL_BIND", "nodes": "0", "flags": ["x"]})", "invalid memory policy flag"},
      {"/linux/resources/devices", R"([{"allow": true, "access": "rx"}])", "linux.resources.devices[0].access"},
      {"/linux/resources/memory", R"({"limit": 100, "swap": 50})", "linux.resources.memory.swap"},
      {"/linux/resources/memory", R"({"limit": "1g"})", "linux.resources.memory.limit"},
      {"/linux/resources/cpu", R"({"idle": 2})", "linux.resources.cpu.idle"},
      {"/linux/resources/unified", R"({"../memory.max": "1"})", "linux.resources.unified"},
      {"/linux/resources/hugepageLimits", R"([{"pageSize": "../x", "limit": 1}])", "linux.resources.hugepageLimits[0].pageSize"},
      {"/windows", R"({"layerFolders": []})", "windows"},
  };
  for (const Bad& bad : table) refused(bad);
}

BOOST_AUTO_TEST_CASE(a_sysctl_belongs_to_a_namespace_of_the_container) {
  accepted(with("/linux/sysctl", R"({"net.ipv4.ip_forward": "1", "kernel.shmmax": "1", "fs.mqueue.msg_max": "10"})"));
  accepted(with("/linux/sysctl", R"({"net/ipv4/conf/eth0.1/forwarding": "1"})"));
  accepted(with("/linux/sysctl", R"({"kernel.domainname": "example"})"));
  json named = with("/linux/sysctl", R"({"kernel.domainname": "example"})");
  named["domainname"] = "example";
  accepted(named);
  named["domainname"] = "other";
  BOOST_TEST(!parse(named).ok());
  for (const char* key :
       {"kernel.core_pattern", "vm.swappiness", "kernel.hostname", "kernel/core_pattern", "user.max_net_namespaces", "net..ipv4",
        ".net", "net.ipv4.", "net ipv4", "fs.mqueue", "kernel.sem/../core_pattern"}) {
    json document = good_config();
    document["linux"]["sysctl"] = {{key, "1"}};
    BOOST_CHECK_MESSAGE(!parse(document).ok(), key << " was accepted");
  }
  refused({"/linux/sysctl", R"({"net.core.somaxconn": "1\nkernel.core_pattern=|/evil"})", "linux.sysctl.net.core.somaxconn"});
  json host_network = with("/linux/sysctl", R"({"net.ipv4.ip_forward": "1"})");
  host_network["linux"]["namespaces"].erase(4);
  BOOST_TEST(!parse(host_network).ok());
}

BOOST_AUTO_TEST_CASE(a_hostname_needs_a_uts_namespace) {
  json document = good_config();
  document["linux"]["namespaces"].erase(1);
  auto spec = parse(document);
  BOOST_REQUIRE(!spec.ok());
  BOOST_TEST(spec.error().text().find("hostname: found \"web1\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_container_without_a_mount_namespace_is_refused) {
  json document = good_config();
  document["linux"]["namespaces"].erase(0);
  BOOST_TEST(!parse(document).ok());
  document.erase("linux");
  BOOST_TEST(!parse(document).ok());
}

BOOST_AUTO_TEST_CASE(all_errors_come_at_once) {
  json document = good_config();
  document["process"]["cwd"] = "x";
  document["process"]["args"] = json::array();
  document["mounts"][0]["destination"] = "/..";
  auto spec = parse(document);
  BOOST_REQUIRE(!spec.ok());
  const std::string& text = spec.error().text();
  BOOST_TEST(text.find("3 errors") != std::string::npos);
  for (const char* place : {"process.cwd", "process.args", "mounts[0].destination"}) {
    BOOST_TEST(text.find(place) != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(the_text_of_an_error_has_none_of_the_phrases_that_podman_reads_as_126_or_127) {
  json document = good_config();
  document["process"]["cwd"] = "x";
  std::string text = parse(document).error().text();
  for (const char* phrase : {"permission denied", "not permitted", "not found in", "no such file"}) {
    BOOST_TEST(text.find(phrase) == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(text_that_is_no_json_is_refused_with_its_line) {
  Warnings warnings;
  auto spec = parse_config("{\n  \"a\": ,\n}", "/b", warnings);
  BOOST_REQUIRE(!spec.ok());
  BOOST_TEST(spec.error().text().find("line 2") != std::string::npos);
  for (const char* text : {"", "[]", "1", "null", "\"x\"", "{", "{}"}) {
    BOOST_CHECK_MESSAGE(!parse_config(text, "/b", warnings).ok(), text);
  }
}

BOOST_AUTO_TEST_CASE(a_value_nested_deeper_than_the_stack_is_refused_like_any_other) {
  constexpr std::size_t depth = 1'000'000;
  Warnings warnings;
  std::string text = "{\"process\": " + std::string(depth, '[') + std::string(depth, ']') + "}";
  auto spec = parse_config(text, "/b", warnings);
  BOOST_REQUIRE(!spec.ok());
  BOOST_TEST(spec.error().text().find("process: found an array of 1") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(unknown_members_and_nulls_are_ignored) {
  json document = good_config();
  document["futureField"] = 1;
  document["process"]["rlimits"] = nullptr;
  document["linux"]["intelRdt"] = json::object();
  accepted(document);
}

BOOST_AUTO_TEST_CASE(an_unknown_capability_is_a_warning) {
  Warnings warnings;
  json document = with("/process/capabilities", R"({"bounding": ["CAP_CHOWN", "CAP_FUTURE"]})");
  auto spec = parse_config(document.dump(), "/b", warnings);
  BOOST_REQUIRE(spec.ok());
  BOOST_TEST(spec->process.capabilities.bounding == 1U);
  BOOST_REQUIRE(warnings.size() == 1U);
  BOOST_TEST(warnings[0].find("CAP_FUTURE") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_ambient_capability_that_cannot_be_raised_is_dropped_with_a_warning) {
  Warnings warnings;
  json document = with("/process/capabilities", R"({"bounding": ["CAP_KILL"], "permitted": ["CAP_CHOWN", "CAP_KILL"],
                                                    "inheritable": ["CAP_KILL"], "ambient": ["CAP_CHOWN", "CAP_KILL"]})");
  auto spec = parse_config(document.dump(), "/b", warnings);
  BOOST_REQUIRE(spec.ok());
  BOOST_TEST(spec->process.capabilities.ambient == std::uint64_t{1} << 5U);
  BOOST_TEST(warnings.size() == 1U);
}

BOOST_AUTO_TEST_CASE(capabilities_that_the_kernel_would_refuse_are_refused) {
  refused({"/process/capabilities", R"({"bounding": ["CAP_KILL"], "inheritable": ["CAP_CHOWN"]})",
           "process.capabilities.inheritable"});
  refused(
      {"/process/capabilities", R"({"permitted": ["CAP_KILL"], "effective": ["CAP_CHOWN"]})", "process.capabilities.effective"});
}

BOOST_AUTO_TEST_CASE(mount_destinations_are_normalised) {
  BOOST_TEST(accepted(with("/mounts/0/destination", R"("//proc//./")")).mounts[0].destination == "/proc");
  BOOST_TEST(accepted(with("/mounts/0/destination", R"("proc")")).mounts[0].destination == "/proc");
  BOOST_TEST(accepted(with("/mounts/0/destination", R"("/")")).mounts[0].destination == "/");
}

BOOST_AUTO_TEST_CASE(device_rules_read_minus_one_as_any) {
  Spec spec =
      accepted(with("/linux/resources/devices", R"([{"allow": false}, {"allow": true, "type": "c", "major": 5, "minor": -1,
                                                             "access": "rw"}])"));
  const auto& rules = spec.linux_.resources.devices;
  BOOST_REQUIRE(rules.size() == 2U);
  BOOST_TEST(rules[0].type == 'a');
  BOOST_TEST(rules[0].mknod);
  BOOST_TEST(rules[1].major.value() == 5);
  BOOST_TEST(!rules[1].minor.has_value());
  BOOST_TEST(!rules[1].mknod);
}

BOOST_AUTO_TEST_CASE(resources_of_update_are_the_same_section) {
  auto resources = parse_resources(R"({"pids": {"limit": 0}, "memory": {"limit": 1048576}})");
  BOOST_REQUIRE(resources.ok());
  BOOST_TEST(resources->pids_limit.value() == -1);
  BOOST_TEST(resources->memory.limit.value() == 1048576);
  BOOST_TEST(!parse_resources(R"({"pids": 3})").ok());
}

BOOST_AUTO_TEST_CASE(an_agent_gets_only_what_it_can_answer) {
  accepted(with("/linux/seccomp", R"({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/agent.sock",
      "listenerMetadata": "x", "syscalls": [{"names": ["mknod"], "action": "SCMP_ACT_NOTIFY"}]})"));
  accepted(with("/linux/seccomp", R"({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/agent.sock"})"));
  const Bad table[] = {
      {"/linux/seccomp", R"({"defaultAction": "SCMP_ACT_NOTIFY"})", "linux.seccomp.defaultAction"},
      {"/linux/seccomp",
       R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mknod"], "action": "SCMP_ACT_NOTIFY"}]})",
       "linux.seccomp.listenerPath"},
      {"/linux/seccomp",
       R"({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "@abstract",
           "syscalls": [{"names": ["mknod"], "action": "SCMP_ACT_NOTIFY"}]})",
       "linux.seccomp.listenerPath"},
      {"/linux/seccomp",
       R"({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/agent.sock",
           "syscalls": [{"names": ["write"], "action": "SCMP_ACT_NOTIFY"}]})",
       "SCMP_ACT_NOTIFY cannot be used for the write syscall"},
      {"/linux/seccomp", R"({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_NEW"]})",
       "linux.seccomp.flags[0]"},
      {"/linux/seccomp", R"({})", "linux.seccomp.defaultAction"},
      {"/linux/seccomp",
       R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["x"], "action": "SCMP_ACT_KILL", "args": [{"index": 6,
           "value": 1, "op": "SCMP_CMP_EQ"}]}]})",
       "linux.seccomp.syscalls[0].args[0].index"},
  };
  for (const Bad& bad : table) refused(bad);
}

BOOST_AUTO_TEST_CASE(a_process_file_keeps_the_containers_capabilities_where_it_names_none) {
  Warnings warnings;
  auto plain = parse_process(R"({"args": ["ls"], "cwd": "/"})", warnings);
  BOOST_REQUIRE(plain.ok());
  BOOST_TEST(!plain->capabilities_given);
  auto empty = parse_process(R"({"args": ["ls"], "cwd": "/", "capabilities": {}})", warnings);
  BOOST_REQUIRE(empty.ok());
  BOOST_TEST(empty->capabilities_given);
  BOOST_TEST(!parse_process(R"({"cwd": "/"})", warnings).ok());
}

BOOST_AUTO_TEST_SUITE_END()
