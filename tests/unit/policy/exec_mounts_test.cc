// `executable-mappings: exec`: which mounts a profile needs, and which profiles mounts cannot hold.
#include "policy/exec_mounts.h"

#include <boost/test/unit_test.hpp>
#include <map>

#include "policy/compiled_writer.h"
#include "policy/parse.h"

namespace warder::policy {
namespace {

const std::map<std::string, FileKind> files = {{"/", FileKind::directory},         {"/usr", FileKind::directory},
                                               {"/usr/bin", FileKind::directory},  {"/usr/bin/sh", FileKind::other},
                                               {"/tmp", FileKind::directory},      {"/work", FileKind::directory},
                                               {"/work/bin", FileKind::directory}, {"/etc", FileKind::directory},
                                               {"/etc/passwd", FileKind::other},   {"/proc", FileKind::directory}};

ContainerFacts image() {
  ContainerFacts facts;
  facts.kind = [](std::string_view path) {
    const auto found = files.find(std::string(path));
    return found == files.end() ? FileKind::absent : found->second;
  };
  return facts;
}

Result<std::vector<ExecMount>> mounts_of(const std::string& paths, const ContainerFacts& facts) {
  const auto file = std::make_shared<const std::string>("p.yaml");
  auto parsed = parse_profile("warder: 1\nexecutable-mappings: exec\npaths: {" + paths + "}\n", file, {});
  BOOST_REQUIRE(!has_errors(parsed.findings));
  const Profile& profile = parsed.document.profile;
  CompiledPlan plan;
  CompiledRules rules;
  rules.paths.emplace();
  for (const auto& entry : *profile.paths) {
    rules.paths->push_back({{entry.pattern}, entry.allow, entry.audit, entry.hide, entry.error, entry.source});
  }
  plan.rules.push_back(rules);
  const auto block = write_compiled(plan);
  BOOST_REQUIRE(block.ok());
  const auto compiled = Compiled::open(*block);
  BOOST_REQUIRE(compiled.ok());
  return lower_exec_mounts(profile, *compiled, facts);
}

/// "/=no /usr=yes": what is executable from where on; the error's text where there is one.
std::string text_of(const std::string& paths, const ContainerFacts& facts = image()) {
  const auto mounts = mounts_of(paths, facts);
  if (!mounts.ok()) return mounts.error().text();
  std::string text;
  for (const auto& mount : *mounts) {
    text += (text.empty() ? "" : " ") + mount.path + (mount.name_alone ? "!" : "") + (mount.to_be_made ? "+" : "") +
            (mount.executable ? "=yes" : "=no");
  }
  return text;
}

BOOST_AUTO_TEST_CASE(a_mount_stands_where_the_answer_about_exec_changes) {
  const std::pair<std::string, std::string> table[] = {
      {"'/**': rx", ""},
      {"'/**': rw", "/=no"},
      {"'/**': rx, '/tmp/**': rw", "/tmp=no"},
      {"'/**': rw, '/usr/**': rx", "/=no /usr=yes"},
      {"'/**': rx, '/usr/**': rwx, '/tmp/**': rw", "/tmp=no"},
      {"'/**': rx, '/work/**': ro, '/work/bin/**': rx", "/work=no /work/bin=yes"},
      {"'/tmp/**': rw, '/**': rx", ""},    // the last match decides
      {"'/**': rx, '/tmp/**': none", ""},  // what cannot be read cannot be mapped
      {"'/**': rx, '/tmp/**': hide", ""},
      {"'/usr/**': rx, '/tmp/**': rw", "/tmp=no"},  // the rest has no rights
      {"'/**': rx, '/etc/passwd': ro", "/etc/passwd!=no"},
      {"'/**': rx, '/etc': ro", ""},  // a directory alone
      {"'/**': ro, '/usr/bin/sh': rx", "/=no /usr/bin/sh!=yes"},
      {"'/**': rx, '/data/**': ro", ""},           // is not there and cannot be made
      {"'/**': rx, '/data/**': rw", "/data+=no"},  // could be made by the workload, so it is made before
      {"'/**': rwx, '/work/**': rw, '/work/bin/**': rwx", "/work=no /work/bin=yes"},  // a mount point is not renamed
      {"'/**': rx, '/data/**': ro, '/data/**/uploads/**': [ro, write]", ""},
      {"'/**': rx, '/proc/**': ro, '/proc/*/comm': [ro, write]", "/proc=no"},
      {"'/**': rx, '/tmp/**': rw, '/tmp/*.log': ro", "/tmp=no"},
      {"'/**': rx, '/tmp/**': rw, '/tmp/*.so': rx, '/tmp/*': rw", "/tmp=no"},  // a dead entry
      {"'/**': rx, '/etc/*.key': none", ""},
  };
  for (const auto& [paths, expected] : table) BOOST_TEST(text_of(paths) == expected, paths << ": " << text_of(paths));
}

BOOST_AUTO_TEST_CASE(what_mounts_cannot_hold_is_refused_with_its_line) {
  const std::pair<std::string, std::string> table[] = {
      {"'/**': rx, '/work/*.so': ro", "cannot tell '/work/*.so' from its neighbours in '/'"},
      {"'/**': rw, '/work/*.so': rx", "cannot tell '/work/*.so'"},
      {"'/**': rx, '/tmp/**': rw, '/**/*.so': ro", "cannot tell '/**/*.so'"},
      {"'/**': rwx, '/data': rw", "must be there when the container starts"},
      {"'/**': rwx, '/work/bin/**': rw", "has a directory above it that may be renamed"},
      {"'/**': rx, '/proc/self/**': ro", "is another directory for each process"},
  };
  for (const auto& [paths, expected] : table) {
    const std::string text = text_of(paths);
    BOOST_TEST(text.starts_with("p.yaml:3:"), text);
    BOOST_TEST(text.find(expected) != std::string::npos, text);
  }
}

BOOST_AUTO_TEST_CASE(without_a_container_what_depends_on_it_is_left_to_it) {
  BOOST_TEST(text_of("'/**': rwx, '/data/**': rw", {}) == "/data=no");
  BOOST_TEST(text_of("'/**': rx, '/work/*.so': ro", {}).find("cannot tell") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(under_two_profiles_only_what_both_let_is_mapped) {
  const auto both = [](const std::string& one, const std::string& other) {
    const auto a = mounts_of(one, image());
    const auto b = mounts_of(other, image());
    BOOST_REQUIRE(a.ok() && b.ok());
    std::string text;
    for (const auto& mount : both_exec_mounts(*a, *b)) {
      text += (text.empty() ? "" : " ") + mount.path + (mount.name_alone ? "!" : "") + (mount.executable ? "=yes" : "=no");
    }
    return text;
  };
  BOOST_TEST(both("'/**': rx, '/tmp/**': rw", "'/**': rx, '/work/**': rw") == "/tmp=no /work=no");
  BOOST_TEST(both("'/**': rw, '/usr/**': rx", "'/**': rx, '/usr/bin/**': rw") == "/=no /usr=yes /usr/bin=no");
  BOOST_TEST(both("'/**': rx, '/usr/bin/sh': ro", "'/**': ro, '/usr/**': rx") == "/=no /usr=yes /usr/bin/sh!=no");
}

}  // namespace
}  // namespace warder::policy
