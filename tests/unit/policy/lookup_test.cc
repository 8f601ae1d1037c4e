#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "policy/check.h"
#include "policy/decide.h"
#include "policy/load.h"
#include "policy/request.h"

using namespace warder::policy;
namespace fs = std::filesystem;

namespace {

/// A tree of profile directories that is removed again.
struct Tree {
  Tree() {
    std::string name = "/tmp/warder-lookup-XXXXXX";
    BOOST_REQUIRE(mkdtemp(name.data()) != nullptr);
    root = name;
    for (const char* directory : {"user", "etc", "stock"}) fs::create_directory(root / directory);
    request.container_id = "c1";
    request.where.directories = {(root / "user").string(), (root / "etc").string()};
    request.where.stock = {(root / "stock").string()};
    request.where.mandatory = {(root / "etc").string()};
    request.where.config_file = (root / "warder.yaml").string();
  }
  ~Tree() { fs::remove_all(root); }

  void write(const std::string& name, const std::string& text = "") const {
    std::ofstream(root / name) << "warder: 1\ndescription: " << name << "\n" << text;
    fs::permissions(root / name, fs::perms(0644));
  }
  void raw(const std::string& name, const std::string& text) const {
    std::ofstream(root / name) << text;
    fs::permissions(root / name, fs::perms(0644));
  }
  LoadOutcome load(const std::string& hostname, const std::string& domainname = "") {
    request.hostname = hostname;
    request.domainname = domainname;
    return load_for_container(request);
  }
  /// The description of the profile found, or the findings.
  std::string found(const std::string& hostname, const std::string& domainname = "") {
    const auto outcome = load(hostname, domainname);
    return outcome.profile ? outcome.profile->description : findings_text(outcome.findings);
  }

