// Threads of PID 1: detached, with a small stack of their own, all signals blocked.
#pragma once

#include <cstddef>

#include "linux/result.h"

namespace warder::supervisor {

/// The thread inherits the credentials and the seccomp filter of the calling one. EAGAIN where the cgroup's pids limit is
/// reached.
Result<void> start_thread(void* (*body)(void*), void* argument, std::size_t stack_size);

/// Lets the pages of the calling thread's stack go, but for what its caller still uses: libc keeps the stacks of finished
/// threads.
void release_stack();

/// For the calling thread alone.
void unblock_signal(int signal);

}  // namespace warder::supervisor
