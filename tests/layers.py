#!/usr/bin/python3
"""The direction of knowledge, with words: linux <- policy <- supervisor <- runtime.

CMake makes a wrong dependency fail to link; this makes a wrong #include fail with the line that has it.
"""
import pathlib
import re
import sys

# A folder -> the folders whose headers it may include. The longest matching prefix of a file's path decides.
MAY_INCLUDE = {
    "linux": ["linux"],
    "policy/core": ["policy/core", "linux"],
    "policy": ["policy", "linux"],
    "supervisor/protocol": ["supervisor/protocol", "policy/core", "linux"],
    "supervisor": ["supervisor", "policy/core", "linux"],
    "runtime": ["runtime", "supervisor/protocol", "policy", "linux"],
}
# warder-init is small and static: no YAML, JSON or formatting library, and no streams.
NOT_IN_INIT = re.compile(r"#\s*include\s*<(yaml-cpp/|nlohmann/|fmt/|CLI/|iostream|fstream|sstream|regex|thread)")
INIT_FOLDERS = ("linux", "policy/core", "supervisor")
INCLUDE = re.compile(r'#\s*include\s*"([^"]+)"')


def longest_prefix(path, prefixes):
    fitting = [p for p in prefixes if path == p or path.startswith(p + "/")]
    return max(fitting, key=len, default=None)


def problems_of(root, file):
    name = file.relative_to(root).as_posix()
    folder = longest_prefix(name, MAY_INCLUDE)
    for number, line in enumerate(file.read_text().splitlines(), 1):
        included = INCLUDE.match(line.strip())
        if included and longest_prefix(included[1], MAY_INCLUDE) and not longest_prefix(included[1], MAY_INCLUDE[folder]):
            yield f"{name}:{number}: {folder}/ must not know {included[1]}; it may include {', '.join(MAY_INCLUDE[folder])}"
        if NOT_IN_INIT.match(line.strip()) and longest_prefix(name, INIT_FOLDERS):
            yield f"{name}:{number}: part of warder-init, which has no such library: {line.strip()}"


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    problems = []
    for folder in ("linux", "policy", "supervisor", "runtime"):
        for file in sorted((root / folder).rglob("*")):
            if file.suffix in (".h", ".cc"):
                problems += problems_of(root, file)
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
