"""`run` in the foreground: what a shell user sees."""
from harness.bundle import ContainerTest


class Run(ContainerTest):
    def test_gives_the_output_and_the_exit_code_of_the_program(self):
        bundle = self.bundle()
        outcome = bundle.run("sh", "-c", "echo out; echo err >&2; exit 7")
        self.assertEqual((outcome.code, outcome.out, outcome.err), (7, "out\n", "err\n"), outcome)
