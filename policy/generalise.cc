#include "policy/generalise.h"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

namespace warder::policy {
namespace {

constexpr std::size_t many_names = 5;
constexpr std::size_t many_directories = 3;

bool digit(char byte) { return byte >= '0' && byte <= '9'; }
bool lower(char byte) { return byte >= 'a' && byte <= 'z'; }
bool upper(char byte) { return byte >= 'A' && byte <= 'Z'; }
bool hexadecimal(char byte) { return digit(byte) || (byte >= 'a' && byte <= 'f'); }

/// Only digits, a to f and dashes; long enough, and with digits, so that it is no word.
bool identifier(std::string_view word) {
  return word.size() >= 12 && std::ranges::all_of(word, [](char byte) { return hexadecimal(byte) || byte == '-'; }) &&
         std::ranges::any_of(word, digit);
}

/// As mkstemp(3) and its kin make them: six or more letters, with digits or capitals among them ("Makefile" is no such word).
bool random_word(std::string_view word) {
  if (word.size() < 6 ||
      !std::ranges::all_of(word, [](char byte) { return digit(byte) || lower(byte) || upper(byte) || byte == '_'; })) {
    return false;
  }
  const bool letters = std::ranges::any_of(word, lower) || std::ranges::any_of(word, upper);
  const bool mixed = std::ranges::any_of(word.substr(1), upper) && std::ranges::any_of(word, lower);
  return mixed || (letters && std::ranges::any_of(word, digit));
}

/// Where "3.11" or "1.2.3" stands in the component: begin and end; equal where there is none.
std::pair<std::size_t, std::size_t> version_in(std::string_view component) {
  for (std::size_t begin = 0; begin < component.size(); ++begin) {
    if (!digit(component[begin])) continue;
    std::size_t end = begin;
    bool dotted = false;
    while (end < component.size()) {
      if (digit(component[end])) {
        ++end;
      } else if (component[end] == '.' && end + 1 < component.size() && digit(component[end + 1])) {
        dotted = true;
        ++end;
      } else {
        break;
      }
    }
    if (dotted) return {begin, end};
    begin = end;
  }
  return {0, 0};
}

/// Where a date of this or the last century stands in the component, "2026-11-28" or "20261128", with the time of day that may
/// follow it: begin and end; equal where there is none.
std::pair<std::size_t, std::size_t> date_in(std::string_view component) {
  constexpr std::array<std::string_view, 3> forms = {"dddd-dd-dd", "dddd_dd_dd", "dddddddd"};
  const auto has_form = [](std::string_view text, std::string_view form) {
    return text.size() >= form.size() && std::ranges::equal(text.substr(0, form.size()), form, [](char byte, char wanted) {
             return wanted == 'd' ? digit(byte) : byte == wanted;
           });
  };
  for (std::size_t begin = 0; begin < component.size(); ++begin) {
    const std::string_view rest = component.substr(begin);
    if (begin > 0 && digit(component[begin - 1])) continue;
    if (!rest.starts_with("19") && !rest.starts_with("20")) continue;
    if (std::ranges::none_of(forms, [&](std::string_view form) { return has_form(rest, form); })) continue;
    std::size_t size = std::min(rest.find_first_not_of("0123456789TZ-_:.+"), rest.size());
    while (!digit(rest[size - 1]) && rest[size - 1] != 'Z') --size;
    return {begin, begin + size};
  }
  return {0, 0};
}

std::vector<std::string_view> components_of(std::string_view path) {
  std::vector<std::string_view> components;
  for (std::size_t at = 1; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    components.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return components;
}

std::string_view parent_of(std::string_view path) { return path.substr(0, path.find_last_of('/')); }

/// A tree in which a wide entry would give what a workload should not have because of a few files.
bool may_widen(std::string_view directory) {
  constexpr std::array<std::string_view, 14> whole = {"",     "/boot",  "/dev",  "/etc", "/proc", "/sys", "/bin",
                                                      "/lib", "/lib64", "/sbin", "/usr", "/var",  "/run", "/opt"};
  constexpr std::array<std::string_view, 10> below = {"/boot/", "/dev/", "/etc/",   "/proc/", "/sys/",
                                                      "/bin/",  "/lib/", "/lib64/", "/sbin/", "/usr/"};
  return std::ranges::find(whole, directory) == whole.end() && directory != "/home" &&
         std::ranges::none_of(below, [&](std::string_view tree) { return directory.starts_with(tree); });
}

}  // namespace

std::string literal_pattern(std::string_view name) {
  std::string pattern;
  for (const char byte : name) {
    if (std::string_view("*?[]{},\\").find(byte) != std::string_view::npos) pattern += '\\';
    pattern += byte;
  }
  return pattern;
}

std::string general_component(std::string_view component, Place place) {
  if (!component.empty() && std::ranges::all_of(component, digit)) return place == Place::processes ? "*" : "[0-9]*";
  if (identifier(component)) return "*";
  if (place == Place::temporary) {
    // The end of the name ("cc8Xk2Pq.o") tells what kind of file it is and stays.
    const std::size_t dot = component.find_last_of('.');
    const std::string_view stem = component.substr(0, dot);
    const std::string_view end = dot == std::string_view::npos ? std::string_view() : component.substr(dot);
    if (random_word(stem)) return "*" + literal_pattern(end);
    const std::size_t last = component.find_last_of(".-");
    if (last != std::string_view::npos && random_word(component.substr(last + 1))) {
      return literal_pattern(component.substr(0, last + 1)) + "*";
    }
  }
  auto [begin, end] = date_in(component);
  if (begin == end) std::tie(begin, end) = version_in(component);
  if (begin == end) return literal_pattern(component);
  return literal_pattern(component.substr(0, begin)) + "[0-9]*" + literal_pattern(component.substr(end));
}

std::string general_path(std::string_view path) {
  std::string pattern;
  std::string walked;
  for (const auto component : components_of(path)) {
    // Programs keep such a directory beside their caches too.
    const bool temporary = (walked + "/").find("/tmp/") != std::string::npos || walked.starts_with("/dev/shm");
    const bool processes = walked == "/proc" || walked.ends_with("/task");
    pattern += "/" + general_component(component, temporary ? Place::temporary : processes ? Place::processes : Place::ordinary);
    walked.append("/").append(component);
  }
  return pattern.empty() ? "/" : pattern;
}

std::map<std::string, std::string> general_patterns(const std::vector<std::string>& paths) {
  std::map<std::string, std::string> patterns;
  std::map<std::string, std::set<std::string>> names;  // by directory, both general
  for (const auto& path : paths) {
    const std::string pattern = general_path(path);
    patterns[path] = pattern;
    if (pattern != "/") names[std::string(parent_of(pattern))].insert(pattern);
  }
  std::map<std::string, std::size_t> busy;  // directories with many names, by their parent
  for (const auto& [directory, inside] : names) {
    if (inside.size() > many_names && may_widen(directory)) ++busy[std::string(parent_of(directory))];
  }
  for (auto& [path, pattern] : patterns) {
    if (pattern == "/") continue;
    const std::string directory(parent_of(pattern));
    // The highest directory with many busy ones below it takes the whole tree.
    std::string tree;
    for (std::string_view above = directory; !above.empty(); above = parent_of(above)) {
      const auto found = busy.find(std::string(above));
      if (found != busy.end() && found->second > many_directories && may_widen(above)) tree = above;
    }
    if (!tree.empty()) {
      pattern = tree + "/**";
    } else if (names[directory].size() > many_names && may_widen(directory)) {
      pattern = directory + "/*";
    }
  }
  return patterns;
}

void order_by_breadth(std::vector<std::string>& patterns) {
  const auto rank = [](const std::string& pattern) {
    const bool tree = pattern.find("**") != std::string::npos;
    const bool all_names = pattern.ends_with("/*");
    const bool some = pattern.find_first_of("*[") != std::string::npos;
    return std::tuple(tree ? 0 : all_names ? 1 : some ? 2 : 3, tree ? pattern.size() : 0, pattern);
  };
  std::ranges::sort(patterns, [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
}

}  // namespace warder::policy
