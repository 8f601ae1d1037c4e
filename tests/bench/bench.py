#!/usr/bin/python3
"""warder beside crun, runc, runsc and the mechanism's own floor; each number is a median, each comparison a ratio taken in one run.

    tests/private.py tests/bench/bench.py [--quick] [--json FILE] [--results] [--markdown FILE] [--svg FILE] [ROW...]

Without ROW every row is measured. Rows that FILE holds already and that are not measured now are kept, so that a long run can be
made in pieces, none of which takes longer than two and a half minutes:

    for row in $(tests/bench/bench.py --list | cut -d' ' -f1); do tests/bench/bench.py --json build/bench.json "$row"; done
    tests/bench/bench.py --json build/bench.json --nothing --results

A runtime that is not installed is left out, and its row says so.
"""
import argparse
import json
import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from harness.bundle import WARDER, run_command  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402
from runtimes import open_root  # noqa: E402
import rows_start  # noqa: E402,F401
import rows_calls  # noqa: E402,F401
import rows_work  # noqa: E402,F401
import rows_memory  # noqa: E402,F401


def parse_arguments():
    parser = argparse.ArgumentParser(description="Ratios of warder to crun, runc, runsc and the mechanism's floor.")
    parser.add_argument("--quick", action="store_true", help="few rounds: two minutes for everything")
    parser.add_argument("--json", type=pathlib.Path, help="keep the numbers there")
    parser.add_argument("--markdown", type=pathlib.Path, help="write the kept rows as a table")
    parser.add_argument("--svg", type=pathlib.Path, help="plot the kept rows")
    parser.add_argument("--list", action="store_true", help="name the rows")
    parser.add_argument("--results", action="store_true", help="write the kept rows into RESULTS.md and ratios.svg")
    parser.add_argument("--nothing", action="store_true", help="measure nothing: report what is kept")
    parser.add_argument("row", nargs="*", metavar="ROW")
    return parser.parse_args()


LONGEST = 145  # seconds for one row


def measure_rows(arguments, told, failed):
    wanted = [] if arguments.nothing else arguments.row or list(measure.ROWS)
    for name in wanted:
        if name not in measure.ROWS:
            raise SystemExit(f"no row '{name}'; accepted: {', '.join(measure.ROWS)}")
    for name in wanted:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        function, _ = measure.ROWS[name]
        started = time.monotonic()
        try:
            with measure.time_limit(LONGEST, name):
                told["rows"][name] = measure.to_json(name, function(measure.Effort(arguments.quick)))
        except SystemExit as failure:  # the other rows are worth having
            told["rows"].pop(name, None)
            failed[name] = failure
            print(f"{name}: {failure}", file=sys.stderr, flush=True)
        print(f"    took {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        if arguments.json:  # a run that is broken off keeps what it has
            arguments.json.write_text(json.dumps(told, indent=1) + "\n")
    return wanted


def main():
    arguments = parse_arguments()
    if arguments.list:
        for name, (_, title) in measure.ROWS.items():
            print(f"{name:14}{title}")
        return
    if "WARDER_SHARED" not in os.environ:
        os.execv(str(HERE.parent / "private.py"), ["private.py", sys.executable, *sys.argv])
    if not os.access(WARDER, os.X_OK):
        raise SystemExit(f"{WARDER} is missing: build first")
    # Debian's crun refuses a hybrid cgroup tree. This mount namespace is ours alone, and all runtimes see the same.
    run_command(["umount", "/sys/fs/cgroup/unified"], 10)
    open_root()
    told = {"rows": {}}
    if arguments.json and arguments.json.exists():
        told = json.loads(arguments.json.read_text())
    told["machine"] = report.facts()
    failed = {}
    measured = measure_rows(arguments, told, failed)
    told["rows"] = {name: told["rows"][name] for name in measure.ROWS if name in told["rows"]}
    shown = measured or list(told["rows"])
    report.show({"rows": {name: told["rows"][name] for name in told["rows"] if name in shown}})
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=1) + "\n")
    if arguments.results:
        report.write_results(told, HERE / "RESULTS.md", HERE / "ratios.svg")
    if arguments.markdown:
        arguments.markdown.write_text(report.markdown(told))
    if arguments.svg:
        arguments.svg.write_text(report.svg(told))
    if failed:
        raise SystemExit(f"no numbers for {', '.join(failed)}")


if __name__ == "__main__":
    main()
