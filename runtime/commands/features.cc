// `warder features`: the features object of the specification, on standard output and nothing anywhere else.
#include <fmt/format.h>
#include <seccomp.h>

#include <nlohmann/json.hpp>

#include "runtime/commands/verb.h"
#include "runtime/commands/version.h"
#include "runtime/config/parse.h"
#include "runtime/container/mount_options.h"

namespace warder::runtime {
namespace {

using json = nlohmann::ordered_json;

json capability_names() {
  json names = json::array();
  for (int number = 0; number < known_capabilities; ++number) names.push_back(capability_name(number));
  return names;
}

json seccomp_section() {
  json flags{"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
             "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
  return {{"enabled", true},
          {"actions",
           {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
            "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"}},
          {"operators",
           {"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"}},
          {"archs",
           {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL",
            "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", "SCMP_ARCH_PPC",
            "SCMP_ARCH_PPC64", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_RISCV64", "SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_X32",
            "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"}},
          {"knownFlags", flags},
          {"supportedFlags", flags}};
}

json linux_section() {
  return {{"namespaces", {"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"}},
          {"capabilities", capability_names()},
          {"cgroup", {{"v1", true}, {"v2", true}, {"systemd", true}, {"systemdUser", true}, {"rdma", true}}},
          {"seccomp", seccomp_section()},
          {"apparmor", {{"enabled", true}}},
          {"selinux", {{"enabled", true}}},
          {"intelRdt", {{"enabled", true}, {"schemata", true}, {"monitoring", true}}},
          {"memoryPolicy",
           {{"modes",
             {"MPOL_BIND", "MPOL_DEFAULT", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED", "MPOL_PREFERRED_MANY",
              "MPOL_WEIGHTED_INTERLEAVE"}},
            {"flags", {"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"}}}},
          {"mountExtensions", {{"idmap", {{"enabled", true}}}}},
          {"netDevices", {{"enabled", true}}}};
}

class Features : public Verb {
 public:
  void define(Options& /*app*/) override {}

  Result<int> run(const Context& /*context*/) override {
    const scmp_version* library = ::seccomp_version();
    json document{
        {"ociVersionMin", oldest_spec_version},
        {"ociVersionMax", spec_version},
        {"hooks", {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}},
        {"mountOptions", known_mount_options()},
        {"linux", linux_section()},
        {"annotations",
         {{"io.github.seccomp.libseccomp.version", fmt::format("{}.{}.{}", library->major, library->minor, library->micro)},
          {"io.warder.version", warder_version()},
          {"io.warder.commit", warder_commit()},
          {"io.warder.checkpoint.enabled", "false"}}},
        {"potentiallyUnsafeConfigAnnotations",
         {"io.warder.", "run.oci.keep_original_groups", "run.oci.pidfd_receiver", "run.oci.hooks."}}};
    WARDER_TRY(print(document.dump(2) + "\n"));
    return 0;
  }
};

}  // namespace

std::unique_ptr<Verb> make_features() { return std::make_unique<Features>(); }

}  // namespace warder::runtime
