#include "linux/result.h"

#include <cstring>

namespace warder {

Error Error::syscall(std::string_view name, int code) {
  std::string text(name);
  text += ": ";
  text += ::strerror(code);  // NOLINT(concurrency-mt-unsafe): glibc's is thread-safe for known numbers
  return {Fault::environment, std::move(text), code};
}

}  // namespace warder
