"""Files that somebody damaged while the node was down: found, said, and never served."""
import subprocess

import nbd
from stage import PROGRAMS, ROOT, Node, Origin, Test, eventually, image_file, main, run

MIB = 1 << 20
SIZE = 4 * MIB
CLOSING_BATCH = 28  # Bytes; docs/formats/overlay.md
DAMAGED = 4  # Exit code of `forerun verify`.


def flip(path, at):
    """Changes one byte."""
    with open(path, "r+b") as out:
        out.seek(at)
        was = out.read(1)
        out.seek(at)
        out.write(bytes([was[0] ^ 0x55]))


class Damage(Test):
    def setUp(self):
        super().setUp()
        self.image = image_file(self.folder / "image.raw", SIZE)
        self.bytes = self.image.read_bytes()
        self.node = self.on(Node(self.folder, '[metrics]\nlisten = "off"\n'))

    def restarted(self, change):
        self.node.end()
        change()
        self.node.start()

    def write(self, volume, data):
        with self.node.connect(volume) as client:
            client.write(0, data)
            client.flush()

    def test_a_damaged_overlay_map_keeps_its_volume_closed_and_no_other(self):
        self.node.create("hurt", "--image", f"file:{self.image}")
        self.node.create("well", "--image", f"file:{self.image}")
        for name in ("hurt", "well"):
            self.write(name, b"w" * 65536)
        volumes = self.node.data / "volumes"
        hurt = volumes / "volume-1.map"
        sound = hurt.read_bytes()
        ways = {
            "a byte of its header": lambda: flip(hurt, 20),
            "a byte of its first batch": lambda: flip(hurt, 45),
            "a byte of its last runs": lambda: flip(hurt, len(sound) - CLOSING_BATCH - 3),
            "more after its end": lambda: hurt.write_bytes(sound + b"more"),
            "empty": lambda: hurt.write_bytes(b""),
            "gone": hurt.unlink,
        }
        for how, damage in ways.items():
            with self.subTest(how):
                before = len(self.node.said())
                self.restarted(damage)
                eventually(lambda: "volume hurt cannot be opened" in self.node.said()[before:])
                self.node.await_volume("well")
                self.assertIn("volume-1.map", self.node.said()[before:])
                with self.assertRaises(nbd.Refused):
                    self.node.connect("hurt")
                with self.node.connect("well") as client:
                    self.assertEqual(client.read(0, 131072), b"w" * 65536 + self.bytes[65536:131072])
                # It is not touched meanwhile: put right, it opens, and nothing is lost.
                self.restarted(lambda: hurt.write_bytes(sound))
                self.node.await_volume("hurt")
                with self.node.connect("hurt") as client:
                    self.assertEqual(client.read(0, 131072), b"w" * 65536 + self.bytes[65536:131072])
                sound = self.closed_map(hurt)

    def test_an_end_of_a_map_that_a_crash_could_have_left_costs_nothing(self):
        self.node.create("hurt", "--size", "1 MiB")
        self.write("hurt", b"w" * 65536)
        path = self.node.data / "volumes/volume-1.map"
        for damage in (
            lambda: path.write_bytes(path.read_bytes()[:-1]),
            lambda: path.write_bytes(path.read_bytes()[:-CLOSING_BATCH]),
            lambda: flip(path, path.stat().st_size - 3),
        ):
            self.restarted(damage)
            self.node.await_volume("hurt")
            with self.node.connect("hurt") as client:
                self.assertEqual(client.read(0, 131072), b"w" * 65536 + bytes(65536))

    def closed_map(self, path):
        """The map as an orderly end leaves it."""
        self.node.end()
        whole = path.read_bytes()
        self.node.start()
        self.node.await_volume("hurt")
        return whole

    def test_overlay_data_that_is_gone_or_short_is_not_taken_for_an_empty_volume(self):
        self.node.create("hurt", "--image", f"file:{self.image}")
        self.write("hurt", b"w" * 65536)
        data = self.node.data / "volumes/volume-1.data"
        kept = self.folder / "kept"
        for damage in (lambda: data.rename(kept), lambda: data.write_bytes(b"w" * 65536)):
            before = len(self.node.said())
            self.restarted(damage)
            eventually(lambda: "volume hurt cannot be opened" in self.node.said()[before:])
            with self.assertRaises(nbd.Refused):
                self.node.connect("hurt")

    def test_damaged_cached_blocks_are_fetched_again(self):
        origin = self.on(Origin(self.folder, f"file:{self.image}"))
        self.node.create("v", "--image", origin.url)
        self.read_well("v")
        images = self.node.data / "images"
        ways = {
            "a byte of a block": lambda: flip(images / "image-1.cache", 123456),
            "blocks gone": lambda: (images / "image-1.cache").write_bytes(b""),
            "a byte of the checksums": lambda: flip(images / "image-1.sums", 300),
            "checksums cut short": lambda: (images / "image-1.sums").write_bytes(b"FNRSUMS1"),
            "checksums of nothing": lambda: (images / "image-1.sums").write_bytes(b""),
        }
        for how, damage in ways.items():
            with self.subTest(how):
                self.restarted(damage)
                self.node.await_volume("v")
                sent = origin.traffic()["bytes"]
                self.read_well("v")
                self.assertGreater(origin.traffic()["bytes"], sent)
        self.restarted(lambda: None)
        self.node.await_volume("v")
        sent = origin.traffic()["bytes"]
        self.read_well("v")
        self.assertEqual(origin.traffic()["bytes"], sent, "sound blocks on disk were fetched again")

    def read_well(self, volume):
        with self.node.connect(volume) as client:
            self.assertEqual(client.read_all(), self.bytes)
        # What was fetched is on disk soon after.
        eventually(lambda: self.node.tell("status")["disk_used_bytes"] == SIZE)

    def test_a_damaged_model_is_learned_anew_and_said(self):
        origin = self.on(Origin(self.folder, "pattern:560M?seed=7"))
        self.node.create("v", "--image", origin.url, "--program", "alpha")
        replay = [PROGRAMS / "bench-replay", "--connect", f"unix:{self.node.socket}", "--export", "v", "--speed", "100"]
        trace = ROOT / "tests/data/boot/alpha-none-1.csv.gz"
        run(*replay, "--trace", trace, "--pattern-seed", "7")
        self.node.end()
        catalog = self.node.data / "catalog"
        models = self.places(catalog, b"FRRH")  # docs/formats/history.md
        self.assertTrue(models, "no history is in the catalog")
        for at in models:
            flip(catalog, at + 100)
        self.node.start()
        self.node.await_volume("v")
        eventually(lambda: "learned anew" in self.node.said())
        run(*replay, "--trace", trace, "--pattern-seed", "7")

    def places(self, path, what):
        """Where some bytes begin in a file."""
        whole = path.read_bytes()
        found = []
        at = whole.find(what)
        while at >= 0:
            found.append(at)
            at = whole.find(what, at + 1)
        return found

    def test_a_damaged_log_is_located_by_verify_and_the_node_goes_on(self):
        self.node.create("v", "--image", f"file:{self.image}")
        for _ in range(3):
            self.read_well("v")
            self.restarted(lambda: None)  # Each end seals a block.
            self.node.await_volume("v")
        self.assertTrue(self.node.tell("verify")["intact"])
        segment = self.node.data / "log/provenance-00000000.log"
        self.restarted(lambda: flip(segment, 80 + 128 + 10))  # In the first block's payload.
        self.node.await_volume("v")
        done = self.verify()
        self.assertEqual(done.returncode, DAMAGED, done.stdout + done.stderr)
        self.assertIn("damaged", done.stdout)
        self.assertRegex(done.stdout, r"segment 0\b")
        self.assertRegex(self.node.said(), r"provenance log: .* in segment 0 at offset \d+")
        # What comes now is recorded all the same.
        before = self.node.tell("status")["provenance"]["records"]
        self.read_well("v")
        eventually(lambda: self.node.tell("status")["provenance"]["records"] > before)

    def verify(self):
        command = [PROGRAMS / "forerun", "--socket", self.node.data / "control.sock", "verify"]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


if __name__ == "__main__":
    main()
