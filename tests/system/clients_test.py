"""Other people's NBD clients, and a raw one, against a volume."""
import os
import shutil
import subprocess
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import nbd
from stage import Node, Origin, Refusal, Test, eventually, image_file, main, needs, new_folder, run

MIB = 1 << 20
SIZE = 16 * MIB


class Ranges(BaseHTTPRequestHandler):
    """A web server with one file and ranges."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
        with open(self.server.path, "rb") as image:
            size = os.fstat(image.fileno()).st_size
            image.seek(first)
            body = image.read(min(last, size - 1) - first + 1)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{first + len(body) - 1}/{size}")
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Clients(Test):
    @classmethod
    def setUpClass(cls):
        # One node serves all tests, each a volume of its own.
        folder = new_folder(cls.addClassCleanup)
        cls.image = image_file(folder / "image.raw", SIZE)
        cls.origin = cls.enterClassContext(Origin(folder, f"file:{cls.image}"))
        cls.node = cls.enterClassContext(Node(folder))
        cls.made = 0

    def volume(self, *words):
        """A new volume over the image."""
        Clients.made += 1
        name = f"v{Clients.made}"
        self.node.create(name, "--image", self.origin.url, *words)
        return name

    @needs("qemu-io", "qemu-img")
    def test_qemu_io_writes_zeroes_discards_flushes_and_finds_what_it_wrote(self):
        name = self.volume()
        script = [
            "read -P 0x30 0 1",  # The image's first byte.
            "write -P 0x5a 4k 64k",
            "write -P 0x5b 100001 777",  # Inside blocks.
            "write -f -P 0x5c 1M 4k",
            "write -z 2M 128k",
            "write -z 3000001 5000",
            "discard 4M 1M",
            "flush",
            "read -P 0x5a 4k 64k",
            "read -P 0x5b 100001 777",
            "read -P 0x5c 1M 4k",
            "read -P 0 2M 128k",
            "read -P 0 3000001 5000",
            "read -P 0 4M 1M",
        ]
        said = run("qemu-io", "-f", "raw", "-d", "unmap", *[x for c in script for x in ("-c", c)], self.node.uri(name))
        self.assertNotIn("verification failed", said)
        # All of it together is what a plain file would be.
        expected = shutil.copy(self.image, self.folder / "expected.raw")
        with open(expected, "r+b") as out:
            for at, data in (
                (4096, b"\x5a" * 65536),
                (100001, b"\x5b" * 777),
                (MIB, b"\x5c" * 4096),
                (2 * MIB, bytes(128 << 10)),
                (3000001, bytes(5000)),
                (4 * MIB, bytes(MIB)),
            ):
                out.seek(at)
                out.write(data)
        run("qemu-img", "compare", "-f", "raw", "-F", "raw", self.node.uri(name), expected)

    @needs("qemu-img", "nbdcopy")
    def test_a_volume_reads_as_its_image_and_takes_a_whole_copy(self):
        name = self.volume()
        run("qemu-img", "compare", "-f", "raw", "-F", "raw", self.node.uri(name), self.image)
        run("nbdcopy", self.node.uri(name), self.folder / "out.raw")
        self.assertEqual((self.folder / "out.raw").read_bytes(), self.image.read_bytes())
        other = image_file(self.folder / "other.raw", SIZE, seed=8)
        run("nbdcopy", "--flush", other, self.node.uri(name))
        run("qemu-img", "compare", "-f", "raw", "-F", "raw", self.node.uri(name), other)

    @needs("nbdinfo")
    def test_nbdinfo_lists_the_volumes_and_what_they_can_do(self):
        name = self.volume()
        self.node.create("empty", "--size", "1 MiB", "--read-only")
        listed = run("nbdinfo", "--list", self.node.uri(""))
        self.assertIn(f'export="{name}"', listed)
        self.assertIn('export="empty"', listed)
        about = run("nbdinfo", self.node.uri(name))
        for line in (f"export-size: {SIZE}", "can_multi_conn: true", "can_fua: true", "can_trim: true", "is_read_only: false"):
            self.assertIn(line, about)
        self.assertIn("is_read_only: true", run("nbdinfo", self.node.uri("empty")))

    @needs("nbdinfo", "qemu-io")
    def test_block_status_tells_data_from_holes(self):
        self.node.create("sparse", "--size", "1 MiB")
        run("qemu-io", "-f", "raw", "-c", "write -P 1 64k 64k", self.node.uri("sparse"))
        rows = [line.split() for line in run("nbdinfo", "--map", self.node.uri("sparse")).splitlines()]
        self.assertEqual([row[:3] for row in rows], [["0", "65536", "3"], ["65536", "65536", "0"], ["131072", "917504", "3"]])

    def test_a_read_only_volume_refuses_writes_with_eperm(self):
        name = self.volume("--read-only")
        with self.node.connect(name) as client:
            self.assertTrue(client.flags & nbd.HAS_READ_ONLY)
            for command, data in ((nbd.WRITE, bytes(4096)), (nbd.TRIM, b""), (nbd.WRITE_ZEROES, b"")):
                with self.assertRaises(nbd.Failed) as caught:
                    client.wait(client.send(command, 0, 4096, data))
                self.assertEqual(caught.exception.error, nbd.EPERM)
            self.assertEqual(client.read(0, SIZE // 2), self.image.read_bytes()[: SIZE // 2])

    def test_a_request_past_the_end_is_einval_or_enospc_and_the_connection_goes_on(self):
        name = self.volume()
        with self.node.connect(name) as client:
            for command, data, errors in (
                (nbd.READ, b"", {nbd.EINVAL}),
                (nbd.WRITE, bytes(8192), {nbd.EINVAL, nbd.ENOSPC}),
                (nbd.TRIM, b"", {nbd.EINVAL, nbd.ENOSPC}),
            ):
                for offset in (SIZE - 4096, SIZE, (1 << 64) - 4096):
                    with self.assertRaises(nbd.Failed) as caught:
                        client.wait(client.send(command, offset, 8192, data))
                    self.assertIn(caught.exception.error, errors)
            self.assertEqual(client.read(SIZE - 4096, 4096), self.image.read_bytes()[-4096:])

    def test_an_unknown_export_is_refused_in_words(self):
        with self.assertRaises(nbd.Refused) as caught:
            self.node.connect("nobody")
        self.assertIn("no such export", str(caught.exception))

    def test_tcp_on_loopback_serves_one_volume_or_all(self):
        name = self.volume()
        place = self.node.tell("volume", "export", name, "--listen", "tcp:127.0.0.1:0")
        address = next(each for each in place["addresses"] if each.startswith("tcp:"))
        host, port = address.removeprefix("tcp:").rsplit(":", 1)
        self.assertNotEqual(port, "0")
        with nbd.Client((host, int(port)), name) as client:
            self.assertEqual(client.read(0, 4096), self.image.read_bytes()[:4096])

    def test_a_file_is_an_image_and_its_last_odd_bytes_are_served(self):
        odd = self.folder / "odd.raw"
        odd.write_bytes(self.image.read_bytes()[: MIB + 1000])
        self.node.create("odd", "--image", f"file:{odd}")
        with self.node.connect("odd") as client:
            self.assertEqual(client.size, MIB + 1000)
            self.assertEqual(client.read_all(), odd.read_bytes())
            client.write(MIB + 500, b"end" * 100)
            client.flush()
            self.assertEqual(client.read(MIB + 500, 300), b"end" * 100)
            self.assertEqual(client.read(MIB, 500), odd.read_bytes()[MIB : MIB + 500])

    def test_a_web_server_with_ranges_is_an_origin(self):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Ranges)
        server.path = self.image
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(lambda: (server.shutdown(), thread.join(), server.server_close()))
        self.node.create("web", "--image", f"http://127.0.0.1:{server.server_port}/image")
        with self.node.connect("web") as client:
            self.assertEqual(client.read_all(), self.image.read_bytes())

    def test_many_requests_at_once_each_get_their_own_answer(self):
        name = self.volume()
        expected = self.image.read_bytes()
        with self.node.connect(name) as client:
            asked = {}
            for i in range(512):
                offset, length = i * 28661 % (SIZE - 65536), 1 + i * 127 % 65536
                asked[client.send(nbd.READ, offset, length)] = (offset, length)
                while len(client.open) > 32:
                    self.answer_is_right(client, asked, expected)
            while client.open:
                self.answer_is_right(client, asked, expected)

    def test_a_hint_to_cache_is_prefetched_and_says_so(self):
        name = self.volume()
        expected = self.image.read_bytes()
        first = (SIZE // 2) // 4096
        self.node.tell("cache", "drop")
        with self.node.connect(name) as client:
            client.wait(client.send(nbd.CACHE, first * 4096, 1 << 20))
            eventually(lambda: self.node.tell("why", name, first + 255)["place"] in ("memory", "disk"))
            self.assertEqual(self.node.tell("why", name, first)["plan"]["by"], "hint")
            self.assertEqual(client.read(first * 4096, 1 << 20), expected[first * 4096 :][: 1 << 20])
            eventually(lambda: self.node.counters(name)["hits"] == 1)
        self.assertEqual(self.node.tell("why", name, first + 100)["settled"], "hit")

    def answer_is_right(self, client, asked, expected):
        cookie, error, data = client.receive()
        offset, length = asked.pop(cookie)
        self.assertEqual((error, data == expected[offset : offset + length]), (0, True), (offset, length))

    def test_a_name_that_exists_and_a_volume_without_size_or_image_are_refused(self):
        name = self.volume()
        self.assertIn("already", self.refused("volume", "create", name, "--size", "1 MiB", node=self.node).what)
        self.assertIn("image or a size", self.refused("volume", "create", "w", node=self.node).what)
        with self.assertRaises(Refusal):
            self.node.tell("volume", "create", "../w", "--size", "1 MiB")


if __name__ == "__main__":
    main()
