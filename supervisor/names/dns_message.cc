#include "supervisor/names/dns_message.h"

#include <algorithm>
#include <cstdio>

namespace warder::supervisor::names {
namespace {

constexpr std::size_t header_size = 12;
constexpr std::size_t largest_name = 255;  // on the wire
constexpr std::size_t largest_label = 63;
constexpr unsigned max_pointers = 64;
constexpr unsigned max_aliases = 16;
constexpr std::uint16_t type_opt = 41;
constexpr unsigned max_records = 512;  // of an answer; addresses of one name are far fewer
constexpr std::uint16_t class_in = 1;
constexpr std::uint16_t is_answer = 0x8000, opcode = 0x7800, truncated = 0x0200, recursion_available = 0x0080;
constexpr std::uint16_t passed_flags = 0x0100 | 0x0020 | 0x0010;  // RD, AD, CD

/// Reads a message and never past its end; once it has failed everything is zero.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> message) : message_(message) {}
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::size_t offset() const { return offset_; }

  std::uint8_t byte() {
    if (offset_ >= message_.size()) return static_cast<std::uint8_t>(fail());
    return std::to_integer<std::uint8_t>(message_[offset_++]);
  }
  std::uint16_t number() {
    const std::uint16_t high = byte();
    return static_cast<std::uint16_t>(high << 8U | byte());
  }
  std::uint32_t long_number() {
    const std::uint32_t high = number();
    return high << 16U | number();
  }
  void skip(std::size_t size) {
    if (size > message_.size() - std::min(offset_, message_.size())) {
      fail();
    } else {
      offset_ += size;
    }
  }
  /// A name, through pointers that lead backwards only.
  std::string name();

 private:
  std::uint32_t fail() {
    failed_ = true;
    offset_ = message_.size();
    return 0;
  }
  static void append(std::string& name, std::uint8_t byte);

  std::span<const std::byte> message_;
  std::size_t offset_ = 0;
  bool failed_ = false;
};

void Reader::append(std::string& name, std::uint8_t byte) {
  const bool upper = byte >= 'A' && byte <= 'Z';
  const bool plain = upper || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
  if (plain) {
    name += static_cast<char>(upper ? byte - 'A' + 'a' : byte);
    return;
  }
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "\\%03u", static_cast<unsigned>(byte));
  name += text.data();
}

std::string Reader::name() {
  std::string result;
  std::size_t behind = 0;  // where reading goes on after the first pointer
  std::size_t size = 1;
  unsigned pointers = 0;
  for (;;) {
    const std::size_t here = offset_;
    const std::uint8_t length = byte();
    if (failed_) return {};
    if (length == 0) break;
    if ((length & 0xc0U) == 0xc0U) {
      const std::size_t target = static_cast<std::size_t>(length & 0x3fU) << 8U | byte();
      if (failed_ || target >= here || ++pointers > max_pointers) return fail(), std::string();
      if (behind == 0) behind = offset_;
      offset_ = target;
      continue;
    }
    size += length + std::size_t{1};
    if (length > largest_label || size > largest_name) return fail(), std::string();
    if (!result.empty()) result += '.';
    for (unsigned i = 0; i < length; ++i) append(result, byte());
    if (failed_) return {};
  }
  if (behind != 0) offset_ = behind;
  return result;
}

struct Header {
  std::uint16_t id, flags, questions, answers, authorities, additional;
};
Header read_header(Reader& reader) {
  Header header{};
  for (auto* field : {&header.id, &header.flags, &header.questions, &header.answers, &header.authorities, &header.additional}) {
    *field = reader.number();
  }
  return header;
}

