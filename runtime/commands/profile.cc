// The command line of `warder profile`: which verb, which profile. Everything else is in profile_VERB.cc.
#include "runtime/commands/profile.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "runtime/cgroups/address_guard.h"
#include "runtime/commands/profile_verbs.h"
#include "runtime/commands/verb.h"
#include "runtime/log.h"
#include "runtime/rootless.h"

namespace warder::runtime {
namespace {

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

/// What the command line said; one of the verbs is set.
struct ProfileCommand {
  ProfileOptions options;
  std::vector<std::string> files, names, groups, object, logs;
  std::string operation, profile, shown, container, before, after;
  std::optional<std::string> root;
  std::string unused;
  bool ignored = false;
  CLI::App *check = nullptr, *explain = nullptr, *test = nullptr, *show = nullptr, *diff = nullptr, *learn = nullptr,
           *list = nullptr, *rights = nullptr, *schema = nullptr;

  void define(CLI::App& app) {
    app.require_subcommand(1);
    app.fallthrough();
    app.add_option("--profile-dir", options.profile_dir, "look for profiles in this directory alone");
    app.add_option("--hostname", options.hostname,
                   "the hostname of the container, for ${HOSTNAME} and the choice of the profile");
    app.add_option("--domainname", options.domainname, "its domain name");
    app.add_option("--container-id", options.container_id, "its id, for ${CONTAINER_ID}");
    app.add_option_function<std::string>(
           "-f,--format", [this](const std::string& word) { options.format = word == "json" ? Format::json : Format::text; },
           "text or json")
        ->check(CLI::IsMember({"text", "json"}));
    // Options of every command, given before the verb by scripts that give them always: nothing here depends on them.
    for (const char* name : {"--audit-log", "--log", "--log-format", "--log-level", "--cgroup-manager", "--rootless"}) {
      app.add_option(name, unused)->group("");
    }
    app.add_flag("--debug,--systemd-cgroup", ignored)->group("");
    app.add_option("--root", root, "the directory of the containers' states, as for the other commands");
    check = app.add_subcommand("check", "every error and lint of profile files; fails where there is an error");
    check->add_option("FILE", files, "files, or names of profiles")->required();
    explain =
        app.add_subcommand("explain", "the decision for one operation: verdict, deciding line, enforcer, cost, what is trapped");
    explain->add_option("--profile", profile, "a name or file; without it the profile that --hostname gets");
    explain
        ->add_option("DO", operation, "a right (read, write, exec, …), stat, move, connect, bind, listen, send, socket, syscall")
        ->required();
    explain->add_option("OBJECT", object, "a path, `FROM TO`, an address, a family or a system call")->required();
    test = app.add_subcommand("test", "run the `tests:` of profiles; fails where one fails");
    test->add_option("NAME", names, "names or files")->required();
    show = app.add_subcommand("show", "the merged profile with the origin of each line");
    show->add_option("NAME", shown, "a name or file; without it the profile that --hostname gets");
    show->add_option("--container", container, "the profile in force in this container, with enforcers and counters");
    diff = app.add_subcommand(
        "diff", "what became allowed (+) or denied (-) between two profiles, or what a profile refuses of a recording");
    diff->add_option("A", before, "a name or file")->required();
    diff->add_option("B", after, "a name or file, or an audit log")->required();
    learn = app.add_subcommand("learn", "a profile that allows what recordings of `mode: learn` hold, checked by a replay");
    learn->add_option("LOG", logs, "audit logs")->required();
    list = app.add_subcommand("groups", "the groups of system calls, or the contents of some");
    list->add_option("GROUP", groups, "groups to write out");
    rights = app.add_subcommand("rights", "the rights of `paths`, and the system calls that need each");
    schema = app.add_subcommand("schema", "the JSON Schema of profiles, for editors");
  }

  Result<policy::Profile> chosen(const std::string& name) const {
    return name.empty() ? load_for_hostname(options) : load_profile(name, options);
  }

  Result<int> run() const {
    if (check->parsed()) return check_profiles(files, options);
    if (explain->parsed()) return explain_request(WARDER_TRY(chosen(profile)), operation, joined(object), options.format);
    if (test->parsed()) return test_profiles(names, options);
    if (show->parsed() && !container.empty()) return show_container(container, root, options.format);
    if (show->parsed()) return show_profile(WARDER_TRY(chosen(shown)), options.format);
    if (diff->parsed()) return diff_profiles(before, after, options);
    if (learn->parsed()) return learn_profile(logs, options);
    if (list->parsed()) return show_groups(groups, options.format);
    if (rights->parsed()) return show_rights(options.format);
    return show_schema(options);
  }
};

}  // namespace

policy::LoadRequest load_request(const ProfileOptions& options) {
  const auto rootless = is_rootless("auto");
  policy::LoadRequest request;
  request.container_id = options.container_id;
  request.hostname = options.hostname;
  request.domainname = options.domainname;
  request.where = policy::profile_directories(options.profile_dir, rootless.ok() && *rootless);
  return request;
}

Result<policy::Profile> load_profile(std::string_view name_or_file, const ProfileOptions& options) {
  auto outcome = policy::load_by_name(name_or_file, load_request(options));
  if (!outcome.profile) return Error::user(policy::findings_text(outcome.findings));
  return *std::move(outcome.profile);
}

Result<policy::Profile> load_for_hostname(const ProfileOptions& options) {
  auto outcome = policy::load_for_container(load_request(options));
  if (!outcome.profile) return Error::user(policy::findings_text(outcome.findings));
  return *std::move(outcome.profile);
}

Result<policy::Lowered> lower_here(const policy::Profile& profile) {
  policy::ContainerFacts facts;
  facts.has_guarded_cgroup = can_guard_addresses;
  return policy::lower(profile, probe_kernel(), facts);
}

std::string place(const policy::Source& source) {
  if (!source.file) return "builtin";
  return source.line == 0 ? *source.file : fmt::format("{}:{}", *source.file, source.line);
}

std::string place(const policy::Origin& origin) {
  return origin.line == 0 ? std::string(origin.file) : fmt::format("{}:{}", origin.file, origin.line);
}

int profile_command(int argc, char** argv) {
  CLI::App app("Profiles, without a container", "warder profile");
  ProfileCommand command;
  command.define(app);
  const Log log;
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    return print(chosen.empty() ? app.help() : chosen.front()->help()).ok() ? 0 : 1;
  } catch (const CLI::ParseError& error) {
    log.error(fmt::format("profile: {}; see warder profile --help", error.what()));
    return 1;
  }
  const auto code = command.run();
  if (code.ok()) return *code;
  log.error(code.error().text());
  return 1;
}

}  // namespace warder::runtime
