// Lowering: what Landlock is given on a made-up root file system, compared with what the profile means there.
#include "policy/lower.h"

#include <linux/capability.h>
#include <linux/landlock.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <map>
#include <span>

#include "linux/newer.h"
#include "policy/decide.h"
#include "policy/landlock_lowering.h"
#include "policy/pattern.h"
#include "tests/unit/policy/random_profile.h"

namespace warder::policy {
namespace {

const KernelFacts new_kernel{7, true, true};

/// A root file system that exists only here.
class FakeRoot {
 public:
  explicit FakeRoot(std::map<std::string, FileKind> files, std::map<std::string, std::string> links = {})
      : files_(std::move(files)), links_(std::move(links)) {
    files_["/"] = FileKind::directory;
  }

  [[nodiscard]] ContainerFacts facts() const {
    ContainerFacts facts;
    facts.canonical = [this](std::string_view literal) {
      std::string path(literal);
      for (const auto& [link, target] : links_) {
        if (path == link || path.starts_with(link + "/")) path = target + path.substr(link.size());
      }
      return path;
    };
    facts.kind = [this](std::string_view path) {
      const auto found = files_.find(std::string(path));
      return found == files_.end() ? FileKind::absent : found->second;
    };
    facts.list = [this](std::string_view directory) {
      std::vector<ListedFile> listed;
      for (const auto& [path, kind] : files_) {
        const std::size_t slash = path.rfind('/');
        if (path != "/" && (slash == 0 ? "/" : path.substr(0, slash)) == directory)
          listed.push_back({path.substr(slash + 1), kind});
      }
      return std::optional(listed);
    };
    return facts;
  }
  [[nodiscard]] const std::map<std::string, FileKind>& files() const { return files_; }

