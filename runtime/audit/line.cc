#include "runtime/audit/line.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace warder::runtime {
namespace {

using nlohmann::json;

/// Reads members into place and remembers the first of the wrong type.
class Members {
 public:
  explicit Members(const json& object) : object_(object) {}

  void text(const char* name, std::string& into) {
    const auto found = object_.find(name);
    if (found == object_.end()) return;
    if (found->is_string()) {
      into = found->get<std::string>();
    } else {
      wrong(name, "a string");
    }
  }
  void count(const char* name, std::uint64_t& into) {
    const auto found = object_.find(name);
    if (found == object_.end()) return;
    if (found->is_number_unsigned()) {
      into = found->get<std::uint64_t>();
    } else {
      wrong(name, "a count");
    }
  }
  void require(const char* name, const std::string& value) {
    if (value.empty()) wrong(name, "there");
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  void wrong(const char* name, std::string_view accepted) {
    if (fault_.empty()) fault_ = fmt::format("'{}' is not {}", name, accepted);
  }
  const json& object_;
  std::string fault_;
};

/// One code point of well-formed UTF-8 (the parser refuses any other), and how many bytes it takes.
struct Point {
  std::uint32_t value = 0;
  std::size_t length = 1;
};
Point point_at(std::string_view text) {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const std::size_t length = byte(0) < 0x80 ? 1 : byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
  if (length == 1 || length > text.size()) return {byte(0), 1};
  std::uint32_t value = byte(0) & (0xffU >> (length + 1));
  for (std::size_t index = 1; index < length; ++index) value = value << 6U | (byte(index) & 0x3fU);
  return {value, length};
}

/// C0, DEL, C1, line and paragraph separators, and what changes the direction of the text around it.
bool steers(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x61c || (point >= 0x200e && point <= 0x200f) ||
         (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

}  // namespace

const std::string& AuditLine::object() const { return !path.empty() ? path : !address.empty() ? address : syscall; }

std::string_view AuditLine::wanted() const {
  if (!right.empty()) return right;
  if (!path.empty()) return "stat";
  if (!section.empty()) return section;
  return address.empty() ? std::string_view("syscall") : std::string_view(syscall);
}

Result<AuditLine> parse_audit_line(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (object.is_discarded() || !object.is_object()) return Error::user("not a JSON object");
  const auto version = object.find("v");
  if (version == object.end()) return Error::user("without a version 'v'");
  if (*version != 1) return Error::user(fmt::format("of version {}; this warder reads version 1", version->dump()));
  AuditLine line;
  Members members(object);
  for (const auto& [name, into] : {std::pair<const char*, std::string*>{"time", &line.time},
                                   {"id", &line.id},
                                   {"profile", &line.profile},
                                   {"hash", &line.hash},
                                   {"event", &line.event},
                                   {"comm", &line.comm},
                                   {"exe", &line.exe},
                                   {"syscall", &line.syscall},
                                   {"right", &line.right},
                                   {"path", &line.path},
                                   {"address", &line.address},
                                   {"host", &line.host},
                                   {"section", &line.section},
                                   {"verdict", &line.verdict},
                                   {"rule", &line.rule},
                                   {"enforcer", &line.enforcer},
                                   {"hint", &line.hint}}) {
    members.text(name, *into);
  }
  members.count("count", line.count);
  members.count("lost", line.lost);
  members.count("allowed", line.allowed);
  members.count("refused", line.refused);
  members.count("answers", line.answers);
  members.count("nanoseconds", line.nanoseconds);
  members.require("time", line.time);
  if (line.event.empty()) members.require("verdict", line.verdict);
  if (!members.fault().empty()) return Error::user(members.fault());
  return line;
}

bool id_matches(std::string_view id, std::string_view asked) {
  constexpr std::size_t engine_id = 64;  // hexadecimal digits, as podman and containerd choose them
  constexpr std::size_t shortest = 6;
  return id == asked || (id.size() == engine_id && asked.size() >= shortest && id.starts_with(asked));
}

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const Point point = point_at(text);
    if (steers(point.value)) {
      shown += fmt::format("\\u{{{:x}}}", point.value);
    } else {
      shown += text.substr(0, point.length);
    }
    text.remove_prefix(point.length);
  }
  return shown;
}

}  // namespace warder::runtime
