// From argv[0] and PATH to execve. Workload and session modes, confined, as the workload's user.
#pragma once

#include <string>
#include <vector>

#include "linux/result.h"
#include "supervisor/protocol/boot.h"

namespace warder::supervisor {

/// Enters the working directory and proves that it is inside the container: a cwd outside the root (by a leaked directory
/// descriptor, CVE-2024-21626) is an error.
Result<void> enter_working_directory(const std::string& directory);

/// The program that `name` means: itself where it has a slash, else the first executable in the plan's PATH. The texts are those
/// that callers of runtimes look for: `exec: "foo": executable file not found in $PATH`, `exec: "/foo": permission denied`.
Result<std::string> find_program(const ProcessPlan& plan);

/// Default dispositions and an empty mask, as a program expects them, whatever our own callers had ignored or blocked.
void reset_signals();

/// Executes; returns only the error. All descriptors but stdio and the preserved ones are close-on-exec by then.
Error execute(const std::string& program, const ProcessPlan& plan);

/// Argument vectors for execve: pointers into the strings, and a null at the end.
[[nodiscard]] std::vector<char*> pointers_to(const std::vector<std::string>& strings);

}  // namespace warder::supervisor