  fs::path root;
  LoadRequest request;
};

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_SUITE(lookup)

BOOST_AUTO_TEST_CASE(candidates_are_tried_in_the_order_of_the_manual) {
  Tree tree;
  const std::string builtin = "Built-in default, the hardening set alone";
  BOOST_TEST(tree.found("web1", "example.org") == builtin);
  for (const char* name : {"etc/default.yaml", "etc/example.org.yaml", "etc/w@.yaml", "etc/web@.yaml", "etc/web1.yaml",
                           "etc/web1.example.org.yaml"}) {
    tree.write(name);
    BOOST_TEST(tree.found("web1", "example.org") == name);
  }
  BOOST_TEST(tree.found("web2", "example.org") == "etc/web@.yaml");
  BOOST_TEST(tree.found("wall", "example.org") == "etc/w@.yaml");
  BOOST_TEST(tree.found("other", "example.org") == "etc/example.org.yaml");
  BOOST_TEST(tree.found("other") == "etc/default.yaml");
  BOOST_TEST(tree.found("") == "etc/default.yaml");
}

BOOST_AUTO_TEST_CASE(a_directory_is_exhausted_before_the_next) {
  Tree tree;
  tree.write("etc/web.yaml");
  tree.write("user/default.yaml");
  BOOST_TEST(tree.found("web") == "user/default.yaml");
  tree.write("user/web.yaml");
  BOOST_TEST(tree.found("web") == "user/web.yaml");
}

BOOST_AUTO_TEST_CASE(stock_profiles_are_not_found_by_hostname) {
  Tree tree;
  tree.write("stock/web.yaml");
  tree.write("stock/default.yaml");
  BOOST_TEST(tree.found("web") == "stock/default.yaml");
  tree.request.annotation = "web";
  BOOST_TEST(tree.found("x") == "stock/web.yaml");
  tree.request.annotation.reset();
  tree.write("etc/x.yaml", "extends: [web]\n");
  BOOST_TEST(tree.load("x").profile->layers.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_profile_may_extend_the_stock_profile_of_its_own_name) {
  Tree tree;
  tree.write("stock/ci.yaml", "mode: audit\n");
  tree.write("etc/ci.yaml", "extends: [ci]\n");
  const auto outcome = tree.load("ci");
  BOOST_REQUIRE(outcome.profile.has_value());
  BOOST_TEST(static_cast<int>(outcome.profile->mode) == static_cast<int>(Mode::audit));
}

BOOST_AUTO_TEST_CASE(reserved_names_are_never_hostnames) {
  Tree tree;
  for (const char* name : {"etc/mandatory.yaml", "etc/base.yaml", "etc/default.yaml", "etc/a@.yaml"}) tree.write(name);
  BOOST_TEST(tree.found("mandatory") == "etc/default.yaml");
  BOOST_TEST(tree.found("base") == "etc/default.yaml");
  BOOST_TEST(tree.found("a@") == "etc/default.yaml");
  BOOST_TEST(tree.found("host", "mandatory") == "etc/default.yaml");
  BOOST_TEST(tree.found("abc") == "etc/a@.yaml");
}

BOOST_AUTO_TEST_CASE(the_annotation_goes_before_the_hostname_unless_it_is_not_allowed) {
  Tree tree;
  tree.write("etc/web.yaml");
  tree.write("etc/other.yaml");
  tree.request.annotation = "other";
  BOOST_TEST(tree.found("web") == "etc/other.yaml");
  tree.request.annotation = "missing";
  BOOST_TEST(holds(tree.found("web"), "'missing' is in none of the profile directories"));
  tree.request.annotation = "mandatory";
  BOOST_TEST(holds(tree.found("web"), "names the ceiling"));
  tree.request.annotation = "../etc/web";
  BOOST_TEST(!tree.load("web").profile);
  tree.raw("warder.yaml", "allow-annotation: false\n");
  tree.request.annotation = "other";
  BOOST_TEST(holds(tree.found("web"), "says allow-annotation: false"));
}

BOOST_AUTO_TEST_CASE(a_joined_uts_namespace_makes_the_hostname_no_key) {
  Tree tree;
  tree.write("etc/web.yaml");
  tree.write("etc/default.yaml");
  tree.request.joins_uts_namespace = true;
  BOOST_TEST(tree.found("web") == "etc/default.yaml");
}

BOOST_AUTO_TEST_CASE(the_administrator_may_refuse_what_has_no_profile) {
  Tree tree;
  tree.write("stock/default.yaml");
  tree.raw("warder.yaml", "when-no-profile: refuse\n");
  BOOST_TEST(holds(tree.found("web"), "says when-no-profile: refuse"));
  tree.write("etc/web.yaml");
  BOOST_TEST(tree.found("web") == "etc/web.yaml");
}

BOOST_AUTO_TEST_CASE(bad_names_end_the_search_with_a_reason) {
  Tree tree;
  for (const std::string& name : {std::string("a/b"), std::string(".hidden"), std::string(254, 'a'), std::string("a\nb")}) {
    BOOST_TEST(!tree.load(name).profile.has_value());
    BOOST_TEST(!tree.load("ok", name).profile.has_value());
  }
  BOOST_TEST(tree.load(std::string(253, 'a')).profile.has_value());
}

BOOST_AUTO_TEST_CASE(only_absence_falls_through) {
  Tree tree;
  tree.write("etc/default.yaml");
  fs::create_directory(tree.root / "etc/web.yaml");
  BOOST_TEST(holds(tree.found("web"), "is no regular file"));
  fs::create_symlink("loop.yaml", tree.root / "etc/loop.yaml");
  BOOST_TEST(holds(tree.found("loop"), "ELOOP"));
  mkfifo((tree.root / "etc/fifo.yaml").c_str(), 0644);
  BOOST_TEST(holds(tree.found("fifo"), "is no regular file"));
  tree.write("etc/bad.yaml", "mode: wrong\npaths: {a: ro}\n");
  BOOST_TEST(holds(tree.found("bad"), "bad.yaml:3:7"));
  BOOST_TEST(holds(tree.found("bad"), "bad.yaml:4:9"));
  fs::remove(tree.root / "user");
  BOOST_TEST(tree.found("nothing") == "etc/default.yaml");
}

BOOST_AUTO_TEST_CASE(a_file_that_others_may_write_is_refused) {
  Tree tree;
  tree.write("etc/web.yaml");
  for (const int mode : {0664, 0646, 0666}) {
    chmod((tree.root / "etc/web.yaml").c_str(), static_cast<mode_t>(mode));
    BOOST_TEST(holds(tree.found("web"), "may be written by others"));
  }
  chmod((tree.root / "etc/web.yaml").c_str(), 0600);
  BOOST_TEST(tree.found("web") == "etc/web.yaml");
  chmod((tree.root / "etc").c_str(), 0777);
  BOOST_TEST(holds(tree.found("web"), "its directory may be written by others"));
}

BOOST_AUTO_TEST_CASE(a_file_of_another_user_is_refused) {
  if (geteuid() != 0) return;
  Tree tree;
  tree.write("etc/web.yaml");
  BOOST_REQUIRE(chown((tree.root / "etc/web.yaml").c_str(), 1234, 1234) == 0);
  BOOST_TEST(holds(tree.found("web"), "belongs to uid 1234"));
}

BOOST_AUTO_TEST_CASE(what_the_mandatory_profile_denies_no_other_allows) {
  Tree tree;
  tree.write("etc/mandatory.yaml", "paths: {'/**': all, /etc/shadow: none}\n");
  tree.write("etc/web.yaml", "paths: {'/**': all}\n");
  const auto outcome = tree.load("web");
  BOOST_REQUIRE(outcome.profile.has_value());
  BOOST_REQUIRE(outcome.profile->ceiling != nullptr);
  const Verdict verdict = decide_path(*outcome.profile, "/etc/shadow", Right::read);
  BOOST_TEST(!verdict.allowed);
  BOOST_TEST(std::string(verdict.origin.file).ends_with("mandatory.yaml"));
  BOOST_TEST(!decide_path(*tree.load("none").profile, "/etc/shadow", Right::read).allowed);
  tree.write("etc/mandatory.yaml", "mode: wrong\n");
  BOOST_TEST(!tree.load("web").profile.has_value());
}

BOOST_AUTO_TEST_CASE(the_profile_directory_of_the_command_line_stands_alone) {
  const auto where = profile_directories("/some/where", true);
  BOOST_TEST(where.directories == std::vector<std::string>{"/some/where"}, boost::test_tools::per_element());
  setenv("XDG_CONFIG_HOME", "/x", 1);
  BOOST_TEST(profile_directories(std::nullopt, true).directories.front() == "/x/warder/profiles");
  unsetenv("XDG_CONFIG_HOME");
  BOOST_TEST(profile_directories(std::nullopt, false).directories.front() == "/etc/warder/profiles");
}

BOOST_AUTO_TEST_CASE(the_stock_profiles_are_faultless_and_pass_their_own_tests) {
  LoadRequest request;
  request.hostname = "h";
  request.container_id = "c";
  request.where.stock = {std::string(WARDER_SOURCE_DIR) + "/profiles"};
  for (const char* name : {"base", "default", "ci", "ci-offline", "web", "database", "python", "node", "shell"}) {
    const auto outcome = load_by_name(name, request);
    BOOST_TEST_CONTEXT(name << ": " << findings_text(outcome.findings)) {
      BOOST_REQUIRE(outcome.profile.has_value());
      for (const auto& finding : lint_profile(*outcome.profile)) BOOST_ERROR(finding_text(finding));
      BOOST_TEST(!outcome.profile->tests.empty());
      for (const auto& test : outcome.profile->tests) {
        const auto asked = parse_request(test.operation, test.object);
        BOOST_REQUIRE(asked.ok());
        BOOST_TEST(decide(*outcome.profile, *asked).allowed == test.expect_allow,
                   name << " line " << test.source.line << ": " << test.operation << " " << test.object);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_stock_default_equals_the_one_that_is_built_in) {
  LoadRequest request;
  request.where.stock = {std::string(WARDER_SOURCE_DIR) + "/profiles"};
  const Profile stock = *load_by_name("default", request).profile;
  const Profile builtin = builtin_profile();
  BOOST_TEST(!stock.paths.has_value());
  BOOST_TEST(!builtin.paths.has_value());
  BOOST_TEST((stock.audit == builtin.audit && stock.mode == builtin.mode && stock.live == builtin.live));
  BOOST_TEST((!stock.network.connect && !stock.network.bind && !stock.network.families && stock.syscalls.empty()));
  BOOST_TEST((!stock.capability_ceiling && !stock.on_deny.error));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(lints)

BOOST_AUTO_TEST_CASE(what_is_allowed_by_the_language_but_hardly_meant_is_a_lint) {
  struct Case {
    std::string body;
    std::string_view says;
  };
  const Case cases[] = {
      {"paths: {'/a/b': ro, '/a/**': rw}\n", "'/a/b' never decides"},
      {"paths: {'/{a,b}': ro, '/a': rw, '/b': none}\n", "'/{a,b}' never decides"},
      {"paths: {'/**': rwx}\n", "may be written"},
      {"paths: {'/**': hide, '/w/**': rw}\n", "'/' itself is hidden"},
      {"paths: {}\n", "every path is refused"},
      {"network: {connect: []}\n", "every address is refused"},
      {"network: {connect: ['!tcp 10.0.0.0/8', 'tcp *:1']}\n", "denies what nothing before it allows"},
      {"network:\n  connect:\n    - 'tcp 10.0.0.1:80'\n    - 'tcp 10.0.0.0/8'\n", "covers it"},
      {"syscalls: {allow: [bpf], deny: [bpf]}\n", "both allowed and denied"},
      {"network: {connect: ['tcp 10.0.0.1:80'], families: [unix]}\n", "out of reach"},
      {"network: {bind: ['unix /run/**'], families: [inet]}\n", "out of reach"},
      {"live: true\naudit: cheap\n", "does nothing beside live"},
      {"mode: audit\non-deny: {action: kill}\n", "never taken"},
      {"mode: learn\naudit: cheap\n", "does nothing beside mode: learn"},
  };
  for (const auto& c : cases) {
    Tree tree;
    tree.write("etc/x.yaml", c.body);
    const auto outcome = tree.load("x");
    BOOST_REQUIRE(outcome.profile.has_value());
    std::string all;
    for (const auto& finding : lint_profile(*outcome.profile)) all += finding_text(finding) + "\n";
    BOOST_TEST(holds(all, c.says), c.body << " gave " << all);
  }
}

BOOST_AUTO_TEST_SUITE_END()
