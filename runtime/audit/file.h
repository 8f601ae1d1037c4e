// A file of audit lines that may still be growing, be cut short or be replaced. The host process of a command.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::runtime {

class AuditFile {
 public:
  /// Gets each line without its newline, and its number in the file.
  using Line = std::function<void(std::string_view text, std::size_t number)>;

  static Result<AuditFile> open(std::string path);

  /// Hands out what has arrived since the last call. `growing` keeps a line without a newline until the rest of it is there;
  /// `complete` hands it out. A file that has become shorter is read from its beginning again.
  enum class Tail { growing, complete };
  Result<void> read(Tail tail, const Line& line);

  /// True where the path now names another file, or none.
  [[nodiscard]] bool replaced() const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  AuditFile(std::string path, Fd file) : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  Fd file_;
  std::string rest_;  ///< the beginning of a line
  std::size_t number_ = 0;
  off_t position_ = 0;
};

}  // namespace warder::runtime
