// From cgroup files and annotations to the properties of a systemd unit. Pure.
#include "runtime/cgroups/unit_property.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace warder::runtime {

namespace {

constexpr std::uint64_t infinity = std::numeric_limits<std::uint64_t>::max();

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return {};
  return number;
}

/// "max" or -1: infinity.
std::optional<std::uint64_t> limit_number(std::string_view text) {
  if (text == "max" || text == "-1") return infinity;
  return parse_number<std::uint64_t>(text);
}

struct NumberProperty {
  std::string_view file, property;
};
constexpr NumberProperty number_properties[] = {
    {"memory.max", "MemoryMax"},          {"memory.high", "MemoryHigh"},
    {"memory.low", "MemoryLow"},          {"memory.min", "MemoryMin"},
    {"memory.swap.max", "MemorySwapMax"}, {"pids.max", "TasksMax"},
    {"cpu.weight", "CPUWeight"},          {"memory.limit_in_bytes", "MemoryLimit"},
    {"cpu.shares", "CPUShares"},
};

/// The kernel's list of cpus or nodes, "0-3,7", as systemd's bit mask.
std::optional<std::vector<std::uint8_t>> bit_mask(std::string_view list) {
  constexpr std::uint32_t largest = 8191;
  std::vector<std::uint8_t> mask;
  while (!list.empty()) {
    std::size_t comma = list.find(',');
    std::string_view range = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    std::size_t dash = range.find('-');
    auto first = parse_number<std::uint32_t>(range.substr(0, dash));
    auto last = dash == std::string_view::npos ? first : parse_number<std::uint32_t>(range.substr(dash + 1));
    if (!first || !last || *last > largest || *first > *last) return {};
    if (mask.size() <= *last / 8) mask.resize(*last / 8 + 1);
    for (std::uint32_t bit = *first; bit <= *last; ++bit) mask[bit / 8] |= static_cast<std::uint8_t>(1U << bit % 8);
  }
  return mask;
}

/// systemd keeps a quota as microseconds in each second, in steps of 10 ms; rounded up, so that it never is less than asked for.
void add_quota(std::vector<UnitProperty>& properties, std::optional<std::uint64_t> quota, std::optional<std::uint64_t> period) {
  constexpr std::uint64_t second = 1'000'000, step = 10'000, usual_period = 100'000;
  if (period) properties.push_back({"CPUQuotaPeriodUSec", *period});
  if (!quota) return;
  std::uint64_t share = infinity;
  if (*quota != infinity) {
    share = *quota * second / std::max<std::uint64_t>(period.value_or(usual_period), 1);
    share = (share + step - 1) / step * step;
  }
  properties.push_back({"CPUQuotaPerSecUSec", share});
}

// --- GVariant text ---------------------------------------------------------------------------------------------------------

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// A quoted text at the start of `text`, which is shortened by it. Escapes: \\ \' \" \n \t.
std::optional<std::string> take_string(std::string_view& text) {
  if (text.empty() || (text[0] != '\'' && text[0] != '"')) return {};
  char quote = text[0];
  std::string plain;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == quote) {
      text.remove_prefix(at + 1);
      return plain;
    }
    if (text[at] != '\\') {
      plain += text[at];
      continue;
    }
    if (++at == text.size()) return {};
    constexpr std::string_view letters = "\\'\"nt", meanings = "\\'\"\n\t";
    std::size_t which = letters.find(text[at]);
    if (which == std::string_view::npos) return {};
    plain += meanings[which];
  }
  return {};
}

std::optional<UnitValue> parse_list(std::string_view text) {
  text = trim(text.substr(1, text.size() - 2));
  std::vector<std::string> list;
  while (!text.empty()) {
    std::optional<std::string> element = take_string(text);
    if (!element) return {};
    list.push_back(*std::move(element));
    text = trim(text);
    if (text.empty()) break;
    if (text[0] != ',') return {};
    text = trim(text.substr(1));
    if (text.empty()) return {};
  }
  return list;
}

template <class Number>
std::optional<UnitValue> number_value(std::string_view text) {
  std::optional<Number> number = parse_number<Number>(text);
  if (!number) return {};
  return UnitValue(*number);
}

