// linux.seccomp of config.json: the engine's own filter. No system calls; runtime/oci_seccomp compiles it.
#include <fmt/format.h>

#include "runtime/config/sections.h"

namespace warder::runtime::section {
namespace {

constexpr Word<SeccompAction> action_words[] = {{"SCMP_ACT_ALLOW", SeccompAction::allow},
                                                {"SCMP_ACT_ERRNO", SeccompAction::error},
                                                {"SCMP_ACT_KILL", SeccompAction::kill_thread},
                                                {"SCMP_ACT_KILL_THREAD", SeccompAction::kill_thread},
                                                {"SCMP_ACT_KILL_PROCESS", SeccompAction::kill_process},
                                                {"SCMP_ACT_TRAP", SeccompAction::trap},
                                                {"SCMP_ACT_TRACE", SeccompAction::trace},
                                                {"SCMP_ACT_LOG", SeccompAction::log},
                                                {"SCMP_ACT_NOTIFY", SeccompAction::notify}};

constexpr Word<SeccompOperator> operator_words[] = {
    {"SCMP_CMP_NE", SeccompOperator::not_equal},          {"SCMP_CMP_LT", SeccompOperator::less},
    {"SCMP_CMP_LE", SeccompOperator::less_equal},         {"SCMP_CMP_EQ", SeccompOperator::equal},
    {"SCMP_CMP_GE", SeccompOperator::greater_equal},      {"SCMP_CMP_GT", SeccompOperator::greater},
    {"SCMP_CMP_MASKED_EQ", SeccompOperator::masked_equal}};

constexpr Word<bool> flag_words[] = {{"SECCOMP_FILTER_FLAG_TSYNC", true},
                                     {"SECCOMP_FILTER_FLAG_LOG", true},
                                     {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", true},
                                     {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", true}};

void action(const Node& node, SeccompAction& out) {
  if (!read_word(node, action_words, out)) node.require("an action, SCMP_ACT_…");
}

/// Engines write an errno beside actions that have none; only the action decides there.
void error_number(const Node& node, std::optional<std::uint32_t>& out) {
  std::uint32_t number = 0;
  if (node.read(number, 0, 0xFFFF)) out = number;
}

void arguments(const Node& node, std::vector<SeccompArgument>& out) {
  node.each([&](const Node& element) {
    if (!element.is_object()) return element.require("an object");
    SeccompArgument argument;
    if (!element.child("index").read(argument.index, 0, 5)) element.child("index").require("0 to 5");
    if (!element.child("value").read(argument.value)) element.child("value").require("a number");
    element.child("valueTwo").read(argument.value_two);
    if (!read_word(element.child("op"), operator_words, argument.op)) element.child("op").require("SCMP_CMP_…");
    out.push_back(argument);
  });
}

}  // namespace

void seccomp(const Node& node, Seccomp& out) {
  action(node.child("defaultAction"), out.default_action);
  error_number(node.child("defaultErrnoRet"), out.default_error);
  node.child("architectures").read(out.architectures);
  node.child("flags").each([&](const Node& element) {
    bool known = false;
    std::string word;
    if (read_word(element, flag_words, known) && element.read(word)) out.flags.push_back(std::move(word));
  });
  node.child("listenerPath").read(out.listener_path);
  node.child("listenerMetadata").read(out.listener_metadata);
  node.child("syscalls").each([&](const Node& element) {
    if (!element.is_object()) return element.require("an object");
    SeccompSyscall rule;
    if (!element.child("names").read(rule.names)) element.child("names").require("names of system calls");
    if (element.child("names").present() && rule.names.empty()) element.child("names").refuse("names of system calls");
    action(element.child("action"), rule.action);
    error_number(element.child("errnoRet"), rule.error);
    arguments(element.child("args"), rule.args);
    out.syscalls.push_back(std::move(rule));
  });
}

}  // namespace warder::runtime::section
