// Properties of a systemd unit: what a scope is given when it is made or changed, as values. Pure; systemd_bus.cc sends them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "linux/result.h"
#include "runtime/cgroups/limits.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

/// The alternatives are D-Bus types: b, i, u, x, t, d, s, as, ay, au.
using UnitValue = std::variant<bool, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, double, std::string,
                               std::vector<std::string>, std::vector<std::uint8_t>, std::vector<std::uint32_t>>;

struct UnitProperty {
  std::string name;
  UnitValue value;
};

/// The limits that systemd knows too, so that `systemctl show` tells the truth and a later reload does not take them back. What
/// it does not know (bursts, rates of devices, huge pages) is only written to the files.
[[nodiscard]] std::vector<UnitProperty> unit_properties(const std::vector<CgroupWrite>& writes);

/// The annotations `org.systemd.property.NAME`. The value is GVariant text: true, 'text', 5, uint64 5, 1.5, ['a', 'b'].
/// A NAME that ends in Sec is a time in seconds and becomes NAME...USec. An error names the annotation.
Result<std::vector<UnitProperty>> annotated_properties(const Annotations& annotations);

}  // namespace warder::runtime
