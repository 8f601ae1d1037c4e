"""The scripts that complete command lines, run by the shells that are here."""
import os
import shutil
import subprocess

from harness.bundle import WARDER, ContainerTest


class Completion(ContainerTest):
    def script(self, shell):
        outcome = subprocess.run([WARDER, "completion", shell], capture_output=True, text=True, check=True)
        self.assertEqual(outcome.stderr, "")
        return outcome.stdout

    def complete(self, *words, root=None):
        """What bash offers for the last word."""
        directory = os.path.dirname(os.path.abspath(WARDER))
        asked = (f'PATH={directory}:$PATH; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
                 f'{"warder() { command warder --root " + str(root) + " $@; }; " if root else ""}_warder; printf "%s\\n" "${{COMPREPLY[@]}}"')
        outcome = subprocess.run(["bash", "-c", self.script("bash") + "\n" + asked, "bash", *words], capture_output=True, text=True,
                                 check=False, cwd="/var/empty" if os.path.isdir("/var/empty") else "/")
        self.assertEqual(outcome.stderr, "")
        return outcome.stdout.split()

    def test_bash_completes_commands_options_and_ids(self):
        self.assertEqual(self.complete("warder", "st"), ["start", "state"])
        self.assertIn("--console-socket", self.complete("warder", "create", "--con"))
        self.assertEqual(self.complete("warder", "--root", "/x", "pau"), ["pause"])
        self.assertIn("--preserve-fds", self.complete("warder", "--debug", "exec", "--pre"))
        self.assertEqual(self.complete("warder", "kill", "--no-such"), [])
        bundle = self.bundle()
        with bundle.running() as container:
            self.assertIn(container, self.complete("warder", "kill", container[:5], root=bundle.state))

    def test_every_command_and_every_shell_has_its_words(self):
        for shell in ("bash", "zsh", "fish"):
            text = self.script(shell)
            for word in ("create", "restore", "mounts", "profile", "preserve-fds"):
                self.assertIn(word, text, shell)
            if shutil.which(shell):
                parsed = subprocess.run([shell, "-n"], input=text, capture_output=True, text=True)
                self.assertEqual((parsed.returncode, parsed.stderr), (0, ""), shell)

    def test_another_shell_is_refused(self):
        outcome = subprocess.run([WARDER, "completion", "tcsh"], capture_output=True, text=True)
        self.assertEqual((outcome.returncode, outcome.stdout), (1, ""))
        self.assertIn("bash", outcome.stderr)
