"""The provenance log is signed: what was dropped is told, and what was put in its place is found."""
import json
import shutil
import subprocess

from stage import PROGRAMS, Node, Test, image_file, main

SIZE = 1 << 20
DAMAGED = 4  # Exit code of `forerun verify`.


class Custody(Test):
    def setUp(self):
        super().setUp()
        self.image = image_file(self.folder / "image.raw", SIZE)

    def node(self, provenance):
        node = self.on(Node(self.folder, f'[metrics]\nlisten = "off"\n[provenance]\n{provenance}\n'))
        node.create("v", "--image", f"file:{self.image}")
        return node

    def read_and_restart(self, node):
        node.await_volume("v")
        with node.connect("v") as client:
            client.read_all()
        node.end()
        node.start()

    def verify(self, node, *words):
        command = [PROGRAMS / "forerun", "--json", "--socket", node.data / "control.sock", "verify", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, json.loads(done.stdout)

    def test_what_is_too_old_goes_and_the_rest_verifies(self):
        node = self.node('keep_age = "80ms"')
        for _ in range(3):
            self.read_and_restart(node)
        code, said = self.verify(node)
        self.assertEqual((code, said["intact"]), (0, True), said)
        self.assertGreater(said["dropped"]["segments"], 0)
        self.assertGreater(said["dropped"]["records"], 0)
        self.assertEqual(said["dropped"]["records"] + said["records"], node.tell("status")["provenance"]["records"])
        self.assertFalse((node.data / "log/provenance-00000000.log").exists())

    def test_an_end_of_the_log_that_was_taken_away_is_found_by_the_anchor_of_an_orderly_end(self):
        node = self.node("")
        self.read_and_restart(node)
        segment = node.data / "log/provenance-00000000.log"
        shutil.copy(segment, self.folder / "earlier")
        self.read_and_restart(node)
        code, said = self.verify(node)
        self.assertEqual(code, 0, said)
        self.assertEqual(said["anchors"]["passed"], 2)
        node.end()
        shutil.copy(self.folder / "earlier", segment)
        node.start()
        self.assertIn("not the chain that was anchored", node.said())
        code, said = self.verify(node)
        self.assertEqual(code, DAMAGED)
        self.assertIn("not the chain that was anchored in segment 0", said["damage"])

    def test_a_log_is_held_against_the_key_that_somebody_wrote_down(self):
        node = self.node("")
        self.read_and_restart(node)
        key = node.tell("status")["provenance"]["public_key"]
        self.assertRegex(key, "^[0-9a-f]{64}$")
        self.assertEqual((node.data / "provenance.key").stat().st_mode & 0o777, 0o600)
        code, said = self.verify(node, "--key", key)
        self.assertEqual((code, said["public_key"]), (0, key))
        code, said = self.verify(node, "--key", "0" * 64)
        self.assertEqual(code, DAMAGED)
        self.assertIn("anchor invalid", said["damage"])


if __name__ == "__main__":
    main()
