// DNS messages of a hostile workload and of a hostile server: read within their size, and what is made of them can be read again.
#include <algorithm>

#include "supervisor/names/dns_message.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace warder;
  using namespace warder::supervisor::names;
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  // The question comes first, in at most half of the input; what follows is the answer.
  const std::size_t split = size == 0 ? 0 : std::min<std::size_t>(data[0], size - 1);
  const std::vector<std::byte> first(bytes + (size == 0 ? 0 : 1), bytes + (size == 0 ? 0 : 1) + split);
  std::vector<std::byte> second(bytes + (size == 0 ? 0 : 1) + split, bytes + size);
  const auto question = read_question(first);
  if (!question) return 0;
  fuzz::require(question->name.size() <= 4 * 255 && question->spelling.size() <= 255);
  const auto written = write_question(*question, 0x4242);
  const auto again = read_question(written);
  fuzz::require(again.has_value() && again->name == question->name && again->type == question->type &&
                again->edns == question->edns);
  fuzz::require(again->spelling.size() == question->spelling.size());
  for (const auto& answer : {write_empty_answer(*question, ResponseCode::no_such_name), write_truncated_answer(*question)}) {
    std::vector<std::byte> message = answer;
    const auto read = take_answer(message, *question, question->id);
    fuzz::require(read.has_value() && read->addresses.empty() && message == answer);
  }
  // Whatever the server says, it is about this question or nothing, and it comes back as the client asked.
  if (second.size() >= 12 + written.size() - 12) {
    std::copy(written.begin() + 12, written.begin() + 12 + static_cast<std::ptrdiff_t>(question->spelling.size()) + 4,
              second.begin() + 12);
    second[4] = std::byte{0};
    second[5] = std::byte{1};
    second[2] |= std::byte{0x80};
    second[2] &= std::byte{0x87};
  }
  const std::uint16_t id =
      second.size() < 2 ? 0 : static_cast<std::uint16_t>(data[size - second.size()] << 8U | data[size - second.size() + 1]);
  const std::size_t length = second.size();
  if (const auto answer = take_answer(second, *question, id)) {
    fuzz::require(second.size() == length && answer->aliases.size() <= 16);
    fuzz::require(std::equal(question->spelling.begin(), question->spelling.end(), second.begin() + 12));
  }
  return 0;
}
