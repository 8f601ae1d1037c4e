// linux.sysctl of config.json, written inside the container's namespaces. P2.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "linux/result.h"

namespace warder::runtime {

/// Writes each value in one piece through a procfs of our own that is attached nowhere, so that no mount and no link of the
/// container can lead the write to another file (CVE-2025-52881). Which keys are namespaced is checked with the Spec. A key may
/// use
/// "." or "/" between its parts; a key with an empty part, or a value with a line break, is refused.
Result<void> write_sysctls(const std::map<std::string, std::string>& sysctls);

/// "net.ipv4.ip_forward" -> "sys/net/ipv4/ip_forward"; with a "/" first in the key, dots stay ("net/ipv4/conf/eth0.1/rp_filter").
Result<std::string> sysctl_path(std::string_view key);

}  // namespace warder::runtime
