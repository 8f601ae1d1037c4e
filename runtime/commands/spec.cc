// `warder spec`: a config.json to begin with, or a hardened one from flags.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "runtime/cgroups/cgroup.h"
#include "runtime/commands/spec_builder.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {
namespace {

/// Engines and scripts that start from the plain document expect the paths of v1's cgroups inside as they are outside.
void share_cgroup_namespace_on_v1(json& namespaces) {
  auto layout = CgroupLayout::probe();
  if (!layout.ok() || layout->unified) return;
  for (auto entry = namespaces.begin(); entry != namespaces.end(); ++entry) {
    if ((*entry)["type"] != "cgroup") continue;
    namespaces.erase(entry);
    return;
  }
}

class SpecVerb : public Verb {
 public:
  void define(Options& app) override {
    app.add_option("-b,--bundle", bundle_, "directory to write config.json to").capture_default_str();
    app.add_option("-f,--file", file_, "name of the file to write, \"-\": standard output").capture_default_str();
    // The option of every command, here also without a value: write one that runs without privileges.
    app.make_value_optional("--rootless");
    app.add_option("COMMAND", flags_.command, "the program and its arguments, after --");
    app.add_option("--hostname", flags_.hostname, "host name, which finds the profile");
    app.add_option("--rootfs", flags_.rootfs, "root file system (default: rootfs)");
    app.add_option("--cwd", flags_.cwd, "working directory");
    app.add_option("-u,--user", flags_.user, "UID or UID:GID");
    app.add_option("-m,--memory", flags_.memory, "limit, like 512M");
    app.add_option("--cpus", flags_.cpus, "CPUs it may use, like 1.5");
    app.add_option("--pids", flags_.pids, "most processes (default: 512)").between(1, 4194304);
    app.add_option("--cgroup", flags_.cgroup, "cgroup path");
    app.add_option("--profile", flags_.profile, "profile by name instead of by host name");
    app.add_option("--sd-notify", flags_.sd_notify, "container (pass readiness on) or ignore");
    list(app, "-e,--env", flags_.env, "NAME=VALUE");
    list(app, "-c,--cap", flags_.capabilities, "one capability; without any: none");
    list(app, "--rlimit", flags_.rlimits, "NAME=SOFT[:HARD]");
    list(app, "-v,--volume", flags_.volumes, "SOURCE:DESTINATION[:OPTION,…]");
    list(app, "--tmpfs", flags_.tmpfs, "DESTINATION[:OPTION,…]");
    list(app, "--secret", flags_.secrets, "NAME=FILE, at /run/secrets/NAME; FILE is in memory");
    list(app, "--hook", flags_.hooks, "KIND=/PATH[,ARGUMENT…]");
    list(app, "--namespace", flags_.namespaces, "TYPE, TYPE=host or TYPE=/PATH");
    list(app, "--uidmap", flags_.uid_maps, "CONTAINER-ID:HOST-ID:SIZE");
    list(app, "--gidmap", flags_.gid_maps, "CONTAINER-ID:HOST-ID:SIZE");
    list(app, "--sysctl", flags_.sysctls, "NAME=VALUE");
    list(app, "--annotation", flags_.annotations, "NAME=VALUE");
    app.add_flag("-t,--tty", flags_.terminal, "give it a terminal");
    app.add_flag("--writable-root", flags_.writable_root, "let it write its root file system");
    app.add_flag("--force", flags_.force, "take volumes and secrets that are refused otherwise");
  }

  Result<int> run(const Context& context) override {
    bool rootless = context.options.rootless != "auto" && context.options.rootless != "false";
    json document = WARDER_TRY(build_spec(flags_, rootless ? SpecKind::rootless : SpecKind::rootful));
    if (!flags_.any()) share_cgroup_namespace_on_v1(document["linux"]["namespaces"]);
    std::string text = document.dump(2) + "\n";
    if (file_ == "-") {
      WARDER_TRY(print(text));
      return 0;
    }
    std::string path = bundle_ + "/" + file_;
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!file) return Error::syscall(fmt::format("open '{}'", path));
    if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      return Error::syscall(fmt::format("write '{}'", path));
    }
    return 0;
  }

 private:
  static void list(Options& app, const char* names, std::vector<std::string>& into, const char* help) {
    app.add_option(names, into, std::string(help) + "; may be repeated").one_at_a_time();
  }

  std::string bundle_ = ".", file_ = "config.json";
  SpecFlags flags_;
};

}  // namespace

std::unique_ptr<Verb> make_spec() { return std::make_unique<SpecVerb>(); }

}  // namespace warder::runtime
