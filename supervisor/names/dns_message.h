// DNS messages (RFC 1035, 2181, 6891): questions of the workload and answers of its resolver, both of them possibly hostile.
// Pure.
//
// A question is taken apart and written anew, so that nothing but the question reaches the resolver. An answer is checked as a
// whole and then passed on as it came: the names and addresses that were read out of it are all that a program can read there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace warder::supervisor::names {

enum class ResponseCode : std::uint8_t { no_error = 0, format_error = 1, server_failure = 2, no_such_name = 3 };

inline constexpr std::uint16_t type_a = 1, type_cname = 5, type_aaaa = 28, type_svcb = 64, type_https = 65, type_any = 255;
inline constexpr std::size_t smallest_payload = 512;   ///< of a datagram, without EDNS
inline constexpr std::size_t largest_payload = 4096;   ///< that is asked for; a larger answer comes truncated, and then by TCP
inline constexpr std::size_t largest_question = 1024;  ///< of a client: a name, and options that are not passed on

struct Question {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;          ///< RD, AD and CD alone
  std::string name;                 ///< lower case, no dot at its end; bytes that no host name has as \ddd
  std::vector<std::byte> spelling;  ///< the name on the wire, as the client wrote it
  std::uint16_t type = 0;
  std::uint16_t kind = 0;  ///< class
  bool edns = false;
  std::uint16_t payload = smallest_payload;  ///< the largest datagram that the client takes
  bool dnssec = false;                       ///< DO
};

/// One question, and nothing besides that is answered. Nothing where it is none, or more than one.
[[nodiscard]] std::optional<Question> read_question(std::span<const std::byte> message);
/// The question for a resolver, with this id: the name in lower case.
[[nodiscard]] std::vector<std::byte> write_question(const Question& question, std::uint16_t id);
/// An answer without records.
[[nodiscard]] std::vector<std::byte> write_empty_answer(const Question& question, ResponseCode code);
/// The same, telling that the whole answer has to be asked for by TCP.
[[nodiscard]] std::vector<std::byte> write_truncated_answer(const Question& question);

struct ToldAddress {
  bool ipv6 = false;
  std::array<std::uint8_t, 16> address{};
  std::uint32_t seconds = 0;  ///< the least time to live on the way to it
};
struct Answer {
  std::vector<ToldAddress> addresses;  ///< of the name that was asked about, its aliases followed
  std::vector<std::string> aliases;    ///< CNAME targets on the way, in their order
};

/// Reads the answer to `question`, which was asked with `id`, and makes of `message` the client's: its id, its spelling of the
/// name. Nothing where it is no answer to this question, cannot be read to its end, or gives addresses to names that do not
/// belong to the one asked about.
[[nodiscard]] std::optional<Answer> take_answer(std::vector<std::byte>& message, const Question& question, std::uint16_t id);

}  // namespace warder::supervisor::names
