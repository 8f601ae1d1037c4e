#include "supervisor/names/told_addresses.h"

#include <algorithm>
#include <limits>

#include "supervisor/process/locked.h"

namespace warder::supervisor::names {

bool is_special(const HostAddress& address) {
  const auto& bytes = address.bytes;
  if (!address.ipv6) {
    const bool link_local = bytes[0] == 169 && bytes[1] == 254;
    return bytes[0] == 0 || bytes[0] == 127 || link_local || bytes[0] >= 224;
  }
  const bool no_prefix = std::all_of(bytes.begin(), bytes.begin() + 10, [](std::uint8_t byte) { return byte == 0; });
  if (no_prefix) return true;  // ::, ::1, IPv4-mapped and IPv4-compatible
  const bool link_local = bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80;
  return link_local || bytes[0] == 0xff;
}

void ToldAddresses::tell(const HostAddress& address, std::string_view name, std::int64_t now, std::int64_t seconds) {
  keep(address, name, now, now + std::clamp(seconds, least_seconds, most_seconds) + grace_seconds);
}

void ToldAddresses::tell_for_good(const HostAddress& address, std::string_view name) {
  keep(address, name, 0, std::numeric_limits<std::int64_t>::max());
}

void ToldAddresses::keep(const HostAddress& address, std::string_view name, std::int64_t now, std::int64_t until) {
  Locked locked(mutex_);
  Entry* place = nullptr;
  for (Entry& entry : entries_) {
    if (entry.address == address && entry.name == name) {
      entry.told = now;
      entry.until = std::max(entry.until, until);
      return;
    }
    if (place == nullptr || entry.until < place->until) place = &entry;
  }
  if (entries_.size() < capacity) place = &entries_.emplace_back();
  *place = {address, std::string(name), now, until};
}

std::vector<std::string> ToldAddresses::names_of(const HostAddress& address, std::int64_t now, std::string& last) const {
  std::vector<std::string> names;
  std::int64_t told = -1;
  Locked locked(mutex_);
  for (const Entry& entry : entries_) {
    if (entry.address != address) continue;
    if (entry.told >= told) {
      told = entry.told;
      last = entry.name;
    }
    if (entry.until > now) names.push_back(entry.name);
  }
  return names;
}

void ToldAddresses::tell_alias(std::string_view alias, std::string_view name, std::int64_t now) {
  Locked locked(mutex_);
  Alias* place = nullptr;
  for (Alias& one : aliases_) {
    if (one.alias == alias && one.name == name) {
      place = &one;
      break;
    }
    if (place == nullptr || one.until < place->until) place = &one;
  }
  const bool known = place != nullptr && place->alias == alias && place->name == name;
  if (!known && aliases_.size() < max_aliases) place = &aliases_.emplace_back();
  *place = {std::string(alias), std::string(name), now + least_seconds};
}

std::string ToldAddresses::name_of_alias(std::string_view alias, std::int64_t now) const {
  Locked locked(mutex_);
  for (const Alias& one : aliases_) {
    if (one.alias == alias && one.until > now) return one.name;
  }
  return {};
}

}  // namespace warder::supervisor::names
