"""Under the built-in default ordinary software runs as it does under any runtime: compilers, sanitizers, git, perl, threads."""
import fcntl

from harness import toolchain
from harness.bundle import CGROUP
from harness.podman import SHARED, PodmanTest

LEAK = "#include <stdlib.h>\nint main(void) { volatile char* p = malloc(10); p = 0; return 0; }\n"
OVERFLOW = "#include <stdlib.h>\nint main(int n, char** v) { char* p = malloc(4); p[3 + n] = 1; free(p); return 0; }\n"
THREADS = """#include <pthread.h>
#include <stdio.h>
static int count;
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static void* work(void* unused) { for (int i = 0; i < 1000; ++i) { pthread_mutex_lock(&m); ++count; pthread_mutex_unlock(&m); } return unused; }
int main(void) {
  pthread_t t[16];
  for (int i = 0; i < 16; ++i) pthread_create(&t[i], 0, work, 0);
  for (int i = 0; i < 16; ++i) pthread_join(t[i], 0);
  return printf("%d\\n", count) < 0;
}
"""
ME = "#include <stdio.h>\n#include <sys/ptrace.h>\n#include <sys/wait.h>\n#include <unistd.h>\n#include <signal.h>\n" \
     "int main(void) { pid_t c = fork(); if (!c) { for (;;) pause(); } ptrace(PTRACE_SEIZE, c, 0, 0); " \
     "ptrace(PTRACE_INTERRUPT, c, 0, 0); int s; waitpid(c, &s, 0); puts(WIFSTOPPED(s) ? \"traced\" : \"no\"); kill(c, 9); return 0; }\n"


class Toolchain(PodmanTest):
    time_limit = 120

    def setUp(self):
        super().setUp()
        with open(SHARED / "toolchain.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.root = SHARED / "toolchain"
            if not (SHARED / "toolchain.done").exists():
                toolchain.make_root(self.root)
                (SHARED / "toolchain.done").touch()

    def job(self, script, *options, code=0):
        outcome = self.podman("run", "--rm", "--network", "none", "--cgroup-parent", CGROUP, "-e", "LC_ALL=C", *options, "--rootfs",
                              f"{self.root}:O", "bash", "-c", script, timeout=100)
        self.assertEqual(outcome.code, code, outcome)
        return outcome

    def compiled(self, source, flags=""):
        return f"cd /tmp && cat > a.c <<'EOF'\n{source}EOF\ncc {flags} -o a a.c && ./a"

    def test_a_threaded_program_compiles_and_runs(self):
        self.assertEqual(self.job(self.compiled(THREADS, "-O2 -pthread")).out, "16000\n")

    def test_the_address_sanitizer_finds_an_overflow(self):
        outcome = self.job(self.compiled(OVERFLOW, "-g -fsanitize=address,undefined"), code=1)
        self.assertIn("heap-buffer-overflow", outcome.err)

    def test_the_leak_sanitizer_traces_its_own_threads(self):
        outcome = self.job(self.compiled(LEAK, "-g -fsanitize=address"), code=1)
        self.assertIn("detected memory leaks", outcome.err)

    def test_a_process_may_trace_its_child(self):
        self.assertEqual(self.job(self.compiled(ME)).out, "traced\n")

    def test_git_keeps_a_repository(self):
        out = self.job("cd /work && git init -q . && git config user.name a && git config user.email b && echo x > f && git add f && "
                       "git commit -qm first && git mv f g && git commit -qm second && git log --oneline | wc -l && git fsck").out
        self.assertEqual(out.split()[0], "2")

    def test_archives_keep_owners_modes_links_and_times(self):
        self.job("cd /tmp && mkdir -p d/e && echo x > d/f && ln -s f d/l && ln d/f d/h && mkfifo d/p && chown -R 7:8 d && chmod 4750 d/f && "
                 "touch -h -d 2001-02-03 d/l && cp -a d copy && (cd d && find . | sort | xargs stat -c '%n %a %u %g %F %Y') > 1 && "
                 "(cd copy && find . | sort | xargs stat -c '%n %a %u %g %F %Y') > 2 && test \"$(cat 1)\" = \"$(cat 2)\"")
