"""What the log holds: all of a strict volume, and what the node did itself."""
import os
import subprocess
import sys
import unittest

import nbd
from stage import PROGRAMS, ROOT, Node, Origin, Test, eventually, main, run

sys.path.insert(0, str(ROOT / "tests/support"))
import read_provenance  # noqa: E402  (written from the format's description alone)

MIB = 1 << 20
BLOCK = 4096
IMAGE, SEED = "560M", 7  # The recorded guest's disk.
FIRST, SECOND = (ROOT / f"tests/data/boot/alpha-none-{number}.csv.gz" for number in (1, 2))
QUIET = '[metrics]\nlisten = "off"\n'
KIND_BLOCK, KIND_PROGRAM, KIND_IMAGE_BLOCK = 0, 7, 8


def records(node):
    """The log of a node that has ended."""
    return list(read_provenance.read(node.data / "log"))


class Own(Test):
    """A boot from a cache that is too small for it, and the same again."""

    def boot(self, node, volume, recording):
        command = [PROGRAMS / "bench-replay", "--connect", f"unix:{node.socket}", "--export", volume]
        run(*command, "--trace", recording, "--pattern-seed", SEED, "--speed", "20")
        self.settle(node, volume)

    def settle(self, node, volume):
        """Waits until nothing is on its way and the figures stand still."""
        figures = lambda: (node.counters(volume), node.tell("status")["pool_used_bytes"])

        def still():
            before = figures()
            return node.tell("status")["prefetch"]["in_flight_bytes"] == 0 and before == figures()

        eventually(still, pause=0.3)

    def test_what_the_node_did_is_recorded_as_its_counters_say(self):
        origin = self.on(Origin(self.folder, f"pattern:{IMAGE}?seed={SEED}", "--delay", "2ms", "--rate", "1Gbit"))
        node = Node(self.folder, f'{QUIET}[memory]\npool = "8 MiB"\n[disk]\ncache = "16 MiB"\n')
        node.start()
        self.addCleanup(lambda: node.child and node.kill())
        for volume, recording in (("r1", FIRST), ("r2", SECOND)):
            node.create(volume, "--image", origin.url, "--program", "alpha")
            self.boot(node, volume, recording)
        runs = {name: node.tell("run", "begin", name, "--program", "fsck")["run"] for name in ("r1", "r2")}
        for name in runs:
            node.tell("run", "end", name)
        self.settle(node, "r2")
        counters, status = node.counters("r2"), node.tell("status")
        size = node.volumes()["r1"]["bytes"]
        node.tell("volume", "delete", "r1")
        node.end()

        log = records(node)
        of = lambda operation, **what: [
            record for record in log if record["operation"] == operation and what.items() <= record.items()
        ]
        blocks = lambda found: sum(record["count"] for record in found)
        self.assertEqual(status["provenance"]["dropped"], 0)

        made = of("ALLOCATE", kind=KIND_BLOCK)
        self.assertEqual([(each["value"], each["vm"], each["space"]) for each in made], [("r1", "r1", 1), ("r2", "r2", 2)])
        self.assertEqual([(each["first"], each["count"]) for each in made], [(0, size // BLOCK)] * 2)
        self.assertEqual([(each["vm"], each["space"], each["count"]) for each in of("RELEASE")], [("r1", 1, size // BLOCK)])

        begun = of("EXECUTE", kind=KIND_PROGRAM)
        self.assertEqual([each["value"] for each in begun], ["alpha", "alpha", "fsck", "fsck"])
        self.assertEqual([each["vm"] for each in begun], ["r1", "r2", "r1", "r2"])
        self.assertEqual([each["run"] for each in begun[2:]], [runs["r1"], runs["r2"]])
        self.assertEqual(len({each["first"] for each in begun}), 2)
        # A run's reads carry its name.
        self.assertEqual({each["run"] for each in of("READ", vm="r2")}, {begun[1]["run"]})

        fetched = of("PREFETCH", kind=KIND_IMAGE_BLOCK, outcome="none")
        self.assertGreater(blocks(fetched), 1000)
        self.assertEqual(blocks(fetched), counters["prefetched_blocks"])
        self.assertEqual(sum(each["bytes"] for each in fetched), blocks(fetched) * BLOCK)
        self.assertLess(len(fetched), blocks(fetched) / 2, "neighbours are not joined")

        moved = counters["origin_bytes"] // BLOCK
        for tier, left in (("memory", status["pool_used_bytes"]), ("disk", status["disk_used_bytes"])):
            gone = of("EVICT", kind=KIND_IMAGE_BLOCK, program=f"tier/{tier}")
            # What came while there was no room was not kept, and so not dropped.
            self.assertGreater(blocks(gone), 0.9 * (moved - left // BLOCK), tier)
            self.assertLessEqual(blocks(gone), moved - left // BLOCK, tier)
        self.assertEqual(len(of("READ", vm="r2")), counters["reads"])

        # Whoever asks for a block's history sees that its volume was made.
        node.start()
        rows = [row for row in node.tell("history", "r2", "123") if row["operation"] not in ("PREFETCH", "EVICT")]
        self.assertEqual(rows[-1]["operation"], "ALLOCATE")
        node.end()


class Policy(Test):
    def test_a_volume_has_its_own_audit_or_the_nodes_and_keeps_it(self):
        declared = '[[volume]]\nname = "c"\nsize = "1 MiB"\naudit = "relaxed"\n'
        node = self.on(Node(self.folder, f'{QUIET}[provenance]\naudit = "strict"\n{declared}'))
        node.await_volume("c")
        self.assertEqual(node.create("a", "--size", "1 MiB")["audit"], "strict")
        self.assertEqual(node.create("b", "--size", "1 MiB", "--audit", "relaxed")["audit"], "relaxed")
        expected = {"a": "strict", "b": "relaxed", "c": "relaxed"}
        self.assertEqual({name: row["audit"] for name, row in node.volumes().items()}, expected)
        node.end()
        node.start()
        for name, audit in expected.items():
            self.assertEqual(node.await_volume(name)["audit"], audit)

    def test_without_a_log_nothing_is_audited(self):
        node = self.on(Node(self.folder, f"{QUIET}[provenance]\nenabled = false\n"))
        self.assertEqual(node.create("a", "--size", "1 MiB", "--audit", "strict")["audit"], "off")
        with node.connect("a") as client:
            client.write(0, bytes(BLOCK))
            client.flush()


class Strict(Test):
    def test_what_a_flush_covers_is_on_record_when_it_is_answered(self):
        node = Node(self.folder, QUIET)
        node.start()
        self.addCleanup(lambda: node.child and node.kill())
        node.create("v", "--size", "1 MiB", "--audit", "strict")
        with node.connect("v") as one, node.connect("v") as other:
            for block in range(64):
                (one, other)[block % 2].write(block * BLOCK, bytes([block]) * BLOCK)
                if block % 16 == 15:
                    one.flush()
        # No client left, so nothing was said after the last flush but that.
        node.kill()
        written = [each["first"] for each in records(node) if each["operation"] == "WRITE"]
        self.assertEqual(sorted(written), list(range(64)))


class FullLog(Test):
    DISK = 24 * MIB
    BURST = 32  # So few that sending them never waits.

    def setUp(self):
        super().setUp()
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        if os.geteuid() != 0:
            self.skipTest("mounting a small disk needs root")
        mount = ["mount", "-t", "tmpfs", "-o", f"size={self.DISK}", "tmpfs", self.disk]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            self.skipTest("no small disk can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=True)
        self.node = self.on(Node(self.disk, QUIET))
        for audit in ("strict", "relaxed"):
            self.node.create(audit, "--size", "1 MiB", "--audit", audit)

    def fill(self):
        with open(self.disk / "ballast", "wb") as out:
            try:
                while True:
                    out.write(bytes(MIB))
                    out.flush()
            except OSError:
                pass

    def read(self, client, bursts):
        """Reads in bursts; returns how many answers came before they stopped coming."""
        answers = 0
        try:
            for _ in range(bursts):
                for _ in range(self.BURST):
                    client.send(nbd.READ, 0, 512)
                while client.open:
                    client.receive()
                    answers += 1
        except TimeoutError:
            pass
        return answers

    def test_a_strict_volumes_clients_wait_for_room_and_lose_no_record(self):
        bursts = 4000
        with self.node.connect("strict") as client, self.node.connect("relaxed") as other:
            self.fill()
            client.socket.settimeout(3)
            answers = self.read(client, bursts)
            self.assertLess(answers, bursts * self.BURST)
            self.assertGreater(answers, 65536)
            # Others go on, and the node says what it leaves out.
            self.assertEqual(self.read(other, 80), 80 * self.BURST)
            os.unlink(self.disk / "ballast")
            client.socket.settimeout(nbd.SECONDS_MAX)
            while client.open:
                client.receive()
                answers += 1
            client.flush()
        eventually(lambda: self.node.volumes()["strict"]["counters"]["reads"] == answers)
        self.node.end()
        kept = [each["vm"] for each in records(self.node) if each["operation"] == "READ"]
        self.assertEqual(kept.count("strict"), answers)
        self.node.start()


if __name__ == "__main__":
    unittest.util._MAX_LENGTH = 200
    main()
