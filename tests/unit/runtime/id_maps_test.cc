// Id maps as the kernel reads them, and sysctl keys. Pure.
#include "runtime/container/id_maps.h"

#include <boost/test/unit_test.hpp>

#include "runtime/container/sysctl.h"

using namespace warder::runtime;

BOOST_AUTO_TEST_SUITE(id_maps)

BOOST_AUTO_TEST_CASE(a_map_is_one_line_per_range) {
  std::vector<IdMapping> maps = {{0, 100000, 1000}, {1000, 1000, 1}};
  BOOST_TEST(map_text(maps) == "0 100000 1000\n1000 1000 1\n");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(sysctl_keys)

BOOST_AUTO_TEST_CASE(dots_and_slashes_separate_as_sysctl_8_says) {
  BOOST_TEST(*sysctl_path("net.ipv4.ip_forward") == "sys/net/ipv4/ip_forward");
  BOOST_TEST(*sysctl_path("net/ipv4/conf/eth0.1/rp_filter") == "sys/net/ipv4/conf/eth0.1/rp_filter");
  BOOST_TEST(*sysctl_path("net.ipv4.conf.eth0/1.rp_filter") == "sys/net/ipv4/conf/eth0.1/rp_filter");
}

BOOST_AUTO_TEST_CASE(a_key_that_could_climb_or_is_no_path_is_refused) {
  for (const char* key : {"", ".", "net..x", ".net", "net.", "net/../../sysrq-trigger", "/proc", "net//x"}) {
    BOOST_TEST(!sysctl_path(key).ok(), key);
  }
}

BOOST_AUTO_TEST_CASE(a_value_with_a_line_break_is_refused_before_anything_is_written) {
  BOOST_TEST(!write_sysctls({{"kernel.domainname", "a\nb"}}).ok());
}

BOOST_AUTO_TEST_SUITE_END()
