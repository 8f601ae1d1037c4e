// Bytes of the protocol: a writer that appends and a reader that never reads past the end. Any process; no privileges.
//
// Numbers are little-endian as the machine has them (both sides are the same build on the same machine); a string or a list is
// its 32-bit length and then its content. A reader that has failed once yields zeros from then on, so that a parser checks
// failed() at the end instead of after every field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace warder::supervisor {

class WireWriter {
 public:
  /// Room for that many bytes, so that a large block is not copied as it grows.
  void reserve(std::size_t size) { bytes_.reserve(size); }
  template <class T>
  requires std::is_integral_v<T>
  void number(T value) { append(&value, sizeof value); }
  void bytes(std::span<const std::byte> content) {
    number(static_cast<std::uint32_t>(content.size()));
    append(content.data(), content.size());
  }
  void text(std::string_view content) { bytes(std::as_bytes(std::span(content))); }
  template <class T, class Write>
  void list(const std::vector<T>& items, Write write) {
    number(static_cast<std::uint32_t>(items.size()));
    for (const T& item : items) write(item);
  }
  void texts(const std::vector<std::string>& items) {
    list(items, [this](const std::string& item) { text(item); });
  }
  /// Overwrites a number written before, at the given offset.
  void patch(std::size_t offset, std::uint32_t value) { std::memcpy(bytes_.data() + offset, &value, sizeof value); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  void append(const void* content, std::size_t size) {
    if (size == 0) return;
    const std::size_t offset = bytes_.size();
    bytes_.resize(offset + size);
    std::memcpy(bytes_.data() + offset, content, size);
  }

  std::vector<std::byte> bytes_;
};

class WireReader {
 public:
  explicit WireReader(std::span<const std::byte> block) : rest_(block) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  template <class T>
  requires std::is_integral_v<T>
  void number(T& value) {
    value = {};
    if (rest_.size() < sizeof value) return fail();
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_ = rest_.subspan(sizeof value);
  }
  /// A byte that must be 0 or 1.
  void flag(bool& value) {
    std::uint8_t byte = 0;
    number(byte);
    if (byte > 1) fail();
    value = byte == 1;
  }
  void bytes(std::vector<std::byte>& content) {
    const std::span<const std::byte> taken = take(length(1));
    content.assign(taken.begin(), taken.end());
  }
  /// The bytes themselves, where they stand in the block.
  [[nodiscard]] std::span<const std::byte> view() { return take(length(1)); }
  [[nodiscard]] std::string_view text_view() {
    const std::span<const std::byte> taken = view();
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  void text(std::string& content) {
    const std::span<const std::byte> taken = take(length(1));
    content.assign(reinterpret_cast<const char*>(taken.data()), taken.size());
  }
  /// `smallest` is the least number of bytes that one item takes: a count that cannot fit is refused before anything is
  /// allocated.
  template <class T, class Read>
  void list(std::vector<T>& items, std::size_t smallest, Read read) {
    items.resize(length(smallest));
    for (T& item : items) read(item);
  }
  void texts(std::vector<std::string>& items) {
    list(items, sizeof(std::uint32_t), [this](std::string& item) { text(item); });
  }

 private:
  void fail() {
    failed_ = true;
    rest_ = {};
  }
  std::size_t length(std::size_t item_size) {
    std::uint32_t count = 0;
    number(count);
    if (count <= rest_.size() / item_size) return count;
    fail();
    return 0;
  }
  std::span<const std::byte> take(std::size_t count) {
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  std::span<const std::byte> rest_;
  bool failed_ = false;
};

}  // namespace warder::supervisor