class Message {
 public:
  void number(std::uint16_t value) {
    bytes_.push_back(static_cast<std::byte>(value >> 8U));
    bytes_.push_back(static_cast<std::byte>(value));
  }
  void bytes(std::span<const std::byte> content) { bytes_.insert(bytes_.end(), content.begin(), content.end()); }
  void header(const Question& question, std::uint16_t id, std::uint16_t flags) {
    number(id);
    number(flags);
    for (const int count : {1, 0, 0, question.edns ? 1 : 0}) number(static_cast<std::uint16_t>(count));
  }
  void options(const Question& question, std::uint16_t payload) {
    if (!question.edns) return;
    bytes_.push_back(std::byte{0});
    number(type_opt);
    number(payload);
    number(0);
    number(question.dnssec ? 0x8000 : 0);
    number(0);
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

std::vector<std::byte> empty_answer(const Question& question, std::uint16_t flags) {
  Message message;
  message.header(question, question.id, static_cast<std::uint16_t>(is_answer | recursion_available | question.flags | flags));
  message.bytes(question.spelling);
  message.number(question.type);
  message.number(question.kind);
  message.options(question, smallest_payload);
  return message.take();
}

struct Record {
  std::string owner;
  std::uint16_t type = 0;
  std::uint16_t kind = 0;
  std::uint32_t seconds = 0;
  std::size_t data = 0;
  std::size_t size = 0;
};
Record read_record(Reader& reader) {
  Record record;
  record.owner = reader.name();
  record.type = reader.number();
  record.kind = reader.number();
  record.seconds = reader.long_number();
  if (record.seconds > 0x7fffffffU) record.seconds = 0;  // RFC 2181, section 8
  record.size = reader.number();
  record.data = reader.offset();
  reader.skip(record.size);
  return record;
}

std::string name_at(std::span<const std::byte> message, std::size_t offset) {
  Reader reader(message);
  reader.skip(offset);
  std::string name = reader.name();
  return reader.failed() ? std::string() : name;
}

/// From the name that was asked about along its aliases: names, and how long they may be kept.
struct Chain {
  std::vector<std::string> names;
  std::uint32_t seconds = 0x7fffffffU;
  [[nodiscard]] bool has(const std::string& name) const { return std::ranges::find(names, name) != names.end(); }
};
Chain follow_aliases(std::span<const std::byte> message, const std::vector<Record>& records, const std::string& name) {
  Chain chain;
  chain.names.push_back(name);
  while (chain.names.size() <= max_aliases) {
    const auto alias = std::ranges::find_if(records, [&](const Record& record) {
      return record.type == type_cname && record.kind == class_in && record.owner == chain.names.back();
    });
    if (alias == records.end()) break;
    std::string target = name_at(message, alias->data);
    if (target.empty() || chain.has(target)) break;
    chain.seconds = std::min(chain.seconds, alias->seconds);
    chain.names.push_back(std::move(target));
  }
  return chain;
}

/// Labels alone: a question has nothing before it that a pointer could lead to.
bool has_pointer(std::span<const std::byte> name) {
  for (std::size_t label = 0; label < name.size(); label += std::to_integer<std::size_t>(name[label]) + 1) {
    if (std::to_integer<std::size_t>(name[label]) > largest_label) return true;
  }
  return false;
}

bool gives_address(const Record& record) {
  return record.type == type_a || record.type == type_aaaa || record.type == type_cname;
}

std::optional<Answer> read_addresses(std::span<const std::byte> message, const std::vector<Record>& records,
                                     const Question& question) {
  Answer answer;
  const Chain chain = follow_aliases(message, records, question.name);
  for (const Record& record : records) {
    if (record.kind != class_in || !gives_address(record)) continue;
    if (!chain.has(record.owner)) return std::nullopt;
    if (record.type == type_cname) continue;
    ToldAddress told;
    told.ipv6 = record.type == type_aaaa;
    if (record.size != (told.ipv6 ? 16U : 4U)) return std::nullopt;
    for (std::size_t i = 0; i < record.size; ++i) told.address[i] = std::to_integer<std::uint8_t>(message[record.data + i]);
    told.seconds = std::min(chain.seconds, record.seconds);
    answer.addresses.push_back(told);
  }
  answer.aliases.assign(chain.names.begin() + 1, chain.names.end());
  return answer;
}

}  // namespace

std::optional<Question> read_question(std::span<const std::byte> message) {
  if (message.size() > largest_question) return std::nullopt;
  Reader reader(message);
  const Header header = read_header(reader);
  if ((header.flags & (is_answer | opcode | truncated)) != 0 || header.questions != 1) return std::nullopt;
  if (header.answers != 0 || header.authorities != 0) return std::nullopt;
  Question question;
  question.id = header.id;
  question.flags = header.flags & passed_flags;
  question.name = reader.name();
  const std::size_t end = reader.offset();
  question.type = reader.number();
  question.kind = reader.number();
  for (unsigned i = 0; i < header.additional && !reader.failed(); ++i) {
    const Record record = read_record(reader);
    if (record.type != type_opt || !record.owner.empty()) continue;
    question.edns = true;
    question.payload = std::max<std::uint16_t>(record.kind, smallest_payload);
    question.dnssec = (record.seconds & 0x8000U) != 0;
  }
  if (reader.failed() || question.kind != class_in) return std::nullopt;
  question.spelling.assign(message.begin() + header_size, message.begin() + static_cast<std::ptrdiff_t>(end));
  if (has_pointer(question.spelling)) return std::nullopt;
  return question;
}

std::vector<std::byte> write_question(const Question& question, std::uint16_t id) {
  Message message;
  message.header(question, id, question.flags);
  std::vector<std::byte> name = question.spelling;
  for (std::size_t label = 0; label < name.size(); label += std::to_integer<std::size_t>(name[label]) + 1) {
    for (std::size_t i = label + 1; i <= label + std::to_integer<std::size_t>(name[label]) && i < name.size(); ++i) {
      if (name[i] >= std::byte{'A'} && name[i] <= std::byte{'Z'}) name[i] |= std::byte{0x20};
    }
  }
  message.bytes(name);
  message.number(question.type);
  message.number(question.kind);
  message.options(question, std::min<std::uint16_t>(question.payload, largest_payload));
  return message.take();
}

std::vector<std::byte> write_empty_answer(const Question& question, ResponseCode code) {
  return empty_answer(question, static_cast<std::uint16_t>(code));
}

std::vector<std::byte> write_truncated_answer(const Question& question) { return empty_answer(question, truncated); }

std::optional<Answer> take_answer(std::vector<std::byte>& message, const Question& question, std::uint16_t id) {
  Reader reader(message);
  const Header header = read_header(reader);
  if (reader.failed() || header.id != id || (header.flags & is_answer) == 0 || (header.flags & opcode) != 0) return std::nullopt;
  if (header.questions != 1 || reader.name() != question.name) return std::nullopt;
  const bool same_length = reader.offset() == header_size + question.spelling.size();
  if (!same_length || reader.number() != question.type || reader.number() != question.kind) return std::nullopt;
  if (header.answers > max_records) return std::nullopt;
  std::vector<Record> records;
  for (unsigned i = 0; i < header.answers && !reader.failed(); ++i) records.push_back(read_record(reader));
  const unsigned others = static_cast<unsigned>(header.authorities) + header.additional;
  for (unsigned i = 0; i < others && !reader.failed(); ++i) (void)read_record(reader);
  if (reader.failed()) return std::nullopt;
  std::optional<Answer> answer = read_addresses(message, records, question);
  if (!answer) return std::nullopt;
  message[0] = static_cast<std::byte>(question.id >> 8U);
  message[1] = static_cast<std::byte>(question.id);
  std::ranges::copy(question.spelling, message.begin() + header_size);
  return answer;
}

}  // namespace warder::supervisor::names
