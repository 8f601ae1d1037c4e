// Takes the Boot block over from the runtime. Every mode of warder-init, first thing.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "linux/fd.h"
#include "linux/result.h"
#include "supervisor/protocol/boot.h"

namespace warder::supervisor {

/// A memfd that nobody can change any more, mapped to be read.
class SealedBlock {
 public:
  /// An error where somebody could still change it.
  static Result<std::unique_ptr<SealedBlock>> map(BorrowedFd file);
  explicit SealedBlock(std::span<const std::byte> bytes) : bytes_(bytes) {}
  SealedBlock(const SealedBlock&) = delete;
  SealedBlock& operator=(const SealedBlock&) = delete;
  ~SealedBlock();
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

/// Reads boot_fd. Refuses a block that is not sealed: nobody may be able to change what is enforced.
Result<Boot> load_boot();

}  // namespace warder::supervisor
