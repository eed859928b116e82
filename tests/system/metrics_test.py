"""/metrics as Prometheus reads it."""
import re
import urllib.error
import urllib.request

from stage import Node, Origin, Test, eventually, image_file, main

MIB = 1 << 20
SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? (\S+)( \d+)?$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?')
OURS = re.compile(r"^(forerun|caf|process)_[a-z0-9_]+$")


def parsed(text):
    """{(name, labels): value} and {name: type}; raises on what is no Prometheus text."""
    samples, types = {}, {}
    for line in text.splitlines():
        if not line:
            continue
        if line.startswith("#"):
            _, what, name, rest = line.split(" ", 3)
            assert what in ("HELP", "TYPE"), line
            if what == "TYPE":
                assert name not in types, f"{name} has two types"
                assert rest in ("counter", "gauge", "histogram"), line
                types[name] = rest
            continue
        match = SAMPLE.match(line)
        assert match, f"no sample: {line!r}"
        labels = tuple(sorted(LABEL.findall(match[3] or "")))
        key = match[1], labels
        assert key not in samples, f"{key} is there twice"
        samples[key] = float(match[4])
    return samples, types


class Metrics(Test):
    def setUp(self):
        super().setUp()
        self.image = image_file(self.folder / "image.raw", 4 * MIB)
        self.origin = self.on(Origin(self.folder, f"file:{self.image}"))
        self.node = self.on(Node(self.folder))
        self.node.create("v", "--image", self.origin.url)
        self.url = self.node.tell("status")["metrics_url"]

    def metrics(self):
        with urllib.request.urlopen(self.url, timeout=60) as answer:
            self.assertTrue(answer.headers["Content-Type"].startswith("text/plain"))
            return parsed(answer.read().decode())

    def value(self, name, volume="v"):
        return self.metrics()[0].get((name, (("volume", volume),)), 0.0)

    def reads(self, *outcomes, volume="v"):
        """Reads that ended so; all of them when nothing is named."""
        samples, _ = self.metrics()
        return sum(
            value
            for (name, labels), value in samples.items()
            if name == "forerun_volume_reads_total" and dict(labels)["volume"] == volume
            if not outcomes or dict(labels)["outcome"] in outcomes
        )

    def test_names_are_ours_have_a_type_and_counters_end_in_total(self):
        samples, types = self.metrics()
        ours = {name for name, _ in samples if name.startswith("forerun_")}
        self.assertGreater(len(ours), 20)
        for name, _ in samples:
            self.assertRegex(name, OURS)
            family = re.sub(r"_(bucket|sum|count)$", "", name)
            self.assertTrue(name in types or family in types, f"{name} has no type")
        for name in ours:
            self.assertEqual(types[name] == "counter", name.endswith("_total"), name)

    def test_counters_move_with_what_clients_do(self):
        with self.node.connect("v") as client:
            client.read(0, MIB)
            client.read(0, MIB)
            client.write(0, b"w" * 8192)
            eventually(lambda: self.reads() == 2)
            eventually(lambda: self.value("forerun_volume_writes_total") == 1)
            eventually(lambda: self.value("forerun_volume_origin_bytes_total") >= MIB)
            eventually(lambda: self.value("forerun_volume_distinct_read_bytes_total") == MIB)
            self.assertEqual(self.reads("hit"), 1)
            self.assertEqual(self.reads("late", "miss"), 1)
            self.assertEqual(self.value("forerun_volume_overlay_bytes"), 8192)
            self.assertEqual(self.value("forerun_volume_connections"), 1)
            self.assertGreater(self.value("forerun_volume_stall_seconds_total"), 0)
        before = self.metrics()[0]
        with self.node.connect("v") as client:
            client.read(2 * MIB, MIB)
        eventually(lambda: self.reads() == 3)
        after, types = self.metrics()
        for key, value in before.items():
            if types.get(key[0]) == "counter":
                self.assertGreaterEqual(after[key], value, key)

    def test_each_volume_has_figures_of_its_own(self):
        self.node.create("w", "--size", "1 MiB")
        with self.node.connect("w") as client:
            client.write(0, bytes(4096))
            client.read(0, 4096)
        eventually(lambda: self.reads(volume="w") == 1)
        self.assertEqual(self.reads(), 0)
        self.node.tell("volume", "delete", "w")
        self.assertFalse([key for key in self.metrics()[0] if ("volume", "w") in key[1]])

    def test_another_path_is_not_found(self):
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(self.url.replace("/metrics", "/secrets"), timeout=60)
        self.addCleanup(caught.exception.close)
        self.assertEqual(caught.exception.code, 404)


if __name__ == "__main__":
    main()
