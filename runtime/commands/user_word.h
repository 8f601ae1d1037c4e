// The USER of `exec --user`: numbers, exactly. No system calls.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

namespace warder::runtime {

struct UserWord {
  uid_t uid = 0;
  std::optional<gid_t> gid;
};

/// "UID" or "UID:GID", decimal, without sign, leading zeros or anything else, each from 0 to 2^32-2. Nothing otherwise: a user
/// that is not understood must never become root (CVE-2026-30892). Names are not looked up: the image must not choose the uid.
[[nodiscard]] std::optional<UserWord> parse_user(std::string_view word);

/// One id by the same rules.
[[nodiscard]] std::optional<std::uint32_t> parse_id(std::string_view word);

}  // namespace warder::runtime
