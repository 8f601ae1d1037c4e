#include "supervisor/usage.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <set>
#include <utility>

#include "policy/core/compiled_lines.h"

namespace warder::supervisor {
namespace {

constexpr std::size_t most_lines = std::size_t{1} << 14U;
constexpr std::size_t most_steps = 32;  ///< how far a line looks for its place

}  // namespace

Usage::Pages::Pages(std::size_t lines) : bytes_(lines * sizeof(Line)) {
  void* address = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  // Lines are numbers that begin at 0, as fresh pages do.
  if (address != MAP_FAILED) lines_ = static_cast<Line*>(address);
}

Usage::Pages::~Pages() {
  if (lines_ != nullptr) ::munmap(static_cast<void*>(lines_), bytes_);
}

void Usage::begin(const policy::Compiled& policy) {
  block_ = policy.block();
  size_ = std::bit_ceil(std::min(2 * policy.line_count(), most_lines));
  lines_ = Pages(size_);
  if (!lines_) size_ = 0;  // then nothing is counted
}

Usage::Line* Usage::count(const policy::Verdict& verdict) {
  const auto* name = reinterpret_cast<const std::byte*>(verdict.origin.file.data());
  if (size_ == 0 || name < block_.data() || name >= block_.data() + block_.size()) return nullptr;
  const std::uint64_t key = static_cast<std::uint64_t>(name - block_.data()) << 32U | verdict.origin.line;
  std::size_t place = (key ^ key >> 29U) * 0x9e3779b97f4a7c15ULL >> 20U;
  for (std::size_t step = 0; step < std::min(most_steps, size_); ++step, ++place) {
    Line& line = lines_[place & (size_ - 1)];
    std::uint64_t found = line.key;
    if (found == 0 && line.key.compare_exchange_strong(found, key)) found = key;
    if (found != key) continue;
    line.name_size.store(static_cast<std::uint32_t>(verdict.origin.file.size()), std::memory_order_relaxed);
    (verdict.allowed && !verdict.would_refuse ? line.allowed : line.refused).fetch_add(1, std::memory_order_relaxed);
    return &line;
  }
  return nullptr;
}

std::vector<policy::Origin> Usage::idle_lines() const {
  const auto policy = policy::Compiled::open(block_);  // passed when it came into force
  if (!policy.ok()) return {};
  std::set<std::pair<std::string_view, std::uint32_t>> busy;
  for_each([&](std::string_view file, std::uint32_t number, const Line& /*line*/) { busy.emplace(file, number); });
  auto lines = policy::lines_of(*policy);
  std::erase_if(lines, [&](const policy::Origin& line) { return busy.contains({line.file, line.line}); });
  return lines;
}

std::string Usage::text() const {
  std::string text;
  for_each([&](std::string_view file, std::uint32_t number, const Line& line) {
    text.append(file);
    for (const std::uint64_t value :
         {std::uint64_t{number}, line.allowed.load(), line.refused.load(), line.answers.load(), line.nanoseconds.load()}) {
      text.append("\t").append(std::to_string(value));
    }
    text.append("\n");
  });
  return text;
}

}  // namespace warder::supervisor