std::optional<UnitValue> parse_value(std::string_view text) {
  text = trim(text);
  if (text == "true") return UnitValue(true);
  if (text == "false") return UnitValue(false);
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') return parse_list(text);
  std::string_view rest = text;
  if (std::optional<std::string> string = take_string(rest); string && rest.empty()) return UnitValue(*std::move(string));
  std::size_t blank = text.find(' ');
  if (blank != std::string_view::npos) {
    std::string_view type = text.substr(0, blank), number = trim(text.substr(blank));
    if (type == "int32") return number_value<std::int32_t>(number);
    if (type == "uint32") return number_value<std::uint32_t>(number);
    if (type == "int64") return number_value<std::int64_t>(number);
    if (type == "uint64") return number_value<std::uint64_t>(number);
    if (type == "double") return number_value<double>(number);
    return {};
  }
  if (text.find('.') != std::string_view::npos) return number_value<double>(text);
  return number_value<std::int32_t>(text);
}

/// A time in seconds as microseconds.
std::optional<std::uint64_t> microseconds(const UnitValue& value) {
  constexpr double factor = 1e6, largest = 1.8e19;
  double seconds = -1;
  std::visit(
      [&seconds](const auto& one) {
        using Type = std::decay_t<decltype(one)>;
        if constexpr (std::is_arithmetic_v<Type> && !std::is_same_v<Type, bool>) seconds = static_cast<double>(one);
      },
      value);
  if (!(seconds >= 0) || seconds * factor > largest) return {};
  return static_cast<std::uint64_t>(seconds * factor);
}

bool is_property_name(std::string_view name) {
  if (name.size() < 3) return false;
  for (char letter : name) {
    if ((letter < 'A' || letter > 'Z') && (letter < 'a' || letter > 'z')) return false;
  }
  return true;
}

}  // namespace

std::vector<UnitProperty> unit_properties(const std::vector<CgroupWrite>& writes) {
  std::vector<UnitProperty> properties;
  std::optional<std::uint64_t> quota, period;
  for (const CgroupWrite& write : writes) {
    for (const NumberProperty& known : number_properties) {
      if (known.file != write.file) continue;
      if (auto number = limit_number(write.text)) properties.push_back({std::string(known.property), *number});
    }
    if (write.file == "cpu.idle" && write.text == "1") properties.push_back({"CPUWeight", std::uint64_t{0}});
    if (write.file == "io.weight" && write.text.starts_with("default ")) {
      if (auto weight = limit_number(write.text.substr(8))) properties.push_back({"IOWeight", *weight});
    }
    if (write.file == "cpuset.cpus") {
      if (auto mask = bit_mask(write.text)) properties.push_back({"AllowedCPUs", *std::move(mask)});
    }
    if (write.file == "cpuset.mems") {
      if (auto mask = bit_mask(write.text)) properties.push_back({"AllowedMemoryNodes", *std::move(mask)});
    }
    if (write.file == "cpu.max") {
      std::size_t blank = std::min(write.text.find(' '), write.text.size());
      quota = limit_number(std::string_view(write.text).substr(0, blank));
      if (blank < write.text.size()) period = limit_number(std::string_view(write.text).substr(blank + 1));
    }
    if (write.file == "cpu.cfs_quota_us") quota = limit_number(write.text);
    if (write.file == "cpu.cfs_period_us") period = limit_number(write.text);
  }
  add_quota(properties, quota, period);
  return properties;
}

Result<std::vector<UnitProperty>> annotated_properties(const Annotations& annotations) {
  constexpr std::string_view prefix = "org.systemd.property.", seconds = "Sec";
  std::vector<UnitProperty> properties;
  for (const auto& [key, text] : annotations) {
    if (!key.starts_with(prefix)) continue;
    std::string name = key.substr(prefix.size());
    auto refuse = [&](std::string_view accepted) {
      return Error::user(fmt::format("annotations['{}']: '{}'; accepted: {}", key, text, accepted));
    };
    if (!is_property_name(name)) return refuse("a property's name of at least three letters");
    if (name == "PIDs" || name == "Delegate" || name == "Slice") {
      return Error::user(fmt::format("annotations['{}']: warder sets this property itself", key));
    }
    std::optional<UnitValue> value = parse_value(text);
    if (!value)
      return refuse("true, false, 'text', a number, int32, uint32, int64, uint64 or double and a number, ['text', ...]");
    if (name.ends_with(seconds) && !name.ends_with("USec")) {
      std::optional<std::uint64_t> time = microseconds(*value);
      if (!time) return refuse("a number of seconds");
      name.replace(name.size() - seconds.size(), seconds.size(), "USec");
      value = *time;
    }
    properties.push_back({std::move(name), *std::move(value)});
  }
  return properties;
}

}  // namespace warder::runtime
