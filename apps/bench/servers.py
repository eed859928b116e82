"""Starts and ends the servers that take part in a bench: the slow origin, and the peers.

Each is a child process on a unix socket in the bench's own folder, ended by its process id. Each `with` block
leaves nothing behind.
"""
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

START_SECONDS_MAX = 10.0  # To answer on its socket.
STOP_SECONDS_MAX = 10.0  # From SIGTERM until it is killed.


class Failed(Exception):
    """A server or a measuring program did not do its work."""


class Server:
    """A child process that serves NBD on a unix socket."""

    def __init__(self, folder, name, command, export=""):
        self.name = name
        self.socket = Path(folder) / f"{name}.sock"
        self.log = Path(folder) / f"{name}.log"
        self.export = export
        self.command = [str(part).replace("{socket}", str(self.socket)) for part in command]

    @property
    def uri(self):
        return f"nbd+unix:///{self.export}?socket={self.socket}"

    def __enter__(self):
        self.socket.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_for_socket(self.socket, self.process)
        except Failed as reason:
            self.__exit__()
            raise Failed(f"{self.name}: {reason}\n{self.log.read_text(errors='replace')[-2000:]}") from None
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def resident_bytes(self):
        """Resident memory: all of it, and the part that is shared memory (a node's pool)."""
        fields = {}
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            key, _, value = line.partition(":")
            fields[key] = value
        kibibytes = lambda key: int(fields[key].split()[0]) * 1024
        return kibibytes("VmRSS"), kibibytes("RssShmem")

    def cpu_seconds(self):
        """Time on a CPU so far, of all threads that live."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(path.read_text().split()[0]) for path in threads) / 1e9


def wait_for_socket(path, process):
    """Returns when something accepts connections at `path`; fails when the process ends first."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failed(f"ended with status {process.returncode} instead of serving")
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(path))
                return
        except (FileNotFoundError, ConnectionRefusedError):
            time.sleep(0.01)
    raise Failed(f"does not answer on {path}")


def run(command, timeout_seconds=600):
    """Runs a program to its end and returns its standard output."""
    command = [str(part) for part in command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_seconds, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: status {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


class Origin(Server):
    """The slow source that all contenders meet: a pattern image 10 ms and 1 Gbit/s away. It counts its bytes."""

    PATTERN_SEED = 1

    def __init__(self, folder, programs, size, delay="10ms", rate="1Gbit"):
        source = f"pattern:{size}?seed={self.PATTERN_SEED}"
        slow = ["--delay", delay, "--rate", rate]
        super().__init__(
            folder, "origin", [programs / "forerun-origin", "--listen", "unix:{socket}", "--source", source, *slow]
        )

    def bytes_sent(self):
        """What went over the link so far."""
        told = self.log.stat().st_size
        self.process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            lines = self.log.read_bytes()[told:]
            if lines.endswith(b"\n"):
                return json.loads(lines.splitlines()[-1])["bytes"]
            time.sleep(0.005)
        raise Failed("the origin does not say what it sent")


def nbdkit_memory(folder, size):
    return Server(folder, "nbdkit-memory", ["nbdkit", "-f", "-U", "{socket}", "memory", size])


def nbdkit_pattern(folder, size):
    return Server(folder, "nbdkit-pattern", ["nbdkit", "-f", "-U", "{socket}", "pattern", size])


def on_demand(folder, origin):
    """Every read goes to the origin: nbdkit as a proxy, requests in parallel; writes stay in a layer of its own."""
    command = ["nbdkit", "-f", "-U", "{socket}", "--filter=cow", "nbd", f"uri={origin.uri}", "cow-block-size=4096"]
    return Server(folder, "nbdkit-proxy", command)


def qemu_copy_on_read(folder, origin, cluster="1M"):
    """qemu's copy-on-read into an empty overlay: what is read is fetched in whole clusters and kept."""
    overlay = Path(folder) / f"copy-on-read-{cluster}.qcow2"
    overlay.unlink(missing_ok=True)
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", f"cluster_size={cluster}", "-F", "raw", "-b", origin.uri, overlay])
    options = f"driver=copy-on-read,file.driver=qcow2,file.file.driver=file,file.file.filename={overlay}"
    command = ["qemu-nbd", "-t", "-e", "16", "-k", "{socket}", "--image-opts", options]
    return Server(folder, f"qemu-copy-on-read-{cluster}", command)
