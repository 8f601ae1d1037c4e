// From names that one run happened to use to patterns that the next run matches too. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace warder::policy {

/// The pattern that matches exactly this name: what means something in a pattern is escaped.
[[nodiscard]] std::string literal_pattern(std::string_view name);

/// The pattern of one component that is likely to be another one in the next run: numbers, versions, dates with their
/// time of day, UUIDs and other long
/// hexadecimal words, and in a directory for temporary files random words. `python3.11` becomes `python[0-9]*`, `cc8Xk2Pq.o`
/// below /tmp becomes `*.o`. Any other component is literal.
enum class Place { ordinary, temporary, processes };
[[nodiscard]] std::string general_component(std::string_view component, Place place);

/// The same for a canonical path, each component in its place: below /proc a number is a process, below /dev/shm and any
/// directory called `tmp` a word may be random.
[[nodiscard]] std::string general_path(std::string_view path);

/// For each path a pattern that matches it, after general_path(): a directory in which more than a few names are used becomes
/// `dir/*`, one with more than a few such directories `dir/**`. Trees of the system itself (/etc, /usr, /dev, …) are never
/// widened so.
[[nodiscard]] std::map<std::string, std::string> general_patterns(const std::vector<std::string>& paths);

/// Broad patterns first: the order in which entries must stand where the last that matches decides.
void order_by_breadth(std::vector<std::string>& patterns);

}  // namespace warder::policy
