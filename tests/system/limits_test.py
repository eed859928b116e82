"""Sizes are limits that hold, whatever is read."""
from stage import Node, Origin, Test, eventually, image_file, main

MIB = 1 << 20
IMAGE = 64 * MIB
POOL = 4 * MIB
DISK = 8 * MIB


class Limits(Test):
    def test_caches_stay_within_their_limits_and_every_byte_is_right(self):
        image = image_file(self.folder / "image.raw", IMAGE)
        expected = image.read_bytes()
        origin = self.on(Origin(self.folder, f"file:{image}"))
        config = f'[memory]\npool = "{POOL}"\n[disk]\ncache = "{DISK}"\n[metrics]\nlisten = "off"\n'
        node = self.on(Node(self.folder, config))
        node.create("v", "--image", origin.url)
        with node.connect("v") as client:
            for at in [*range(0, IMAGE, MIB), *range(IMAGE - MIB, -1, -5 * MIB)]:
                self.assertTrue(client.read(at, MIB) == expected[at : at + MIB], f"bytes from {at} are wrong")
                if at % (8 * MIB) == 0:
                    self.within(node, slack=4 * MIB)
        # What was on its way out has gone, too.
        eventually(lambda: node.tell("status")["disk_used_bytes"] <= DISK)
        self.within(node, slack=0)
        kept = (node.data / "images/image-1.cache").stat().st_blocks * 512
        self.assertLessEqual(kept, DISK + MIB)
        self.assertGreater(kept, DISK // 2)

    def within(self, node, slack):
        """Blocks that just came may be on disk for a moment before their victims leave."""
        status = node.tell("status")
        self.assertEqual((status["pool_limit_bytes"], status["disk_limit_bytes"]), (POOL, DISK))
        self.assertLessEqual(status["pool_used_bytes"], POOL)
        self.assertLessEqual(status["disk_used_bytes"], DISK + slack)


if __name__ == "__main__":
    main()
