"""What system tests stand on: a node, a slow origin, their clients, each in a temporary folder of the test.
Every process is started here and ended by its id."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import nbd

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = Path(os.environ.get("FORERUN_BIN", ROOT / "build/release/bin"))
SANITIZED = bool(os.environ.get("FORERUN_SANITIZE"))
SKIPPED = 77  # What ctest takes for "skipped".
START_SECONDS_MAX = 60.0 if SANITIZED else 30.0
STOP_SECONDS_MAX = 60.0
COMMAND_SECONDS_MAX = 60.0
UNREACHABLE = 3  # Exit code of `forerun` when no node answers.


def eventually(what, seconds=30.0, pause=0.02):
    """Waits until `what()` is true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        if got := what():
            return got
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {getattr(what, '__doc__', None) or what}")
        time.sleep(pause)


class Child:
    """A process that ends with its `with` block; what it says goes to a file."""

    def __init__(self, command, log):
        self.log = Path(log)
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def said(self):
        return self.log.read_text(errors="replace")

    def signal(self, number):
        if self.alive():
            self.process.send_signal(number)

    def freeze(self):
        """Stops all its threads, and returns when they are; SIGCONT lets them go on."""
        self.signal(signal.SIGSTOP)
        tasks = Path(f"/proc/{self.pid}/task")
        stopped = lambda task: (task / "stat").read_text().rpartition(")")[2].split()[0] == "T"
        eventually(lambda: all(stopped(task) for task in tasks.iterdir()))

    def kill(self):
        """kill -9."""
        self.signal(signal.SIGKILL)
        return self.process.wait(STOP_SECONDS_MAX)

    def end(self):
        """SIGTERM; returns the exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.process.args[0]} does not end on SIGTERM:\n{self.said()[-4000:]}") from None


class Refusal(Exception):
    """The command line said no: exit code, and what the node said."""

    def __init__(self, code, what, remedy=""):
        super().__init__(f"exit code {code}: {what}")
        self.code, self.what, self.remedy = code, what, remedy


class Node:
    """A node on a data folder that outlives it; `start` and `end` it as often as you like."""

    def __init__(self, folder, config="", name="node"):
        self.data = Path(folder) / name
        self.config = Path(folder) / f"{name}.toml"
        self.log = Path(folder) / f"{name}.log"
        self.config.write_text(f'data_dir = "{self.data}"\n{config}')
        self.socket = self.data / "nbd.sock"
        self.child = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        if self.child is None:
            return
        if kind is None:
            self.end()
            return
        sys.stderr.write(f"\n--- {self.log.name} ends with\n{self.said()[-4000:]}\n---\n")
        self.child.kill()

    @property
    def pid(self):
        return self.child.pid

    def launch(self):
        """Starts the process and does not wait for it."""
        self.child = Child([PROGRAMS / "forerun-node", "--config", self.config], self.log)

    def start(self):
        """Starts it, and returns when it answers and has opened its volumes or said why not."""
        self.launch()
        self.ready()

    def ready(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                self.tell("status")
                return
            except Refusal as refused:
                if refused.code != UNREACHABLE or not self.child.alive() or time.monotonic() > deadline:
                    raise AssertionError(f"the node does not start ({refused}):\n{self.said()[-4000:]}") from None
                time.sleep(0.02)

    def end(self):
        """In order; fails when the node does not call it a good end."""
        child, self.child = self.child, None
        code = child.end()
        assert code == 0, f"the node ended with {code}:\n{self.said()[-4000:]}"

    def kill(self):
        self.child.kill()
        self.child = None

    def said(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tell(self, *words):
        """Runs a command of the command line and returns its answer."""
        command = [PROGRAMS / "forerun", "--json", "--socket", self.data / "control.sock", *words]
        done = subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX, check=False
        )
        if done.returncode == 0:
            return json.loads(done.stdout)
        try:
            said = json.loads(done.stderr)["error"]
        except (ValueError, KeyError):
            said = {"what": done.stderr.strip() or done.stdout.strip(), "remedy": ""}
        raise Refusal(done.returncode, said["what"], said["remedy"])

    def create(self, name, *words):
        return self.tell("volume", "create", name, *words)

    def volumes(self):
        return {row["name"]: row for row in self.tell("volume", "list")}

    def counters(self, name):
        return self.volumes()[name]["counters"]

    def await_volume(self, name):
        """Returns when a volume is open."""
        return eventually(lambda: self.volumes().get(name), START_SECONDS_MAX)

    def connect(self, export):
        return nbd.Client(self.socket, export)

    def uri(self, export):
        return f"nbd+unix:///{export}?socket={self.socket}"

    def await_end(self):
        """Waits for a process that ends by itself, and returns its exit code."""
        child, self.child = self.child, None
        try:
            return child.process.wait(START_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            child.kill()
            raise AssertionError(f"the node goes on:\n{self.said()[-4000:]}") from None


class Origin(Child):
    """forerun-origin on a unix socket: any source, made far and slow."""

    def __init__(self, folder, source, *words, name="origin"):
        self.socket = Path(folder) / f"{name}.sock"
        command = [PROGRAMS / "forerun-origin", "--listen", f"unix:{self.socket}", "--source", source, "--export", "image"]
        super().__init__([*command, *words], Path(folder) / f"{name}.log")
        self.url = f"nbd+unix:///image?socket={self.socket}"
        try:
            eventually(lambda: "listening on" in self.said() or not self.alive(), START_SECONDS_MAX)
            assert self.alive(), self.said()
        except BaseException:
            self.kill()
            raise

    def traffic(self):
        """Requests and bytes that went over the link so far."""
        before = self.log.stat().st_size
        self.signal(signal.SIGUSR1)
        told = eventually(lambda: self.log.read_bytes()[before:].strip())
        return json.loads(told.splitlines()[-1])


def run(*command, code=0):
    """Runs a client to its end, checks its exit code, and returns what it said."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX * 2, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == code, f"{' '.join(map(str, command))}: exit code {done.returncode}\n{said[-3000:]}"
    return said


def needs(*tools):
    """Skips a test, or a class of them, where a program is missing."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return unittest.skipIf(missing, f"{', '.join(missing)} is not installed")


def new_folder(cleanup):
    """A temporary one; `cleanup` registers its end. Its name is short, since a unix socket's path is."""
    folder = Path(tempfile.mkdtemp(prefix="fr-", dir="/tmp"))
    cleanup(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Test(unittest.TestCase):
    """Each test has a folder of its own."""

    def setUp(self):
        self.folder = new_folder(self.addCleanup)

    def on(self, resource):
        """Enters a `with` block that ends with the test."""
        return self.enterContext(resource)

    def refused(self, *words, node):
        """What the node says to a command that it must refuse."""
        with self.assertRaises(Refusal) as caught:
            node.tell(*words)
        self.assertEqual(caught.exception.code, 1)
        return caught.exception


def image_file(path, size, seed=7):
    """A raw image without zeroes and without two blocks alike."""
    with open(path, "wb") as out:
        for block in range(size // 4096):
            out.write((b"%016x%016x" % (seed, block)) * 128)
    return path


def main():
    """Runs the tests of a file; all skipped is not the same as all well."""
    for program in ("forerun-node", "forerun", "forerun-origin"):
        if not (PROGRAMS / program).exists():
            print(f"{PROGRAMS / program} is not built")
            sys.exit(SKIPPED)
    result = unittest.main(exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.testsRun > 0 and len(result.skipped) == result.testsRun else 0)
