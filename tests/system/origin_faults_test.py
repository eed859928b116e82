"""Origins that go, come back, get shorter or become something else: an error in time, never wrong data."""
import os
import signal
import time

import nbd
from stage import Node, Origin, Test, eventually, image_file, main

MIB = 1 << 20
SIZE = 4 * MIB
CONFIG = """
[origin]
timeout = "300ms"
retries = 1
[prefetch]
enabled = false
[metrics]
listen = "off"
"""


class OriginFaults(Test):
    def setUp(self):
        super().setUp()
        self.image = image_file(self.folder / "image.raw", SIZE)
        self.bytes = self.image.read_bytes()
        self.node = self.on(Node(self.folder, CONFIG))

    def fails(self, client, offset, length=4096):
        with self.assertRaises(nbd.Failed) as caught:
            client.read(offset, length)
        self.assertEqual(caught.exception.error, nbd.EIO)

    def reads_again(self, client, offset):
        def there():
            try:
                return client.read(offset, 4096)
            except nbd.Failed:
                return None

        self.assertEqual(eventually(there), self.bytes[offset : offset + 4096])

    def test_an_origin_that_is_gone_costs_eio_for_what_is_not_here_and_is_used_when_it_is_back(self):
        origin = self.on(Origin(self.folder, f"file:{self.image}"))
        self.node.create("v", "--image", origin.url)
        with self.node.connect("v") as client:
            self.assertEqual(client.read(0, MIB), self.bytes[:MIB])
            origin.kill()
            self.fails(client, 2 * MIB)
            self.assertEqual(client.read(0, MIB), self.bytes[:MIB])
            client.write(3 * MIB, b"w" * 4096)
            client.flush()
            self.assertEqual(client.read(3 * MIB, 4096), b"w" * 4096)
            self.fails(client, 3 * MIB + 4096)
            origin.socket.unlink(missing_ok=True)
            self.on(Origin(self.folder, f"file:{self.image}", name="origin"))
            self.reads_again(client, 2 * MIB)
            self.assertEqual(client.read(0, 2 * MIB), self.bytes[: 2 * MIB])

    def test_an_origin_that_hangs_costs_eio_and_is_used_when_it_goes_on(self):
        origin = self.on(Origin(self.folder, f"file:{self.image}"))
        self.node.create("v", "--image", origin.url)
        with self.node.connect("v") as client:
            client.read(0, 4096)
            origin.freeze()
            try:
                self.fails(client, MIB)
                self.assertEqual(client.read(0, 4096), self.bytes[:4096])
            finally:
                origin.signal(signal.SIGCONT)
            self.reads_again(client, MIB)

    def test_a_volume_whose_origin_is_away_at_start_opens_when_it_comes(self):
        origin = self.on(Origin(self.folder, f"file:{self.image}"))
        self.node.create("v", "--image", origin.url)
        with self.node.connect("v") as client:
            client.write(4096, b"w" * 4096)
            client.flush()
        self.node.end()
        origin.kill()
        origin.socket.unlink(missing_ok=True)
        self.node.start()
        eventually(lambda: "volume v cannot be opened" in self.node.said())
        self.assertEqual(self.node.tell("status")["volumes"], 1)
        with self.assertRaises(nbd.Refused):
            self.node.connect("v")
        self.on(Origin(self.folder, f"file:{self.image}", name="origin"))
        self.node.await_volume("v")
        with self.node.connect("v") as client:
            self.assertEqual(client.read(0, 12288), self.bytes[:4096] + b"w" * 4096 + self.bytes[8192:12288])

    def test_a_file_that_is_cut_or_rewritten_under_us_is_an_error_and_never_other_bytes(self):
        for name, change in (("cut", self.cut), ("rewritten", self.rewrite)):
            with self.subTest(name):
                image = image_file(self.folder / f"{name}.raw", SIZE)
                self.node.create(name, "--image", f"file:{image}")
                with self.node.connect(name) as client:
                    self.assertEqual(client.read(0, MIB), self.bytes[:MIB])
                    time.sleep(0.05)  # A rewriting within the file system's tick would have the same time.
                    change(image)
                    self.fails(client, 3 * MIB)
                    self.fails(client, 2 * MIB)
                    self.assertEqual(client.read(0, MIB), self.bytes[:MIB])

    def cut(self, image):
        os.truncate(image, SIZE // 2 + 100)

    def rewrite(self, image):
        with open(image, "r+b") as out:
            out.write(b"x" * SIZE)

    def test_an_image_of_another_size_at_start_is_refused_and_the_volume_stays(self):
        self.node.create("v", "--image", f"file:{self.image}")
        self.node.create("other", "--size", "1 MiB")
        with self.node.connect("v") as client:
            client.write(0, b"w" * 4096)
            client.flush()
        self.node.end()
        os.truncate(self.image, SIZE * 2)
        self.node.start()
        self.node.await_volume("other")
        eventually(lambda: "another size" in self.node.said())
        with self.assertRaises(nbd.Refused):
            self.node.connect("v")
        # Put right, it opens without a restart, with what was written.
        self.image.write_bytes(self.bytes)
        self.node.await_volume("v")
        with self.node.connect("v") as client:
            self.assertEqual(client.read(0, 8192), b"w" * 4096 + self.bytes[4096:8192])

    def test_an_image_that_changed_while_the_node_was_down_is_not_mixed_with_what_was_kept_of_it(self):
        self.node.create("v", "--image", f"file:{self.image}")
        with self.node.connect("v") as client:
            client.read_all()
        self.node.end()
        time.sleep(0.05)
        image_file(self.image, SIZE, seed=8)
        self.node.start()
        self.node.await_volume("v")
        with self.node.connect("v") as client:
            self.assertEqual(client.read_all(), self.image.read_bytes())
        self.assertIn("is not what it was", self.node.said())

    def test_an_image_that_cannot_be_opened_makes_no_volume(self):
        for url in (f"file:{self.folder}/nothing", "http://127.0.0.1:1/image", "ftp://here/image"):
            refusal = self.refused("volume", "create", "v", "--image", url, node=self.node)
            self.assertTrue(refusal.what)
        empty = self.folder / "empty.raw"
        empty.touch()
        self.refused("volume", "create", "v", "--image", f"file:{empty}", node=self.node)
        self.assertEqual(self.node.volumes(), {})


if __name__ == "__main__":
    main()
