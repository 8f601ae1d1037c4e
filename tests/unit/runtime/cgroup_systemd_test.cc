// Names of scopes, properties of units and what takes a change back. Pure.
#include <boost/test/unit_test.hpp>

#include "runtime/cgroups/change.h"
#include "runtime/cgroups/scope.h"
#include "runtime/cgroups/unit_property.h"

using namespace warder;
using namespace warder::runtime;

namespace {

template <class Value>
Value value_of(const std::vector<UnitProperty>& properties, std::string_view name) {
  for (const UnitProperty& property : properties) {
    if (property.name != name) continue;
    const Value* value = std::get_if<Value>(&property.value);
    BOOST_REQUIRE_MESSAGE(value != nullptr, name << " has another type");
    return *value;
  }
  BOOST_REQUIRE_MESSAGE(false, "no property " << name);
  return {};
}

Result<ScopeName> scope(const std::string& path, SystemdInstance instance = SystemdInstance::system) {
  return ScopeName::parse(path, "id", instance);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cgroup_scope_names)

BOOST_AUTO_TEST_CASE(a_path_of_three_parts_names_slice_and_unit) {
  auto name = scope("machine.slice:libpod:abc");
  BOOST_REQUIRE(name.ok());
  BOOST_TEST(name->slice == "machine.slice");
  BOOST_TEST(name->unit == "libpod-abc.scope");
  BOOST_TEST(scope(":libpod:abc")->slice == "system.slice");
  BOOST_TEST(scope(":libpod:abc", SystemdInstance::user)->slice == "user.slice");
  BOOST_TEST(scope("a.slice::abc")->unit == "abc.scope");
  BOOST_TEST(scope("")->unit == "warder-id.scope");
}

BOOST_AUTO_TEST_CASE(letters_that_a_unit_cannot_have_are_escaped) {
  BOOST_TEST(scope("a.slice:p:a+b c")->unit == "p-a\\x2bb\\x20c.scope");
}

BOOST_AUTO_TEST_CASE(anything_else_is_refused) {
  for (const char* bad : {"/a/b", "a", "a.slice:b", "a.slice:b:c:d", "a:b:c", "-.slice:b:c", "../a.slice:b:c",
                          "a.slice:b:", "a.slice:b:c/d", "a.slice:b:c.slice"}) {
    BOOST_TEST(!scope(bad).ok(), bad);
  }
  BOOST_TEST(!scope("a.slice:b:" + std::string(250, 'c')).ok());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(unit_property_values)

BOOST_AUTO_TEST_CASE(limits_that_systemd_knows_become_properties) {
  Resources resources;
  resources.memory.limit = 64 << 20;
  resources.memory.swap = -1;
  resources.cpu.shares = 1024;
  resources.cpu.quota = 25500;
  resources.cpu.period = 50000;
  resources.cpu.cpus = "0-2,9";
  resources.pids_limit = -1;
  auto writes = limits_v2(resources);
  BOOST_REQUIRE(writes.ok());
  std::vector<UnitProperty> properties = unit_properties(*writes);
  constexpr std::uint64_t infinity = ~std::uint64_t{0};
  BOOST_TEST(value_of<std::uint64_t>(properties, "MemoryMax") == 64U << 20U);
  BOOST_TEST(value_of<std::uint64_t>(properties, "MemorySwapMax") == infinity);
  BOOST_TEST(value_of<std::uint64_t>(properties, "TasksMax") == infinity);
  BOOST_TEST(value_of<std::uint64_t>(properties, "CPUWeight") == 39U);
  BOOST_TEST(value_of<std::uint64_t>(properties, "CPUQuotaPerSecUSec") == 510'000U);
  BOOST_TEST(value_of<std::uint64_t>(properties, "CPUQuotaPeriodUSec") == 50'000U);
  std::vector<std::uint8_t> cpus = {0x07, 0x02};
  BOOST_TEST(value_of<std::vector<std::uint8_t>>(properties, "AllowedCPUs") == cpus);
}

BOOST_AUTO_TEST_CASE(annotations_are_typed_texts) {
  auto properties = annotated_properties({{"org.systemd.property.CollectMode", "'inactive-or-failed'"},
                                          {"org.systemd.property.TimeoutStopSec", "1.5"},
                                          {"org.systemd.property.TasksMax", "uint64 5"},
                                          {"org.systemd.property.SendSIGHUP", "true"},
                                          {"org.systemd.property.Nice", "-5"},
                                          {"org.systemd.property.After", "['a.service', \"b.service\"]"},
                                          {"other", "'x"}});
  BOOST_REQUIRE(properties.ok());
  BOOST_TEST(properties->size() == 6U);
  BOOST_TEST(value_of<std::string>(*properties, "CollectMode") == "inactive-or-failed");
  BOOST_TEST(value_of<std::uint64_t>(*properties, "TimeoutStopUSec") == 1'500'000U);
  BOOST_TEST(value_of<std::uint64_t>(*properties, "TasksMax") == 5U);
  BOOST_TEST(value_of<bool>(*properties, "SendSIGHUP"));
  BOOST_TEST(value_of<std::int32_t>(*properties, "Nice") == -5);
  std::vector<std::string> units = {"a.service", "b.service"};
  BOOST_TEST(value_of<std::vector<std::string>>(*properties, "After") == units);
}

BOOST_AUTO_TEST_CASE(what_is_no_value_is_refused_with_the_annotation) {
  for (const char* bad :
       {"", "text", "'open", "['a',]", "['a' 'b']", "uint64 -1", "uint8 1", "1x", "'a' 'b'", "{}", "int32 3000000000"}) {
    auto properties = annotated_properties({{"org.systemd.property.Thing", bad}});
    BOOST_TEST(!properties.ok(), bad);
    if (!properties) BOOST_TEST(properties.error().text().find("annotations['org.systemd.property.Thing']") == 0U);
  }
  for (const char* name : {"", "No", "With-Dash", "PIDs", "Delegate", "Slice"}) {
    BOOST_TEST(!annotated_properties({{"org.systemd.property." + std::string(name), "true"}}).ok(), name);
  }
  BOOST_TEST(!annotated_properties({{"org.systemd.property.TimeoutStopSec", "-1"}}).ok());
  BOOST_TEST(!annotated_properties({{"org.systemd.property.TimeoutStopSec", "'5s'"}}).ok());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(cgroup_changes)

BOOST_AUTO_TEST_CASE(what_was_there_is_written_back) {
  BOOST_TEST(text_to_undo("memory.max", "4096", "max\n") == "max");
  BOOST_TEST(text_to_undo("cpu.max", "1000 5000", "max 100000\n") == "max 100000");
  BOOST_TEST(text_to_undo("cpuset.cpus", "1", "\n") == "\n");
  BOOST_TEST(text_to_undo("io.max", "8:0 rbps=1", "8:16 rbps=5 wbps=max riops=max wiops=max\n8:0 rbps=7 wbps=max\n") ==
             "8:0 rbps=7 wbps=max");
  BOOST_TEST(text_to_undo("io.max", "8:0 rbps=1", "8:16 rbps=5\n") == "8:0 rbps=max");
  BOOST_TEST(text_to_undo("blkio.throttle.read_bps_device", "8:0 4096", "") == "8:0 0");
  BOOST_TEST(text_to_undo("rdma.max", "mlx hca_handle=3", "mlx hca_handle=2 hca_object=max\n") ==
             "mlx hca_handle=2 hca_object=max");
  BOOST_TEST(text_to_undo("io.weight", "default 200", "default 100\n") == "default 100");
}

BOOST_AUTO_TEST_CASE(zeros_that_engines_write_for_nothing_are_no_limits) {
  Resources resources;
  resources.memory.limit = 0;
  resources.memory.swap = 0;
  resources.cpu.quota = 0;
  resources.cpu.shares = 0;
  resources.pids_limit = 5;
  BOOST_TEST(limits_v1(resources).size() == 1U);
  auto v2 = limits_v2(resources);
  BOOST_REQUIRE(v2.ok());
  BOOST_TEST(v2->size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
