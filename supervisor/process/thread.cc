#include "supervisor/process/thread.h"

#include <pthread.h>
#include <sys/mman.h>

#include <csignal>
#include <cstdint>

namespace warder::supervisor {

Result<void> start_thread(void* (*body)(void*), void* argument, std::size_t stack_size) {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  ::pthread_attr_setstacksize(&attributes, stack_size);
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread{};
  const int error = ::pthread_create(&thread, &attributes, body, argument);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_attr_destroy(&attributes);
  if (error != 0) return Error::syscall("pthread_create", error);
  return {};
}

void release_stack() {
  constexpr std::uintptr_t page = 4096;
  constexpr std::uintptr_t in_use = 2 * page;  // this frame, and what the system call's wrapper takes
  pthread_attr_t attributes;
  if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return;
  void* bottom = nullptr;
  std::size_t size = 0;
  ::pthread_attr_getstack(&attributes, &bottom, &size);
  ::pthread_attr_destroy(&attributes);
  const std::uintptr_t here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) & ~(page - 1);
  const auto begin = reinterpret_cast<std::uintptr_t>(bottom);
  if (here > begin + in_use) ::madvise(bottom, here - in_use - begin, MADV_DONTNEED);
}

void unblock_signal(int signal) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, signal);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace warder::supervisor
