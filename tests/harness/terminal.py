"""A command on a pseudo terminal: what a user types, sees and resizes."""
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time


class Terminal:
    """Runs `command` as the session on a new terminal; a context manager that kills it at the end of its block."""

    def __init__(self, command, rows=24, columns=80, env=None):
        self.master, slave = pty.openpty()
        self.size(rows, columns)
        self.seen = ""

        def take_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env, preexec_fn=take_terminal)
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        os.close(self.master)

    def size(self, rows, columns):
        """Changes the size; the kernel sends SIGWINCH to the foreground process group."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def read_some(self, seconds):
        if not select.select([self.master], [], [], max(seconds, 0))[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:  # EIO: every holder of the other end is gone
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)

    def expect(self, pattern, seconds=40):
        """Waits for a regular expression in what was not consumed yet; gives the match. Raises AssertionError at the limit."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return match
            if time.monotonic() > deadline:
                raise AssertionError(f"{pattern!r} did not appear in {seconds} s; last seen: {self.seen[-2000:]!r}")
            if not self.read_some(deadline - time.monotonic()) and self.child.poll() is not None:
                time.sleep(0.01)

    def wait(self, seconds=40):
        """The exit code; output that comes meanwhile is kept."""
        deadline = time.monotonic() + seconds
        while self.child.poll() is None:
            self.read_some(0.02)
            if time.monotonic() > deadline:
                raise AssertionError(f"still running after {seconds} s; last seen: {self.seen[-2000:]!r}")
        while self.read_some(0.05):
            pass
        return self.child.returncode
