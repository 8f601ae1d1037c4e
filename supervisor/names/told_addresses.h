// Which addresses the workload was told for which names, and until when it may use them. Any thread of PID 1.
//
// An address that was told for a name may be used for its time to live, for at least `least_seconds`, and for `grace_seconds`
// beyond: programs keep what getaddrinfo(3) gave them without its time. After that the entry no longer allows anything, but still
// knows the name for the audit log until newer ones take its place.
#pragma once

#include <pthread.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warder::supervisor::names {

struct HostAddress {
  bool ipv6 = false;
  std::array<std::uint8_t, 16> bytes{};
  friend bool operator==(const HostAddress&, const HostAddress&) = default;
};
/// Loopback, link-local, multicast, broadcast and unspecified addresses: where a name could be made to lead that is anybody's to
/// register. Only the container's hosts file gives these.
[[nodiscard]] bool is_special(const HostAddress& address);

class ToldAddresses {
 public:
  static constexpr std::int64_t least_seconds = 60;
  static constexpr std::int64_t grace_seconds = 120;
  static constexpr std::int64_t most_seconds = 24 * 60 * 60;
  static constexpr std::size_t capacity = 1024;  ///< beyond, what ends first makes room
  static constexpr std::size_t max_aliases = 256;

  ToldAddresses() = default;
  ToldAddresses(const ToldAddresses&) = delete;
  ToldAddresses& operator=(const ToldAddresses&) = delete;

  /// `now` in seconds of the monotonic clock, `seconds` the time to live.
  void tell(const HostAddress& address, std::string_view name, std::int64_t now, std::int64_t seconds);
  void tell_for_good(const HostAddress& address, std::string_view name);
  /// The names whose address this is now. `last` becomes the one told last, even where its time is over; else it is left alone.
  [[nodiscard]] std::vector<std::string> names_of(const HostAddress& address, std::int64_t now, std::string& last) const;

  /// `alias` stands for `name` (CNAME): programs that follow aliases themselves ask about it.
  void tell_alias(std::string_view alias, std::string_view name, std::int64_t now);
  /// The name that an alias stands for now, or nothing.
  [[nodiscard]] std::string name_of_alias(std::string_view alias, std::int64_t now) const;

 private:
  struct Entry {
    HostAddress address;
    std::string name;
    std::int64_t told = 0;
    std::int64_t until = 0;
  };
  struct Alias {
    std::string alias, name;
    std::int64_t until = 0;
  };
  void keep(const HostAddress& address, std::string_view name, std::int64_t now, std::int64_t until);

  mutable pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  std::vector<Entry> entries_;
  std::vector<Alias> aliases_;
};

}  // namespace warder::supervisor::names
