#!/usr/bin/env python3
"""`./dev bench`: measures forerun and its peers on the same machine, in the same run.

Each bench is a module of this folder with TITLE and `measure(context)`, which measures every contender once and
adds a sample for each. The rounds repeat, so that contenders are interleaved and what the machine does
meanwhile meets all of them.
"""
import argparse
import importlib
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import Figures, table, write_json
from servers import Failed

# In the order in which they run; each name is a module.
BENCHES = ["boot", "first", "unpredictable", "hot", "memory", "replay", "provenance"]


class Context:
    """What a bench needs: where the programs are, a folder of its own, and a place for its figures."""

    def __init__(self, bench, options, folder, figures):
        self.bench = bench
        self.programs = Path(options.bin).resolve()
        self.traces = Path(options.traces).resolve()
        self.folder = folder
        self.figures = figures
        self.round = 0
        self.rounds = options.runs

    def program(self, name):
        return self.programs / name

    def add(self, metric, unit, who, value, bar=None):
        self.figures.add(self.bench, metric, unit, who, value, bar)

    def say(self, text):
        print(f"{self.bench} {self.round}/{self.rounds}: {text}", file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="benches to run; all when none is named")
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE as well")
    parser.add_argument("--runs", type=int, default=5, help="rounds of each bench (default 5)")
    parser.add_argument("--list", action="store_true", help="say which benches there are")
    parser.add_argument("--traces", default="../shared/traces", help="folder of recorded traces (default %(default)s)")
    parser.add_argument("--bin", default="build/release/bin", help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHES]
    if unknown:
        parser.error(f"no bench is called {', '.join(unknown)}; there are: {', '.join(BENCHES)}")
    if not 1 <= options.runs <= 100:
        parser.error("--runs is from 1 to 100")
    return options


def machine():
    return f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, load {os.getloadavg()[0]:.2f}"


def main():
    options = arguments()
    if options.list:
        for name in BENCHES:
            print(f"{name:12} {importlib.import_module(name).TITLE}")
        return 0
    figures = Figures()
    broken = []
    start = time.monotonic()
    print(f"machine: {machine()}", file=sys.stderr)
    for name in options.names or BENCHES:
        module = importlib.import_module(name)
        with tempfile.TemporaryDirectory(prefix="forerun-bench-") as folder:
            context = Context(name, options, Path(folder), figures)
            try:
                for context.round in range(1, options.runs + 1):
                    module.measure(context)
            except (Failed, OSError, subprocess.TimeoutExpired) as reason:
                broken.append(name)
                print(f"{name}: FAILED: {reason}", file=sys.stderr)
    form = figures.as_json()
    if form:
        print("\n".join(table(form)))
    if options.json:
        write_json(options.json, form)
    print(f"{len(form)} figures in {time.monotonic() - start:.0f} s", file=sys.stderr)
    # A bar that is missed is a finding and stands in the table; only what could not be measured is an error.
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
