"""Our side of a bench: a node with a data folder of its own, told what to do by `forerun --json`."""
import json
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

from servers import Server, run

DIGEST_SECONDS = 3.0  # Within which a node has learned from a run that ended.


class Node(Server):
    """forerun-node on the default configuration, but for what a bench says."""

    def __init__(self, folder, programs, name="node", pool="64 MiB", prefetch=True, provenance=True, keep=False, traffic_cap=1.3):
        self.programs = programs
        self.keep = keep  # The data folder, for another node to go on with.
        self.data = Path(folder) / name
        config = Path(folder) / f"{name}.toml"
        super().__init__(folder, name, [programs / "forerun-node", "--config", config])
        config.write_text(
            f'data_dir = "{self.data}"\nnbd_socket = "{self.socket}"\n'
            f'[memory]\npool = "{pool}"\n'
            f"[prefetch]\nenabled = {str(prefetch).lower()}\ntraffic_cap = {traffic_cap}\n"
            f"[provenance]\nenabled = {str(provenance).lower()}\n"
            f'[metrics]\nlisten = "off"\n'
        )

    def __exit__(self, *what):
        super().__exit__(*what)
        if not self.keep:
            shutil.rmtree(self.data, ignore_errors=True)

    def tell(self, *words):
        """Runs a command of the command line against this node and returns its answer."""
        control = self.data / "control.sock"
        return json.loads(run([self.programs / "forerun", "--json", "--socket", control, *words]))

    def volume(self, name, image, program, *words):
        """Makes a volume; returns what a client needs: `name`, `socket`, `export`, `uri`."""
        self.tell("volume", "create", name, "--image", image, "--program", program, *words)
        uri = f"nbd+unix:///{name}?socket={self.socket}"
        return SimpleNamespace(name=f"volume {name}", socket=self.socket, export=name, uri=uri)

    def counters(self, name):
        """A volume's counters."""
        return next(row for row in self.tell("volume", "list") if row["name"] == name)["counters"]

    def cpu_of(self, event):
        """CPU seconds that the node spends on what `event()` causes, beyond what it takes when it is idle."""
        time.sleep(DIGEST_SECONDS)  # For what came before.
        begin = self.cpu_seconds()
        time.sleep(DIGEST_SECONDS)
        idle = self.cpu_seconds() - begin
        begin = self.cpu_seconds()
        event()
        time.sleep(DIGEST_SECONDS)
        return max(0.0, self.cpu_seconds() - begin - idle)


def copy_data(source, target):
    """Copies a data folder without filling the holes of its files."""
    run(["cp", "-a", "--sparse=always", source, target])
