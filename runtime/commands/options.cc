#include "runtime/commands/options.h"

#include <CLI/CLI.hpp>

namespace warder::runtime {

Option Option::required() { return option_->required(), *this; }

Option Option::group(const std::string& name) { return option_->group(name), *this; }

Option Option::between(int least, int most) { return option_->check(CLI::Range(least, most)), *this; }

Option Option::among(const std::vector<std::string>& words) { return option_->check(CLI::IsMember(words)), *this; }

Option Option::capture_default_str() { return option_->capture_default_str(), *this; }

Option Option::one_at_a_time() { return option_->allow_extra_args(false), *this; }

Option Option::excludes(const Option& other) { return option_->excludes(other.option_), *this; }

Option Options::add_flag(const std::string& names, bool& variable, const std::string& help) {
  return Option(app_->add_flag(names, variable, help));
}

void Options::add_ignored_flag(const std::string& name) {
  app_->add_flag_callback(name, [] {})->group("");
}

void Options::make_value_optional(const std::string& name) { app_->get_option(name)->expected(0, 1); }

void Options::accept_everything() {
  app_->set_help_flag("-h", "what this command is");
  app_->allow_extras();
}

template <typename T>
Option Options::add_option(const std::string& names, T& variable, const std::string& help) {
  return Option(app_->add_option(names, variable, help));
}

// Every type that a command asks for.
template Option Options::add_option(const std::string&, std::string&, const std::string&);
template Option Options::add_option(const std::string&, std::vector<std::string>&, const std::string&);
template Option Options::add_option(const std::string&, bool&, const std::string&);
template Option Options::add_option(const std::string&, std::int32_t&, const std::string&);
template Option Options::add_option(const std::string&, std::uint32_t&, const std::string&);
template Option Options::add_option(const std::string&, std::int64_t&, const std::string&);
template Option Options::add_option(const std::string&, std::uint64_t&, const std::string&);
template Option Options::add_option(const std::string&, std::optional<std::string>&, const std::string&);
template Option Options::add_option(const std::string&, std::optional<bool>&, const std::string&);
template Option Options::add_option(const std::string&, std::optional<std::uint16_t>&, const std::string&);
template Option Options::add_option(const std::string&, std::optional<std::int32_t>&, const std::string&);
template Option Options::add_option(const std::string&, std::optional<std::uint32_t>&, const std::string&);
template Option Options::add_option(const std::string&, std::optional<std::int64_t>&, const std::string&);
template Option Options::add_option(const std::string&, std::optional<std::uint64_t>&, const std::string&);

}  // namespace warder::runtime
