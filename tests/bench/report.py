"""Measured rows as a table for people, as Markdown for RESULTS.md, and as a plot."""
import os
import pathlib
import platform
import subprocess

WIDTH = 44


def number(value):
    return f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def goal_words(goal):
    return f"{goal['case']} / {goal['base']} = {goal['ratio']:.2f} (goal {goal['limit']:g}: {'met' if goal['met'] else 'MISSED'})"


def show(told):
    for name, row in told["rows"].items():
        print(f"\n{name}: {row['title']}  [{row['unit']}]")
        for case, value in row["cases"].items():
            print(f"  {case:{WIDTH}}{number(value['median']):>10}   {number(value['low'])} .. {number(value['high'])}  n={value['samples']}")
        for goal in row["goals"]:
            print(f"    {goal_words(goal)}")
        for note in row["notes"]:
            print(f"    {note}")


def first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0].strip()
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "not installed"


def facts():
    """The machine, as far as it bears on the numbers."""
    cpu = next((line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), "unknown")
    weak = sorted(path.name for path in pathlib.Path("/sys/devices/system/cpu/vulnerabilities").glob("*")
                  if path.read_text().startswith("Mitigation"))
    return {"kernel": platform.release(), "processor": cpu, "processors": os.cpu_count(),
            "mitigations": ", ".join(weak) or "none",
            "crun": first_line(["crun", "--version"]), "runc": first_line(["runc", "--version"]),
            "runsc": first_line(["runsc", "--version"]), "podman": first_line(["podman", "--version"])}


def markdown(told):
    lines = ["| measured | competitor | median | quartiles | ratio | goal |", "|---|---|---|---|---|---|"]
    for name, row in told["rows"].items():
        goals = {goal["case"]: [] for goal in row["goals"]}
        for goal in row["goals"]:
            goals[goal["case"]].append(goal)
        title = f"**{name}** {row['title']} [{row['unit']}]"
        for case, value in row["cases"].items():
            own = goals.get(case, [])
            ratio = "; ".join(f"{goal['ratio']:.2f} x {goal['base']}" for goal in own)
            words = "; ".join(f"{goal['limit']:g} {'met' if goal['met'] else '**missed**'}" for goal in own)
            lines.append(f"| {title} | {case} | {number(value['median'])} | {number(value['low'])} .. {number(value['high'])} | {ratio} | {words} |")
            title = ""
    return "\n".join(lines) + "\n"


def machine(told):
    facts = told["machine"]
    return (f"Linux {facts['kernel']}, {facts['processors']} x {facts['processor']}, mitigations: {facts['mitigations']}; "
            f"{facts['crun']}, {facts['runc']}, {facts['runsc']}, {facts['podman']}.\n")


def write_results(told, results, plot):
    """The table takes the place of the one that stands between the two marks; the plot is shown in the README."""
    before, mark, rest = results.read_text().partition("<!-- numbers -->\n")
    _, end, after = rest.partition("<!-- end of numbers -->\n")
    if not mark or not end:
        raise SystemExit(f"{results} has no place for the numbers")
    results.write_text(f"{before}{mark}\n{machine(told)}\n{markdown(told)}\n{notes(told)}{end}{after}")
    plot.write_text(svg(told))
    readme = results.parents[2] / "README.md"
    text, line = readme.read_text(), "![warder against its reference in each row of the benchmark](tests/bench/ratios.svg)\n"
    if line not in text:
        readme.write_text(f"{text.rstrip()}\n\n{line}")


def notes(told):
    lines = [f"- {name}: {note}" for name, row in told["rows"].items() for note in row["notes"]]
    return "\n".join([*lines, "", ""]) if lines else ""


def svg(told):
    """One bar for each goal: the ratio that was measured, and a line where the goal is."""
    bars = [(name, goal) for name, row in told["rows"].items() for goal in row["goals"]]
    left, right, step, top = 420, 330, 22, 40
    longest = 2.0
    height = top + step * len(bars) + 30
    scale = right / longest
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right + 80}" height="{height}" font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="10" y="20" font-size="14">warder against its reference in each row: shorter is better; the mark is the goal</text>',
           f'<line x1="{left + scale}" y1="{top - 8}" x2="{left + scale}" y2="{height - 20}" stroke="#999" stroke-dasharray="3 3"/>',
           f'<text x="{left + scale - 4}" y="{height - 6}" fill="#666">1</text>']
    for index, (name, goal) in enumerate(bars):
        y = top + index * step
        length = min(goal["ratio"], longest) * scale
        color = "#3a7d44" if goal["met"] else "#c05a2b"
        mark = left + min(goal["limit"], longest) * scale
        words = f"{name}: {goal['case']} / {goal['base']}".replace("&", "&amp;").replace("<", "&lt;")
        out += [f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{words}</text>',
                f'<rect x="{left}" y="{y + 2}" width="{length:.1f}" height="13" fill="{color}"/>',
                f'<line x1="{mark:.1f}" y1="{y}" x2="{mark:.1f}" y2="{y + 17}" stroke="black" stroke-width="2"/>',
                f'<text x="{left + length + 6:.1f}" y="{y + 13}">{goal["ratio"]:.2f}</text>']
    return "\n".join([*out, "</svg>"]) + "\n"
