"""How a node starts, refuses to, and ends."""
import os
import signal
import socket
import subprocess
import threading

import nbd
from stage import PROGRAMS, Node, Refusal, Test, eventually, main

MIB = 1 << 20
USAGE = 2


class Start(Test):
    def checked(self, text):
        """What `forerun-node --check` says about a configuration: exit code and lines."""
        path = self.folder / "node.toml"
        path.write_text(text)
        command = [PROGRAMS / "forerun-node", "--config", path, "--check"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stderr.replace(f"{path}", "node.toml")

    def test_a_bad_configuration_is_refused_with_file_line_and_column(self):
        for text, said in (
            ("format = 2\n", "node.toml:1:10: "),
            ('[memory]\npol = "1 GiB"\n', 'node.toml:2:1: unknown key "pol" in [memory]; did you mean "pool"?'),
            ('[memory]\npool = "much"\n', "node.toml:2:8: "),
            ("[prefetch]\nbandwidth_share = 7\n", "node.toml:2:19: "),
            ('[nbd]\nlisten = ["tcp:0.0.0.0:10809"]\n', "node.toml:2:11: "),
            ("[nbd\n", "node.toml:1:"),
        ):
            with self.subTest(text):
                code, told = self.checked(text)
                self.assertEqual(code, USAGE, told)
                self.assertIn(said, told)
        code, told = self.checked("a = 1\nb = 2\n[nbd]\nio_threads = 99\n")
        self.assertEqual([line.split(" ")[0] for line in told.splitlines()], ["node.toml:1:1:", "node.toml:2:1:", "node.toml:4:14:"])
        self.assertEqual(code, USAGE)
        self.assertEqual(self.checked("format = 1\n")[0], 0)

    def test_a_bad_configuration_does_not_start(self):
        node = Node(self.folder, "[memory]\npool = -1\n")
        with self.assertRaises(AssertionError):
            node.start()
        self.assertEqual(node.child.process.wait(60), USAGE)
        self.assertFalse(node.data.exists())

    def test_a_second_node_on_the_same_folder_is_refused_and_names_the_first(self):
        first = self.on(Node(self.folder))
        first.create("v", "--size", "1 MiB")
        command = [PROGRAMS / "forerun-node", "--data-dir", first.data]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(second.returncode, 1)
        self.assertIn(f"in use by process {first.pid}", second.stderr)
        with first.connect("v") as client:
            client.write(0, b"w" * 4096)
            self.assertEqual(client.read(0, 4096), b"w" * 4096)
        self.assertEqual(set(first.volumes()), {"v"})

    def test_an_address_that_others_can_reach_is_refused_without_insecure(self):
        node = self.on(Node(self.folder))
        node.create("v", "--size", "1 MiB")
        refusal = self.refused("volume", "export", "v", "--listen", "tcp:0.0.0.0:0", node=node)
        self.assertIn("insecure", refusal.what + refusal.remedy)

    def test_after_kill_9_its_sockets_are_taken_over(self):
        node = self.on(Node(self.folder))
        node.create("v", "--size", "1 MiB")
        node.kill()
        self.assertTrue(node.socket.exists())
        node.start()
        node.await_volume("v")
        with node.connect("v") as client:
            self.assertEqual(client.read(0, 4096), bytes(4096))
        self.assertEqual(os.stat(node.data / "control.sock").st_mode & 0o777, 0o600)

    def test_readiness_is_told_to_the_service_manager(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            path = self.folder / "notify"
            manager.bind(str(path))
            manager.settimeout(60)
            os.environ["NOTIFY_SOCKET"] = str(path)
            self.addCleanup(os.environ.pop, "NOTIFY_SOCKET", None)
            node = Node(self.folder)
            node.launch()
            self.assertIn(b"READY=1", manager.recv(4096))
            node.tell("status")
            node.end()
            self.assertIn(b"STOPPING=1", manager.recv(4096))

    def test_sigterm_under_load_ends_well_and_keeps_all_that_was_acknowledged(self):
        node = self.on(Node(self.folder))
        node.create("v", "--size", "16 MiB")
        acknowledged = [{} for _ in range(4)]  # Of each client: place, what was written there.
        working = [threading.Event() for _ in acknowledged]
        wrong = []

        def work(number):
            try:
                with node.connect("v") as client:
                    at = number
                    while True:
                        data = b"%08d" % at * 512
                        client.write(at % 4096 * 4096, data)
                        acknowledged[number][at % 4096] = data
                        at += len(acknowledged)
                        if len(acknowledged[number]) == 50:
                            working[number].set()
            except nbd.Lost:
                pass
            except nbd.Failed as failed:
                # The spec's word for a server that is going.
                if failed.error != 108:
                    wrong.append(failed)
            except Exception as other:
                wrong.append(other)
            finally:
                working[number].set()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(len(acknowledged))]
        for thread in threads:
            thread.start()
        for event in working:
            event.wait(60)
        node.end()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        node.start()
        node.await_volume("v")
        with node.connect("v") as client:
            for each in acknowledged:
                self.assertGreater(len(each), 0)
                for block, data in each.items():
                    self.assertEqual(client.read(block * 4096, 4096), data, f"block {block}")
        self.assertTrue(node.tell("verify")["intact"])

    def test_a_volume_in_use_is_not_deleted_and_afterwards_is(self):
        node = self.on(Node(self.folder))
        node.create("v", "--size", "1 MiB")
        with node.connect("v") as client:
            client.write(0, b"w" * 4096)
            self.assertIn("in use", self.refused("volume", "delete", "v", node=node).what)
            self.assertEqual(client.read(0, 4096), b"w" * 4096)
        self.deleted(node, "v")
        with self.assertRaises(nbd.Refused):
            node.connect("v")
        self.assertEqual(list((node.data / "volumes").iterdir()), [])
        # A new one of the same name has nothing of the old.
        node.create("v", "--size", "1 MiB")
        with node.connect("v") as client:
            self.assertEqual(client.read(0, 4096), bytes(4096))

    def deleted(self, node, name):
        """A client that has just left may still be counted."""
        def gone():
            try:
                return node.tell("volume", "delete", name)
            except Refusal:
                return None

        eventually(gone)

    def test_the_configuration_makes_its_volumes_once(self):
        config = '[[volume]]\nname = "v"\nsize = "1 MiB"\n'
        node = self.on(Node(self.folder, config))
        node.await_volume("v")
        with node.connect("v") as client:
            client.write(0, b"w" * 4096)
        node.end()
        node.start()
        node.await_volume("v")
        with node.connect("v") as client:
            self.assertEqual(client.read(0, 4096), b"w" * 4096)


if __name__ == "__main__":
    main()
