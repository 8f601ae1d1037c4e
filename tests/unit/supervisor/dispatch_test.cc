// Who answers which number: exactly the calls that the table of dispositions says somebody answers.
#include "supervisor/dispatch.h"

#include <boost/test/unit_test.hpp>

#include "policy/dispositions.h"

namespace warder::supervisor {
namespace {

BOOST_AUTO_TEST_CASE(every_call_that_is_answered_has_a_handler_and_no_other) {
  for (const auto& call : policy::call_dispositions()) {
    const bool looked_at = call.disposition == policy::Disposition::answered || call.disposition == policy::Disposition::checked;
    // Families of sockets are refused by number where that must leave a line in the audit log.
    const bool families = call.name == "socket" || call.name == "socketpair";
    BOOST_TEST((handler_of(call.number) != nullptr) == (looked_at || families), call.name);
  }
  BOOST_TEST((handler_of(-1) == nullptr));
  BOOST_TEST((handler_of(100000) == nullptr));
}

}  // namespace
}  // namespace warder::supervisor
