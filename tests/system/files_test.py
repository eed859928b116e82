"""An image says itself what its first boot will read; one that cannot be read is served all the same."""
import os
import time
from pathlib import Path

from stage import Node, Origin, Test, eventually, main, needs, run

BLOCK = 4096
IMAGE_BYTES = 16 << 20
SHELL = Path(os.path.realpath("/bin/sh")).read_bytes()  # A program that loads nothing here but itself.


def damage(image):
    """Descriptors, bitmaps and inode tables turn to noise; the superblock stays."""
    with open(image, "r+b") as out:
        out.seek(BLOCK)
        out.write(os.urandom(1 << 20))


@needs("mke2fs")
class Files(Test):
    def setUp(self):
        super().setUp()
        root = self.folder / "root"
        for name, content in {
            "sbin/init": b"#!/bin/sh\nexit\n",
            "bin/sh": SHELL,
            "srv/never": os.urandom(300_000),
        }.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
        self.image = self.folder / "image.raw"
        with open(self.image, "wb") as out:
            out.truncate(IMAGE_BYTES)
        run("mke2fs", "-q", "-F", "-t", "ext4", "-b", BLOCK, "-d", root, self.image)
        self.node = self.on(Node(self.folder, '[metrics]\nlisten = "off"\n'))

    def serve(self, *words):
        self.origin = self.on(Origin(self.folder, f"file:{self.image}", *words))
        self.node.create("v", "--image", self.origin.url)

    def read_all(self):
        with self.node.connect("v") as client:
            return b"".join(client.read(at, 1 << 20) for at in range(0, IMAGE_BYTES, 1 << 20))

    def known(self):
        return eventually(lambda: "files;" in self.node.said())

    def test_its_files_are_known_and_what_a_boot_needs_is_hot(self):
        self.serve()
        self.known()
        heat = self.node.tell("heat", "v", "--files")
        self.assertEqual(heat["files"], 3)
        hot = {row["path"]: row["probability"] for row in heat["hottest"]}
        self.assertGreater(hot["/sbin/init"], 0.5)
        self.assertGreater(hot["/bin/sh"], 0.5)
        self.assertNotIn("/srv/never", hot)

    def test_the_first_run_is_foreseen_and_why_names_the_image(self):
        self.serve()
        self.known()
        shell = self.image.read_bytes().index(SHELL[:BLOCK]) // BLOCK
        with self.node.connect("v") as client:
            for block in range(3):
                client.read(block * BLOCK, BLOCK)
            # The middle of the shell, which nobody has looked at.
            why = eventually(
                lambda: (row := self.node.tell("why", "v", str(shell + 12)))["settled"] == "pending" and row
            )
            self.assertEqual(why["plan"]["by"], "static-analysis")

    def test_what_was_found_is_kept_for_the_nodes_next_life(self):
        self.serve()
        self.known()
        self.node.end()
        sent = self.origin.traffic()
        self.node.start()
        self.node.await_volume("v")
        heat = eventually(lambda: self.node.tell("heat", "v", "--files"))
        self.assertEqual(heat["files"], 3)
        self.assertEqual(self.origin.traffic()["bytes"], sent["bytes"])

    def test_an_image_that_cannot_be_read_is_served_and_the_question_refused(self):
        damage(self.image)
        self.serve()
        self.assertEqual(self.read_all(), self.image.read_bytes())
        eventually(lambda: "are not known" in self.node.said())
        refused = self.refused("heat", "v", "--files", node=self.node)
        self.assertIn("not known", refused.what)
        self.assertIn("without --files", refused.remedy)
        self.assertTrue(self.node.tell("heat", "v")["regions"])

    def test_looking_into_an_image_far_away_keeps_neither_a_reader_nor_the_end_waiting(self):
        self.serve("--delay", "400ms")
        before = time.monotonic()
        with self.node.connect("v") as client:
            client.read(IMAGE_BYTES - BLOCK, BLOCK)
        self.assertLess(time.monotonic() - before, 2.0)
        before = time.monotonic()
        self.node.end()
        self.assertLess(time.monotonic() - before, 5.0)
        self.node.start()


if __name__ == "__main__":
    main()