 private:
  std::map<std::string, FileKind> files_;
  std::map<std::string, std::string> links_;
};

/// What the kernel would allow on `path`, as landlock(7) describes it.
bool wall_allows(const Compiled& compiled, std::string path, std::uint64_t access) {
  std::uint64_t given = 0;
  for (;;) {
    for (std::size_t i = 0; i < compiled.landlock_path_count(); ++i) {
      if (compiled.landlock_path(i).path == path) given |= compiled.landlock_path(i).access;
    }
    if (path == "/") break;
    const std::size_t slash = path.rfind('/');
    path = slash == 0 ? "/" : path.substr(0, slash);
  }
  return (access & compiled.landlock_handled_fs() & ~given) == 0;
}

PathEntry entry(std::string pattern, Rights allow, std::uint32_t line) {
  PathEntry made;
  made.pattern = std::move(pattern);
  made.allow = allow;
  made.source = {std::make_shared<const std::string>("p.yaml"), line, 3};
  return made;
}

Profile with_paths(const std::vector<std::pair<std::string, Rights>>& lines) {
  Profile profile;
  profile.name = "p";
  profile.paths.emplace();
  std::uint32_t number = 0;
  for (const auto& [pattern, rights] : lines) profile.paths->push_back(entry(pattern, rights, ++number));
  return profile;
}

struct Lowering {
  explicit Lowering(const Profile& profile, const ContainerFacts& facts = {}, const KernelFacts& kernel = new_kernel)
      : result(lower(profile, kernel, facts)) {
    if (!result.ok()) BOOST_FAIL(result.error().text());
    auto opened = Compiled::open(result->block);
    if (!opened.ok()) BOOST_FAIL(opened.error().text());
    compiled = *opened;
  }
  const Compiled* operator->() const { return &*compiled; }
  [[nodiscard]] bool traps(std::string_view name) const {
    return std::any_of(result->calls.begin(), result->calls.end(),
                       [&](const auto& call) { return call.name == name && call.enforcer == Enforcer::notify; });
  }
  Result<Lowered> result;
  std::optional<Compiled> compiled;
};

const FakeRoot image({{"/usr", FileKind::directory},
                      {"/usr/bin", FileKind::directory},
                      {"/usr/bin/sh", FileKind::other},
                      {"/etc", FileKind::directory},
                      {"/etc/passwd", FileKind::other},
                      {"/etc/shadow", FileKind::other},
                      {"/proc", FileKind::directory},
                      {"/tmp", FileKind::directory},
                      {"/work", FileKind::directory},
                      {"/work/a", FileKind::other}},
                     {{"/bin", "/usr/bin"}});

BOOST_AUTO_TEST_CASE(exec_rights_of_whole_trees_are_left_to_landlock) {
  const Lowering lowered(with_paths({{"/**", rights_ro}, {"/bin/**", rights_rx}}), image.facts());
  BOOST_TEST(!lowered->checks_exec());
  BOOST_TEST(lowered.traps("execve"));  // for the line in the log; audit: refused
  BOOST_TEST(wall_allows(*lowered.compiled, "/usr/bin/sh", LANDLOCK_ACCESS_FS_EXECUTE));
  BOOST_TEST(!wall_allows(*lowered.compiled, "/work/a", LANDLOCK_ACCESS_FS_EXECUTE));
}

BOOST_AUTO_TEST_CASE(a_tree_that_may_not_execute_inside_one_that_may_is_left_out_by_its_siblings) {
  const Lowering lowered(with_paths({{"/**", rights_rx}, {"/tmp/**", rights_rw}}), image.facts());
  BOOST_TEST(!lowered->checks_exec());
  BOOST_TEST(wall_allows(*lowered.compiled, "/work/a", LANDLOCK_ACCESS_FS_EXECUTE));
  BOOST_TEST(!wall_allows(*lowered.compiled, "/tmp/x", LANDLOCK_ACCESS_FS_EXECUTE));
  // Where the parent can be written a new sibling could not be executed, though the profile lets it.
  const Lowering writable(with_paths({{"/**", rights_rwx}, {"/tmp/**", rights_rw}}), image.facts());
  BOOST_TEST(writable->checks_exec());
}

BOOST_AUTO_TEST_CASE(a_refusal_by_a_pattern_is_landlocks_where_the_tree_stands_still) {
  const FakeRoot tree({{"/bin", FileKind::directory},
                       {"/bin/a", FileKind::other},
                       {"/bin/b.bin", FileKind::other},
                       {"/home", FileKind::directory},
                       {"/home/me", FileKind::directory},
                       {"/home/me/.ssh", FileKind::directory},
                       {"/home/me/.ssh/key", FileKind::other},
                       {"/home/me/notes", FileKind::other},
                       {"/tmp", FileKind::directory}});
  Profile profile =
      with_paths({{"/**", rights_rx}, {"/tmp/**", rights_rw}, {"/**/*.bin", rights_ro}, {"/home/*/.ssh/**", Rights()}});
  profile.audit = Audit::cheap;
  const Lowering lowered(profile, tree.facts());
  BOOST_TEST(wall_allows(*lowered.compiled, "/bin/a", LANDLOCK_ACCESS_FS_READ_FILE));
  BOOST_TEST(wall_allows(*lowered.compiled, "/bin/b.bin", LANDLOCK_ACCESS_FS_READ_FILE));
  BOOST_TEST(!wall_allows(*lowered.compiled, "/home/me/.ssh/key", LANDLOCK_ACCESS_FS_READ_FILE));
  BOOST_TEST(wall_allows(*lowered.compiled, "/home/me/notes", LANDLOCK_ACCESS_FS_READ_FILE));
  // *.bin below /tmp can be made.
  BOOST_TEST(lowered->checks_exec());
  BOOST_TEST(lowered.traps("openat"));  // listing: no rule can leave out the one directory

  Profile fixed = with_paths({{"/**", rights_rx}, {"/**/*.bin", rights_ro}, {"/home/*/.gnupg/**", Rights()}});
  fixed.audit = Audit::cheap;
  const Lowering whole(fixed, tree.facts());
  BOOST_TEST(!whole->checks_exec());
  BOOST_TEST(!wall_allows(*whole.compiled, "/bin/b.bin", LANDLOCK_ACCESS_FS_EXECUTE));
  BOOST_TEST(wall_allows(*whole.compiled, "/bin/a", LANDLOCK_ACCESS_FS_EXECUTE));
  // What is not there and cannot be made is refused by nobody.
  const auto reads = [](const CallReport& call) { return call.name == "openat" && call.when.empty(); };
  BOOST_TEST(std::ranges::none_of(whole.result->calls, reads));
}

BOOST_AUTO_TEST_CASE(what_landlock_cannot_tell_apart_is_checked_at_the_exec_stop) {
  for (const auto& lines : std::vector<std::vector<std::pair<std::string, Rights>>>{
           {{"/**", rights_rx}, {"/work/**", rights_rwx}, {"/**/*.bin", rights_ro}},     // names yet to be made
           {{"/**", rights_ro}, {"/work/**", rights_rwx}, {"/work/new/**", rights_rw}},  // a directory yet to be made
           {{"/**", rights_rwx}, {"/usr/**", rights_ro}}}) {                             // a tree that can be moved away
    BOOST_TEST(Lowering(with_paths(lines), image.facts())->checks_exec());
  }
  // Without Landlock, and where the contents are not known.
  const Profile simple = with_paths({{"/**", rights_ro}, {"/usr/bin/**", rights_rx}});
  BOOST_TEST(Lowering(simple, image.facts(), {0, true, true})->checks_exec());
  BOOST_TEST(Lowering(simple)->checks_exec());
}

BOOST_AUTO_TEST_CASE(audit_cheap_leaves_to_landlock_what_it_enforces_exactly) {
  Profile profile = with_paths({{"/**", rights_rx}, {"/work/**", rights_rwx}, {"/etc/shadow", Rights()}});
  profile.audit = Audit::cheap;
  const Lowering lowered(profile, image.facts());
  BOOST_TEST(!wall_allows(*lowered.compiled, "/etc/shadow", LANDLOCK_ACCESS_FS_READ_FILE));
  BOOST_TEST(wall_allows(*lowered.compiled, "/etc/passwd", LANDLOCK_ACCESS_FS_READ_FILE));
  BOOST_TEST(!wall_allows(*lowered.compiled, "/etc/passwd", LANDLOCK_ACCESS_FS_WRITE_FILE));
  BOOST_TEST(wall_allows(*lowered.compiled, "/work/b", LANDLOCK_ACCESS_FS_MAKE_REG));
  for (const auto* call : {"openat", "open", "mkdir", "unlink", "execve", "symlink"}) {
    BOOST_TEST_CONTEXT(call) { BOOST_TEST(!lowered.traps(call)); }
  }
  // No right of Landlock stands for these.
  for (const auto* call : {"chmod", "fchmod", "chown", "utimensat", "setxattr", "rename", "linkat"}) {
    BOOST_TEST_CONTEXT(call) { BOOST_TEST(lowered.traps(call)); }
  }
}

BOOST_AUTO_TEST_CASE(audit_cheap_mounts_read_only_what_landlock_has_no_right_for) {
  Profile profile = with_paths({{"/**", rights_all}, {"/usr/**", rights_rx}, {"/etc/**", rights_ro}, {"/etc/shadow", Rights()}});
  profile.audit = Audit::cheap;
  const Lowering lowered(profile, image.facts());
  BOOST_REQUIRE_EQUAL(lowered->read_only_count(), 2U);
  BOOST_TEST(lowered->read_only(0) == "/usr");
  BOOST_TEST(lowered->read_only(1) == "/etc");
  for (const auto* call : {"chmod", "fchmod", "chown", "utimensat", "setxattr"}) {
    BOOST_TEST_CONTEXT(call) { BOOST_TEST(!lowered.traps(call)); }
  }
  const auto& usr = lowered.result->entries[1];
  BOOST_TEST((std::ranges::find(usr.enforcers, Enforcer::mount) != usr.enforcers.end()));
  BOOST_TEST(usr.silent);
}

BOOST_AUTO_TEST_CASE(a_tree_is_not_mounted_read_only_where_that_would_be_more_or_less_than_the_profile_says) {
  const std::vector<std::vector<std::pair<std::string, Rights>>> profiles = {
      {{"/**", rights_all}, {"/usr/**", rights_rx}, {"/usr/bin/**", rights_rwx}},           // given back inside
      {{"/**", rights_all}, {"/usr/bin/**", rights_rx}},                                    // its parent may be renamed
      {{"/**", rights_all}, {"/opt/**", rights_rx}},                                        // not there at start
      {{"/**", rights_all}, {"/usr/**", rights_rx}, {"/work/*.key", rights_ro}},            // refused elsewhere, too
      {{"/**", rights_all}, {"/usr/**", rights_rx | Right::chmod}, {"/etc/a", rights_ro}},  // changeable a little
      {{"/usr/**", rights_rx}, {"/work/**", rights_all}},                                   // the rest has no rights at all
  };
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    BOOST_TEST_CONTEXT("profile " << i) {
      Profile profile = with_paths(profiles[i]);
      profile.audit = Audit::cheap;
      const Lowering lowered(profile, image.facts());
      BOOST_TEST(lowered->read_only_count() == 0U);
      BOOST_TEST(lowered.traps("chmod"));
    }
  }
  Profile logged = with_paths({{"/**", rights_all}, {"/usr/**", rights_rx}});
  BOOST_TEST(Lowering(logged, image.facts())->read_only_count() == 0U);
  BOOST_TEST(Lowering(logged, image.facts()).traps("chmod"));
}

BOOST_AUTO_TEST_CASE(modes_that_refuse_nothing_put_up_no_wall) {
  for (const Mode mode : {Mode::audit, Mode::learn}) {
    Profile profile = with_paths({{"/usr/**", rights_rx}});
    profile.mode = mode;
    const Lowering lowered(profile, image.facts());
    BOOST_TEST(lowered->landlock_handled_fs() == 0U);
    BOOST_TEST(!lowered->checks_exec());
    BOOST_TEST(lowered.traps("openat"));
  }
}

BOOST_AUTO_TEST_CASE(links_in_the_literal_start_of_a_pattern_are_resolved) {
  const Lowering lowered(with_paths({{"/**", rights_ro}, {"/bin/**", rights_rx}, {"/bin/s?", rights_all}}), image.facts());
  BOOST_TEST(lowered->path("/usr/bin/ls", Right::exec).allowed);
  BOOST_TEST(lowered->path("/usr/bin/sh", Right::chown).allowed);
  BOOST_TEST(lowered->path("/usr/bin/ls", Right::exec).origin.line == 2U);
  // The link itself, which is all that still has this name.
  BOOST_TEST(lowered->path("/bin", Right::exec).allowed);
}

BOOST_AUTO_TEST_CASE(where_some_address_is_refused_nobody_translates_addresses) {
  const auto keeps = [](std::vector<Transport> all, Mode mode) {
    Profile profile;
    profile.mode = mode;
    profile.network.connect.emplace();
    for (const Transport transport : all) {
      AddressRule rule;
      rule.transport = transport;
      rule.any_address = true;
      rule.text = "*";
      profile.network.connect->push_back(rule);
    }
    return (Lowering(profile)->capability_ceiling() & 1ULL << CAP_NET_ADMIN) != 0U;
  };
  BOOST_TEST(!keeps({}, Mode::enforce));
  BOOST_TEST(!keeps({Transport::tcp}, Mode::enforce));
  BOOST_TEST(keeps({Transport::tcp, Transport::udp}, Mode::enforce));
  BOOST_TEST(keeps({}, Mode::audit));
}

BOOST_AUTO_TEST_CASE(host_names_match_the_addresses_that_were_told_for_them) {
  Profile profile;
  AddressRule rule;
  rule.name = "packages.example.org";
  rule.text = "tcp packages.example.org:443";
  rule.port_low = rule.port_high = 443;
  rule.source = {std::make_shared<const std::string>("p.yaml"), 7, 5};
  profile.network.connect = std::vector{rule};
  const Lowering lowered(profile);
  BOOST_TEST(lowered->names_hosts());
  BOOST_TEST((lowered->capability_ceiling() & 1ULL << CAP_NET_ADMIN) == 0U);
  Endpoint endpoint{Transport::tcp, 2, false, {192, 0, 2, 1}, 443, ""};
  BOOST_TEST(!lowered->address(NetOperation::connect, endpoint).allowed);
  const std::array<std::string_view, 2> hosts = {"example.org", "packages.example.org"};
  endpoint.hosts = hosts;
  BOOST_TEST(lowered->address(NetOperation::connect, endpoint).allowed);
  BOOST_TEST(lowered->address(NetOperation::connect, endpoint).origin.line == 7U);
  endpoint.hosts = std::span(hosts).first(1);
  BOOST_TEST(!lowered->address(NetOperation::connect, endpoint).allowed);
  endpoint.hosts = hosts;
  endpoint.port = 80;
  BOOST_TEST(!lowered->address(NetOperation::connect, endpoint).allowed);
}

BOOST_AUTO_TEST_CASE(a_question_is_judged_by_its_name_and_else_by_the_resolver) {
  Profile profile;
  const auto line = [](std::string name, bool allow, std::uint32_t number) {
    AddressRule rule;
    rule.name = std::move(name);
    rule.allow = allow;
    rule.port_low = rule.port_high = 443;
    rule.source = {std::make_shared<const std::string>("p.yaml"), number, 5};
    return rule;
  };
  AddressRule resolver;
  resolver.transport = Transport::udp;
  resolver.address = {10, 0, 0, 53};
  resolver.prefix = 32;
  resolver.port_low = resolver.port_high = 53;
  resolver.source = {std::make_shared<const std::string>("p.yaml"), 9, 5};
  for (const bool resolver_allowed : {false, true}) {
    profile.network.connect =
        std::vector{line("good.example", true, 2), line("bad.example", true, 3), line("bad.example", false, 4)};
    if (resolver_allowed) profile.network.connect->push_back(resolver);
    const Lowering lowered(profile);
    const auto ask = [&](std::string_view host) {
      Endpoint endpoint{Transport::udp, 2, false, {10, 0, 0, 53}, 53, "", std::span(&host, 1)};
      const Verdict compiled = lowered->question(endpoint);
      const Verdict reference = decide_question(profile, endpoint);
      BOOST_TEST(compiled.allowed == reference.allowed);
      BOOST_TEST(compiled.origin.line == reference.origin.line);
      return compiled.allowed;
    };
    BOOST_TEST(ask("good.example"));
    BOOST_TEST(!ask("bad.example"));
    BOOST_TEST(ask("other.example") == resolver_allowed);
  }
}

BOOST_AUTO_TEST_CASE(few_tcp_ports_stand_behind_landlock_and_many_do_not) {
  Profile profile;
  AddressRule rule;
  rule.any_address = true;
  rule.port_low = 443;
  rule.port_high = 444;
  profile.network.connect = std::vector{rule};
  const Lowering few(profile);
  BOOST_TEST(few->landlock_handled_net() == kernel::landlock_net_connect_tcp);
  BOOST_REQUIRE(few->landlock_port_count() == 2U);
  BOOST_TEST(few->landlock_port(1).port == 444);
  BOOST_TEST(few->landlock_port(1).access == kernel::landlock_net_connect_tcp);
  profile.network.connect->front().port_high = 65535;
  BOOST_TEST(Lowering(profile)->landlock_handled_net() == 0U);
  BOOST_TEST(Lowering(profile, {}, {3, true, true})->landlock_port_count() == 0U);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_enforced_is_an_error_with_its_line) {
  Profile profile = with_paths({{"/**", rights_rx}});
  const auto old_kernel = lower(profile, {0, false, false}, {});
  BOOST_REQUIRE(!old_kernel.ok());
  BOOST_TEST(old_kernel.error().text().find("Linux 5.19") != std::string::npos);
  profile.architectures = {"native", "x86"};
  const auto foreign = lower(profile, new_kernel, {});
  BOOST_REQUIRE(!foreign.ok());
  BOOST_TEST(foreign.error().text().find("'x86' cannot be enforced here") != std::string::npos);
  profile.architectures = {"native"};
  SyscallRule rule;
  rule.word = "@basic-io";
  rule.numbers = {0, 1};
  rule.source = {std::make_shared<const std::string>("p.yaml"), 9, 5};
  profile.syscalls.push_back(rule);
  const auto unstartable = lower(profile, new_kernel, {});
  BOOST_REQUIRE(!unstartable.ok());
  BOOST_TEST(unstartable.error().text().starts_with("p.yaml:9:5: syscalls: deny '@basic-io' refuses read"));
}

/// Is the right about something of this kind at all?
bool applies(Right right, FileKind kind) {
  constexpr Rights of_files = Rights(Right::read) | Right::write | Right::exec | Right::truncate | Right::remove;
  constexpr Rights of_directories = Rights(Right::list) | Right::rmdir;
  if (of_files.any(right)) return kind == FileKind::other;
  if (of_directories.any(right)) return kind == FileKind::directory;
  return kind == FileKind::absent;  // a name is made where there is none
}

BOOST_AUTO_TEST_CASE(the_wall_never_refuses_what_is_allowed_and_is_exact_where_it_stands_alone) {
  testing::RandomProfiles random(2026);
  int exact_rights = 0;
  for (int round = 0; round < 600; ++round) {
    std::map<std::string, FileKind> files;
    for (int i = random.below(10); i > 0; --i) {
      const std::string path = random.path();
      for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        files[path.substr(0, slash)] = FileKind::directory;
      }
      if (path != "/" && !files.contains(path)) files[path] = random.below(3) == 0 ? FileKind::directory : FileKind::other;
    }
    const FakeRoot root(files);
    Profile profile = with_paths({});
    for (int i = random.below(6); i > 0; --i) {
      std::string pattern = random.below(3) == 0 ? random.pattern() : random.path() + (random.below(2) == 0 ? "/**" : "");
      if (pattern.starts_with("//")) pattern.erase(0, 1);
      if (path_pattern_fault(pattern)) continue;
      profile.paths->push_back(entry(pattern, random.rights(), static_cast<std::uint32_t>(i)));
    }
    profile.audit = Audit::cheap;
    const Lowering lowered(profile, root.facts());
    const LandlockLowering wall = lower_to_landlock(profile, *lowered.compiled, rights_all, new_kernel, root.facts());
    std::map<std::string, FileKind> asked = root.files();
    for (const auto& [path, kind] : root.files()) {
      if (kind == FileKind::directory) asked.try_emplace((path == "/" ? "" : path) + "/c", FileKind::absent);
    }
    for (const auto& [path, kind] : asked) {
      for (int bit = 0; bit < right_count; ++bit) {
        const Right right = static_cast<Right>(1U << bit);
        const std::uint64_t access = landlock_access(right, 7);
        if (access == 0 || !applies(right, kind)) continue;
        const bool of_parent = (rights_to_make | rights_of_the_name).any(right);
        if (of_parent && path == "/") continue;
        const std::size_t slash = path.rfind('/');
        const std::string object = !of_parent ? path : slash == 0 ? "/" : path.substr(0, slash);
        const bool allowed = decide_path(profile, path, right).allowed;
        const bool through = wall_allows(*lowered.compiled, object, access);
        const bool exact = wall.exact.any(right);
        if (exact) ++exact_rights;
        std::string lines;
        for (const auto& one : *profile.paths) lines += "\n  \"" + one.pattern + "\": " + rights_text(one.allow);
        BOOST_REQUIRE_MESSAGE(exact ? through == allowed : through || !allowed,
                              right_name(right) << " " << path << ": profile " << allowed << ", wall " << through
                                                << (exact ? " (exact)" : "") << lines);
      }
    }
  }
  BOOST_TEST_MESSAGE(exact_rights << " questions answered by Landlock alone");
  BOOST_TEST(exact_rights > 1000);
}

}  // namespace
}  // namespace warder::policy
