// abi PATH: every way to ask for a refused PATH with numbers of another ABI, or with garbage where the kernel does not look.
//
// A line "open ..." is an opened file; "refused ..." says how the kernel or the filter answered.
#include <linux/openat2.h>

#include "guest.h"

static char* low_memory;  // below 4 GiB, so that 32-bit calls can name it

static long int80(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
  return result;
}

static void in_child(const char* what, long (*call)(const char*, long), const char* path, long number) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    long result = call(path, number);
    if (result >= 0) {
      printf("open %s %ld\n", what, number);
      fflush(stdout);
      _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) printf("signal %d %s %ld\n", WTERMSIG(status), what, number);
}

static long by_x32(const char* path, long number) { return syscall(number | 0x40000000, path, O_RDONLY, 0); }
static long by_x32_at(const char* path, long number) { return syscall(number | 0x40000000, AT_FDCWD, path, O_RDONLY, 0); }
static long by_int80(const char* path, long number) {
  strcpy(low_memory, path);
  return int80(number, (long)low_memory, O_RDONLY, 0);
}
static long by_int80_at(const char* path, long number) {
  strcpy(low_memory, path);
  return int80(number, AT_FDCWD, (long)low_memory, O_RDONLY);
}
static long with_high_bits(const char* path, long bit) {
  return syscall(SYS_openat, (1UL << bit) | (unsigned)AT_FDCWD, path, (1UL << bit) | O_RDONLY, 0);
}
static long writing_with_high_bits(const char* path, long bit) {
  return syscall(SYS_openat, AT_FDCWD, path, (1UL << bit) | O_WRONLY, 0);
}
static long with_access_mode(const char* path, long flags) { return syscall(SYS_openat, AT_FDCWD, path, flags, 0644); }
static long number_with_high_bits(const char* path, long bit) {
  return syscall((long)((1UL << bit) | SYS_openat), AT_FDCWD, path, O_RDONLY, 0);
}

int main(int argc, char** argv) {
  must(argc == 2, "path");
  low_memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  must(low_memory != MAP_FAILED, "mmap");
  const char* path = argv[1];
  static const long x32[] = {SYS_open, SYS_creat, SYS_truncate};
  static const long x32_at[] = {SYS_openat, 512, 520, 545};
  for (size_t i = 0; i < 3; i++) in_child("x32", by_x32, path, x32[i]);
  for (size_t i = 0; i < 4; i++) in_child("x32", by_x32_at, path, x32_at[i]);
  in_child("int80 open", by_int80, path, 5);
  in_child("int80 creat", by_int80, path, 8);
  in_child("int80 openat", by_int80_at, path, 295);
  in_child("int80 openat2", by_int80_at, path, 437);
  for (long bit = 32; bit < 64; bit++) {
    in_child("high bits", with_high_bits, path, bit);
    in_child("writing with high bits", writing_with_high_bits, path, bit);
    in_child("number with high bits", number_with_high_bits, path, bit);
  }
  static const long flags[] = {O_WRONLY,
                               O_RDWR,
                               3,
                               O_TRUNC,
                               O_RDWR | O_APPEND,
                               O_WRONLY | O_CREAT,
                               O_CREAT | O_EXCL | O_RDWR,
                               O_PATH | O_WRONLY | O_TRUNC};
  for (size_t i = 0; i + 1 < sizeof flags / sizeof flags[0]; i++) in_child("flags", with_access_mode, path, flags[i]);
  puts("end");
  return 0;
}
