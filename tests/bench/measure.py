"""What a benchmark is made of: samples of one quantity for several competitors, taken in turns in one run.

A Row has a name, a unit and, for each competitor, its samples; a Goal says how large the ratio of two medians may be. Competitors take
turns sample by sample, so that a slow minute of the machine hits all of them alike.
"""
import contextlib
import dataclasses
import signal
import statistics
import time

ROWS = {}  # name -> (function(Effort) -> Row, title)


@dataclasses.dataclass
class Effort:
    """How long to measure: --quick, or in full."""
    quick: bool

    def rounds(self, full, quick):
        return quick if self.quick else full

    def seconds(self):
        return 0.4 if self.quick else 1.2


@dataclasses.dataclass
class Goal:
    """median(case) <= limit * median(base)"""
    case: str
    base: str
    limit: float


@dataclasses.dataclass
class Row:
    unit: str
    samples: dict = dataclasses.field(default_factory=dict)  # competitor -> list of numbers, smaller is better
    goals: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)

    def add(self, case, value):
        self.samples.setdefault(case, []).append(value)


def row(name, title):
    """Registers a function that measures one row of the table."""
    def register(function):
        ROWS[name] = (function, title)
        return function
    return register


@contextlib.contextmanager
def time_limit(seconds, what):
    """Ends what hangs with SystemExit. Main thread; may nest."""
    def late(*_):
        raise SystemExit(f"{what}: took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    started, left = time.monotonic(), signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(max(1, left - int(time.monotonic() - started)) if left else 0)
        signal.signal(signal.SIGALRM, before)


def spread(samples):
    """Median and both quartiles."""
    ordered = sorted(samples)
    if len(ordered) < 3:
        return statistics.median(ordered), ordered[0], ordered[-1]
    quarters = statistics.quantiles(ordered, n=4, method="inclusive")
    return quarters[1], quarters[0], quarters[2]


def take_turns(result, rounds, cases, warm=1):
    """`cases`: name -> function that gives one sample. The first `warm` rounds fill caches and do not count."""
    for turn in range(warm + rounds):
        for name, sample in cases.items():
            value = sample()
            if turn >= warm:
                result.add(name, value)
    return result


def seconds_of(function):
    started = time.monotonic()
    function()
    return time.monotonic() - started


def to_json(name, result):
    told = {"title": ROWS[name][1], "unit": result.unit, "cases": {}, "goals": [], "notes": result.notes}
    for case, samples in result.samples.items():
        median, low, high = spread(samples)
        told["cases"][case] = {"median": median, "low": low, "high": high, "samples": len(samples)}
    for goal in result.goals:
        if goal.case not in told["cases"] or goal.base not in told["cases"]:
            raise SystemExit(f"{name}: a goal speaks of '{goal.case}' and '{goal.base}', and one was not measured")
        base = told["cases"][goal.base]["median"]
        ratio = told["cases"][goal.case]["median"] / base if base else float("inf")
        told["goals"].append({"case": goal.case, "base": goal.base, "limit": goal.limit, "ratio": ratio, "met": ratio <= goal.limit})
    return told
