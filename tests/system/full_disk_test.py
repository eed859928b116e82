"""A disk without room: writes say so, everything else goes on."""
import os
import subprocess
import unittest

import nbd
from stage import Node, Origin, Test, eventually, image_file, main

MIB = 1 << 20
DISK = 24 * MIB
IMAGE = 8 * MIB


def mounted(folder, size):
    """Mounts a small disk; says why it cannot be."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    return done.stderr.strip() if done.returncode else ""


class FullDisk(Test):
    def setUp(self):
        super().setUp()
        disk = self.folder / "disk"
        disk.mkdir()
        if os.geteuid() != 0:
            self.skipTest("mounting a small disk needs root")
        if refused := mounted(disk, DISK):
            self.skipTest(f"no small disk can be mounted here: {refused}")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        self.image = image_file(self.folder / "image.raw", IMAGE)
        self.origin = self.on(Origin(self.folder, f"file:{self.image}"))
        self.disk = disk
        self.node = self.on(Node(disk, '[memory]\npool = "1 MiB"\n[metrics]\nlisten = "off"\n'))
        self.node.create("written", "--size", "64 MiB")
        self.node.create("read", "--image", self.origin.url)

    def test_writes_fail_with_enospc_reads_go_on_and_freed_room_is_used_again(self):
        expected = {}
        with self.node.connect("written") as client:
            for block in range(64):
                data = bytes([block + 1]) * MIB
                try:
                    client.write(block * MIB, data)
                except nbd.Failed as failed:
                    self.assertEqual(failed.error, nbd.ENOSPC)
                    break
                expected[block] = data
            else:
                self.fail("64 MiB found room on a disk of 24 MiB")
            self.assertGreater(len(expected), 8)
            for block, data in expected.items():
                self.assertEqual(client.read(block * MIB, MIB), data, f"MiB {block}")
        # The image is read although nothing of it can be kept.
        with self.node.connect("read") as client:
            self.assertEqual(client.read_all(), self.image.read_bytes())
            self.assertEqual(client.read_all(), self.image.read_bytes())
        # Room that is given back is there again, for data, flushes and what the log still has to write.
        with self.node.connect("written") as client:
            for block in sorted(expected)[:6]:
                client.trim(block * MIB, MIB)
                expected[block] = bytes(MIB)
            client.flush()
            again = max(expected) + 1
            client.write(again * MIB, b"again" * (MIB // 5) + b".")
            client.flush()
            expected[again] = b"again" * (MIB // 5) + b"."
        self.assertTrue(self.node.tell("verify")["intact"])
        self.node.end()
        self.node.start()
        self.node.await_volume("written")
        with self.node.connect("written") as client:
            for block, data in expected.items():
                self.assertEqual(client.read(block * MIB, MIB), data, f"MiB {block}, after a restart")


class Limit(Test):
    def test_a_volume_past_its_limit_gets_enospc_and_overwrites_still_go(self):
        node = self.on(Node(self.folder, '[disk]\noverlay = "4 MiB"\n[metrics]\nlisten = "off"\n'))
        node.create("v", "--size", "64 MiB")
        with node.connect("v") as client:
            for at in range(4):
                client.write(at * MIB, b"a" * MIB)
            with self.assertRaises(nbd.Failed) as caught:
                client.write(4 * MIB, b"b" * 4096)
            self.assertEqual(caught.exception.error, nbd.ENOSPC)
            client.write(0, b"c" * MIB)
            client.trim(MIB, MIB)
            client.write(4 * MIB, b"b" * MIB)
            client.flush()
            whole = client.read(0, 6 * MIB)
        self.assertEqual(whole, b"c" * MIB + bytes(MIB) + b"a" * 2 * MIB + b"b" * MIB + bytes(MIB))
        self.assertEqual(eventually(lambda: node.volumes()["v"]["overlay_bytes"]), 4 * MIB)


if __name__ == "__main__":
    unittest.util._MAX_LENGTH = 200  # Buffers are long.
    main()
