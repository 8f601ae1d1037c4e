// One operation as people write it (`write /work/a.o`, `connect "tcp 1.2.3.4:80"`), for `explain`, `test` and the tests. Pure.
#pragma once

#include <string>
#include <string_view>

#include "linux/result.h"
#include "policy/decide.h"

namespace warder::policy {

struct Request {
  enum class Kind { path, move, file_move, address, family, syscall };
  Kind kind = Kind::path;
  std::string text;    ///< "write /work/a.o"
  std::string object;  ///< canonical path, or the address as written
  std::string target;  ///< of a move
  Rights wanted;       ///< empty: stat
  NetOperation operation = NetOperation::connect;
  Endpoint endpoint;  ///< its name views into `object`, its hosts into `host` (both rebuilt by decide())
  std::string host;   ///< a far end given by its DNS name
  int number = 0;     ///< AF_* or system call
};

/// `operation`: a right of warder-profile(5), `stat`, `move` ("FROM TO", a directory), `rename` and `link` with "FROM TO" (a
/// file), connect, bind, listen, send, socket (a family), syscall. Errors are the user's, with what is accepted and a suggestion.
[[nodiscard]] Result<Request> parse_request(std::string_view operation, std::string_view object);

/// decide_path, decide_move, decide_file_move, decide_address, decide_family or decide_syscall, whichever the request is about.
[[nodiscard]] Verdict decide(const Profile& profile, const Request& request);

}  // namespace warder::policy
