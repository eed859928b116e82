#!/usr/bin/env python3
"""How the tree looks: names, sizes, no placeholders, a unit test folder for every room."""
import re
import subprocess
import sys
from pathlib import Path

LINES_MAX = 500  # Of a source file. At 300 one should ask whether two ideas share it.
README_LINES_MAX = 10  # Of a README below the root.
SOURCES = {".cpp", ".hpp", ".py", ".sh", ".cmake", ".capnp", ".js"}
TEXTS = SOURCES | {".md", ".txt", ".toml", ".json", ".service", ""}

# Written in pieces, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}/])/(work/|root/|home/(?!u\b|USER\b)\w)")
FILE_NAME = re.compile(r"^[a-z0-9_.-]+$")
KNOWN_NAMES = {"README.md", "CMakeLists.txt", "CMakePresets.json", "LICENSE"}
ADR_NAME = re.compile(r"^(\d{4})-[a-z0-9]+(-[a-z0-9]+)*\.md$")


def check_file(path):
    """What is wrong with one file, as lines to print."""
    wrong = []
    if path.name not in KNOWN_NAMES and not FILE_NAME.match(path.name):
        wrong.append(f"{path}: names are lower case")
    if path.stat().st_size == 0 or path.name in {".gitkeep", ".keep"}:
        wrong.append(f"{path}: a placeholder; folders come when they hold something")
    if path.suffix not in TEXTS:
        return wrong
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError:
        return wrong
    if path.suffix in SOURCES and len(lines) > LINES_MAX:
        wrong.append(f"{path}: {len(lines)} lines, more than {LINES_MAX}")
    if path.name == "README.md" and path.parent != Path(".") and len(lines) > README_LINES_MAX:
        wrong.append(f"{path}: {len(lines)} lines; a folder's README has {README_LINES_MAX} at most")
    if path.suffix == ".hpp" and lines[:1] != ["#pragma once"]:
        wrong.append(f"{path}:1: a header begins with #pragma once")
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            wrong.append(f"{path}:{number}: unfinished: {line.strip()}")
        if MACHINE_PATH.search(line):
            wrong.append(f"{path}:{number}: a path of one machine: {line.strip()}")
    return wrong


def check_adrs(paths):
    """Decision records are numbered from 1 without gaps."""
    wrong, numbers = [], []
    for path in paths:
        if path.parent == Path("docs/adr"):
            found = ADR_NAME.match(path.name)
            if found:
                numbers.append(int(found[1]))
            else:
                wrong.append(f"{path}: decision records are named NNNN-what-it-says.md")
    if sorted(numbers) != list(range(1, len(numbers) + 1)):
        wrong.append(f"docs/adr: numbers {sorted(numbers)} repeat or leave gaps")
    return wrong


def check_rooms(paths):
    """A room of the runtime that holds code is unit-tested in the folder of its name."""
    rooms = {path.parts[1] for path in paths if path.parts[0] == "runtime" and path.suffix == ".cpp"}
    tested = {path.parts[2] for path in paths if path.match("tests/unit/*/*_test.cpp")}
    return [f"runtime/{room}: no tests in tests/unit/{room}" for room in sorted(rooms - tested)]


def main():
    listed = subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True).stdout.splitlines()
    paths = [path for path in map(Path, listed) if path.is_file()]
    wrong = [line for path in paths for line in check_file(path)] + check_adrs(paths) + check_rooms(paths)
    print("\n".join(wrong) if wrong else f"{len(paths)} files are where and as they should be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
