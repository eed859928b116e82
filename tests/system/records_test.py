"""The provenance log as a stream: followed while it grows, by readers that are slow, killed, or come back."""
import csv
import io
import json
import signal
import subprocess

import nbd
from stage import COMMAND_SECONDS_MAX, PROGRAMS, Node, Test, eventually, main

MIB = 1 << 20
STREAMS_MAX = 64
BEHIND_MAX = 65536  # Positions that a live reader may lie behind.


class Reader:
    """`forerun records WORDS...`; what it says goes to files, or to a pipe that nobody reads yet."""

    def __init__(self, node, folder, *words, pipe=False):
        command = [PROGRAMS / "forerun", "--json", "--socket", node.data / "control.sock", "records", *words]
        self.out_path, self.err_path = folder / f"out-{id(self)}", folder / f"err-{id(self)}"
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if pipe else out, stderr=err
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def rows(self):
        """Whole lines so far."""
        return [json.loads(line) for line in self.out_path.read_bytes().split(b"\n")[:-1]]

    def said(self):
        return [json.loads(line) for line in self.err_path.read_text().splitlines() if line.startswith('{"')]

    def interrupt(self):
        """Ctrl-C; returns the position to go on from."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(COMMAND_SECONDS_MAX) == 0, self.err_path.read_text()
        return self.said()[-1]["next_position"]


def positions(rows):
    return [row["position"] for row in rows]


# What the log begins with: the volume was made, its first run began.
OWN = 2


class Records(Test):
    def setUp(self):
        super().setUp()
        self.node = self.on(Node(self.folder, '[metrics]\nlisten = "off"\n'))
        self.node.create("disk", "--size", "64 MiB", "--program", "gcc")
        self.client = self.on(self.node.connect("disk"))
        self.recorded(0)

    def read(self, count, length=4096):
        """So many reads, each of another block."""
        ahead = 0
        for i in range(count):
            self.client.send(nbd.READ, i % 16384 * 4096, length)
            ahead += 1
            if ahead == 256:
                self.client.receive()
                ahead -= 1
        for _ in range(ahead):
            self.client.receive()

    def records(self, *words):
        """All rows at once."""
        command = [PROGRAMS / "forerun", "--socket", self.node.data / "control.sock", "records", "--format", "jsonl", *words]
        done = subprocess.run([str(word) for word in command], capture_output=True, timeout=COMMAND_SECONDS_MAX, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return [json.loads(line) for line in done.stdout.splitlines()]

    def recorded(self, count):
        """Returns when the log has so many records of clients."""
        eventually(lambda: self.node.tell("status")["provenance"]["records"] >= OWN + count)

    def test_a_follower_sees_what_a_client_reads_while_it_reads(self):
        self.read(10)
        self.recorded(10)
        with Reader(self.node, self.folder, "--follow", "--from", OWN) as reader:
            eventually(lambda: len(reader.rows()) == 10)
            for total in (11, 40, 2000):
                self.read(total - len(reader.rows()))
                eventually(lambda: len(reader.rows()) == total)
            self.assertEqual(positions(reader.rows()), list(range(OWN, OWN + 2000)))
            self.assertEqual({row["program"] for row in reader.rows()}, {"gcc"})
            self.assertEqual(reader.interrupt(), OWN + 2000)

    def test_who_follows_from_now_on_sees_nothing_of_before(self):
        self.read(10)
        self.recorded(10)
        with Reader(self.node, self.folder, "--follow") as reader:
            # What it saw of the new ones tells when it began.
            eventually(lambda: self.read(1) or reader.rows())
            self.assertGreaterEqual(reader.rows()[0]["position"], OWN + 10)

    def test_what_is_read_in_pieces_from_the_printed_positions_is_everything_once(self):
        seen, next_position = [], OWN
        for _ in range(5):
            self.read(300)
            with Reader(self.node, self.folder, "--follow", "--from", next_position) as reader:
                eventually(lambda: len(reader.rows()) > 100)
                next_position = reader.interrupt()
                seen += positions(reader.rows())
        self.recorded(1500)
        seen += positions(self.records("--from", next_position))
        self.assertEqual(seen, list(range(OWN, OWN + 1500)))

    def test_readers_that_are_killed_leave_room_for_others(self):
        self.read(100)
        self.recorded(100)
        for _ in range(STREAMS_MAX + 10):
            with Reader(self.node, self.folder, "--follow", "--from", OWN) as reader:
                eventually(lambda: reader.out_path.stat().st_size > 0)
                reader.process.kill()
        self.assertEqual(len(self.records()), OWN + 100)

    def test_a_slow_reader_that_asked_for_all_gets_all(self):
        total = 20000
        with Reader(self.node, self.folder, "--follow", "--from", OWN, pipe=True) as reader:
            self.read(total, 512)
            self.recorded(total)
            lines = [json.loads(reader.process.stdout.readline()) for _ in range(total)]
            self.assertEqual(positions(lines), list(range(OWN, OWN + total)))
            self.assertEqual(reader.interrupt(), OWN + total)
            self.assertEqual(len(reader.said()), 1)

    def test_a_slow_live_reader_is_told_how_much_it_missed(self):
        total = 2 * BEHIND_MAX
        with Reader(self.node, self.folder, "--follow", "--from", OWN, "--live") as reader:
            self.read(50, 512)
            eventually(lambda: len(reader.rows()) == 50)
            reader.process.send_signal(signal.SIGSTOP)
            self.read(total - 50, 512)
            self.recorded(total)
            reader.process.send_signal(signal.SIGCONT)
            eventually(lambda: reader.rows()[-1]["position"] == OWN + total - 1, 60)
            self.assertEqual(reader.interrupt(), OWN + total)
            seen = positions(reader.rows())
            missed = sum(each.get("missed", 0) for each in reader.said())
            self.assertEqual(sorted(set(seen)), seen)
            self.assertGreater(missed, 0)
            self.assertEqual(len(seen) + missed, total)

    def test_filters_and_formats(self):
        self.client.write(8192, b"w" * 8192)
        self.read(20)
        self.client.trim(8192, 4096)
        self.node.create("other", "--size", "1 MiB")
        with self.node.connect("other") as client:
            client.read(0, 4096)
        self.recorded(23 + OWN)  # The other volume has its own.
        everything = self.records()
        self.assertEqual(positions(everything), list(range(27)))
        only = lambda *words: positions(self.records(*words))
        where = lambda wanted: [row["position"] for row in everything if wanted(row)]
        self.assertEqual(only("--op", "WRITE,delete"), where(lambda row: row["operation"] in ("WRITE", "DELETE")))
        self.assertEqual(only("--volume", "other"), where(lambda row: row["kind"] == "block" and row["space"] == 2))
        self.assertEqual(only("--kind", "block", "--space", "1"), where(lambda row: row["kind"] == "block" and row["space"] == 1))
        covers = lambda row, first, last: row["first"] <= last and row["first"] + row["count"] > first
        self.assertEqual(only("--volume", "disk", "--element", "3"), where(lambda row: row["kind"] == "block" and row["space"] == 1 and covers(row, 3, 3)))
        self.assertEqual(only("--from-element", "3", "--to-element", "9"), where(lambda row: covers(row, 3, 9)))
        self.assertEqual(only("--run", everything[5]["run"]), where(lambda row: row["run"] == everything[5]["run"]))
        self.assertEqual(only("--program", "nobody"), [])
        self.assertEqual(only("--since", "-1h"), list(range(27)))
        self.assertEqual(only("--until", "-1h"), [])
        self.assertEqual(only("--since", everything[5]["time"]), where(lambda row: row["time"] >= everything[5]["time"]))
        self.assertEqual(only("--from", "4", "--rows", "3"), [4, 5, 6])
        self.assertEqual(only("--last", "4"), [23, 24, 25, 26])
        forerun = [PROGRAMS / "forerun", "--socket", self.node.data / "control.sock", "records"]
        text = subprocess.run([*forerun, "--format", "csv"], capture_output=True, text=True, check=True).stdout
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual(rows, [{name: str(value) for name, value in row.items()} for row in everything])
        table = subprocess.run(forerun, capture_output=True, text=True, check=True).stdout.splitlines()
        self.assertEqual(len(table), 28)
        self.refused("records", "--volume", "none", node=self.node)
        self.refused("records", "--name", "nobody", node=self.node)

    def test_a_node_that_goes_away_is_an_error_and_the_position_is_told(self):
        self.read(10)
        self.recorded(10)
        with Reader(self.node, self.folder, "--follow", "--from", OWN) as reader:
            eventually(lambda: len(reader.rows()) == 10)
            self.client.close()
            self.node.end()
            self.assertEqual(reader.process.wait(COMMAND_SECONDS_MAX), 1)
            self.assertEqual(reader.said()[-1], {"next_position": OWN + 10})
            self.assertIn("error", reader.err_path.read_text())
        self.node.start()


if __name__ == "__main__":
    main()
