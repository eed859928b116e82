#!/usr/bin/env python3
"""Which folder may include which: apps -> actors -> adapters -> cores -> runtime/base, and never back.

Run without arguments it checks every tracked C++ file and prints `file:line: why` for each include that
points the wrong way. The tables below are the rule; docs/architecture.md says the reasons.
"""
import re
import subprocess
import sys
from pathlib import Path

# Pure cores: they know base, and not each other.
CORES = {"provenance", "predict", "prefetch", "cache", "correlate", "placement", "lineage", "allocate", "trace"}

# As pure as cores, but made of them: base and the cores that are listed.
COMPOSED = {"study": {"cache", "predict"}}

# Adapters know base, cores and schemas; of each other only what is listed.
ADAPTERS = {
    "anatomy": set(),
    "config": set(),
    "control": {"wire"},
    "coordinator": {"store"},
    "host": set(),
    "image": {"origin", "store"},
    "link": {"wire"},
    "nbd": set(),
    "origin": set(),
    "replay": {"nbd", "origin"},
    "sim": {"coordinator", "link", "origin", "store"},
    "store": set(),
    "volume": {"image", "nbd", "origin", "store"},
    "wire": set(),
}

# What makes a core impure: other libraries, threads, clocks, chance, files.
LIBRARIES = re.compile(r"^(caf|capnp|kj|curl|spdlog|toml\+\+|CLI|histedit)/|^(lmdb|libnbd|histedit)\.h$|toml\.hpp$")
IMPURE_HEADERS = re.compile(
    r"^(thread|mutex|shared_mutex|condition_variable|future|atomic|semaphore|latch|barrier|stop_token|random|"
    r"fstream|iostream|filesystem|cstdio|ctime|csignal|unistd\.h|fcntl\.h|pthread\.h|time\.h|stdio\.h|poll\.h)$"
    r"|^(sys|linux|netinet|arpa)/"
)
IMPURE_WORDS = re.compile(
    r"\b(steady_clock|system_clock|high_resolution_clock)::now\b|\brandom_device\b|\bgetenv\b|\bs?rand\(|\bthread_local\b"
)

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
LAYERS = ("schemas", "runtime", "actors", "apps", "tests")


def why_not(path, system, target):
    """The reason why the file at `path` must not include `target`, or None."""
    place, room = (Path(path).parts + ("", ""))[:2]
    core = place == "runtime" and (room in CORES or room in COMPOSED)
    base = place == "runtime" and room == "base"
    if place == "runtime" and not (core or base or room in ADAPTERS):
        return f"runtime/{room} is not in the tables of tests/support/layers.py"
    if (core or base) and LIBRARIES.search(target):
        return f"runtime/{room} is pure and must not know {target}"
    if core and IMPURE_HEADERS.search(target):
        return f"a core knows values only, not <{target}>"
    if system:
        return None
    to_place, to_room = (Path(target).parts + ("", ""))[:2]
    if to_place not in LAYERS:
        return f'"{target}" does not start at the root of the repository'
    if place == "tests":
        return None
    if to_place == "tests":
        return "only tests include tests"
    if LAYERS.index(to_place) > LAYERS.index(place):
        return f"{place} must not know {to_place}"
    if place == "runtime" and to_place == "schemas" and room not in ADAPTERS:
        return f"runtime/{room} is pure and must not know schemas"
    if place == "runtime" and to_place == "runtime" and to_room not in (room, "base"):
        if base:
            return "runtime/base is at the bottom"
        if core and to_room not in COMPOSED.get(room, set()):
            return "a core knows runtime/base and no other room"
        if to_room in ADAPTERS and to_room not in ADAPTERS[room]:
            return f"runtime/{room} must not know runtime/{to_room}"
    return None


def check_text(path, text):
    """All that is wrong in one file, as lines to print."""
    wrong = []
    place, room = (Path(path).parts + ("", ""))[:2]
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            reason = why_not(path, found[1] == "<", found[2])
            if reason:
                wrong.append(f"{path}:{number}: {reason}")
        elif place == "runtime" and (room in CORES or room in COMPOSED) and IMPURE_WORDS.search(line.split("//")[0]):
            wrong.append(f"{path}:{number}: a core takes time and chance as arguments: {line.strip()}")
    return wrong


def main():
    files = subprocess.run(["git", "ls-files", "*.cpp", "*.hpp"], check=True, capture_output=True, text=True)
    paths = [path for path in files.stdout.splitlines() if Path(path).exists()]
    wrong = [line for path in paths for line in check_text(path, Path(path).read_text())]
    print("\n".join(wrong) if wrong else f"{len(paths)} files point the right way")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
