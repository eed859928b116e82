"""Who wrote what was read, asked of a real node: written and read by QEMU, drawn by GraphViz, read as PROV."""
import csv
import io
import json
import subprocess
import sys
import xml.etree.ElementTree

from stage import COMMAND_SECONDS_MAX, PROGRAMS, ROOT, Node, Test, eventually, main, needs, run

RECORD = "forerun:block/1/8-15@"
BLOCKS = ("--kind", "block")  # That a program began is an EXECUTE, too, and of the program.


def python_with(package):
    """A Python that can import it; Debian puts its packages where only its own finds them."""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", f"import {package}"], capture_output=True, check=False).returncode == 0:
            return python
    return None


@needs("qemu-io")
class Lineage(Test):
    """`gcc` writes blocks 8 to 15; `ld` reads some of them and writes block 100; `cat` reads that."""

    def setUp(self):
        super().setUp()
        self.node = self.on(Node(self.folder, '[metrics]\nlisten = "off"\n'))
        self.node.create("disk", "--size", "1 MiB")
        self.runs = {}
        self.as_program("gcc", "write -P 0x11 32k 32k")
        self.as_program("ld", "read -P 0x11 36k 8k", "read -P 0 512k 4k", "write -P 0x22 400k 4k")
        self.as_program("cat", "read -P 0x22 400k 4k")
        self.wrote = {}
        for row in self.records("--op", "WRITE"):
            self.wrote[row["program"]] = row["position"]
        self.assertEqual(sorted(self.wrote), ["gcc", "ld"])

    def as_program(self, program, *commands):
        """One run of it, by QEMU's own client."""
        self.runs[program] = self.node.tell("run", "begin", "disk", "--program", program)["run"]
        words = [word for command in commands for word in ("-c", command)]
        said = run("qemu-io", "-f", "raw", *words, self.node.uri("disk"))
        self.assertNotIn("verification failed", said)
        self.node.tell("run", "end", "disk")
        eventually(lambda: len(self.records("--program", program, "--op", "READ,WRITE")) >= len(commands))

    def forerun(self, *words, code=0):
        """What the command line prints, and what it says beside."""
        command = [PROGRAMS / "forerun", "--socket", self.node.data / "control.sock", *words]
        done = subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX, check=False
        )
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout, done.stderr

    def records(self, *words):
        return [json.loads(line) for line in self.forerun("records", "--format", "jsonl", *words)[0].splitlines()]

    def origins(self, *words):
        return [json.loads(line) for line in self.forerun("origins", "--format", "jsonl", *words)[0].splitlines()]

    def test_origins_name_the_run_that_wrote_what_another_read(self):
        read, zeroes = self.origins("--run", self.runs["ld"], *BLOCKS)
        self.assertEqual((read["program"], read["first"], read["count"]), ("ld", 9, 2))
        (part,) = read["parts"]
        self.assertEqual((part["first"], part["count"]), (9, 2))
        self.assertEqual(part["writer"]["program"], "gcc")
        self.assertEqual(part["writer"]["run"], self.runs["gcc"])
        self.assertEqual(part["writer"]["position"], self.wrote["gcc"])
        self.assertEqual([part["writer"] for part in zeroes["parts"]], [None])
        # The filters of `records` say which reads are meant.
        (read,) = self.origins("--volume", "disk", "--element", 100)
        self.assertEqual((read["program"], read["parts"][0]["writer"]["program"]), ("cat", "ld"))
        # An overwritten version is what was read all the same.
        self.as_program("late", "write -P 0x33 32k 32k")
        self.assertEqual(self.origins("--run", self.runs["ld"], *BLOCKS)[0]["parts"][0]["writer"]["program"], "gcc")

    def test_origins_can_be_asked_for_piece_by_piece(self):
        out, said = self.forerun("--json", "origins", "--last", 1, *BLOCKS)
        self.assertEqual(json.loads(out)["program"], "cat")
        before = json.loads(said)["before"]
        out, said = self.forerun("--json", "origins", "--last", 2, "--before", before, *BLOCKS)
        self.assertEqual([json.loads(line)["program"] for line in out.splitlines()], ["ld", "ld"])
        text, _ = self.forerun("origins", "--format", "csv", *BLOCKS)
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual([row["writer_program"] for row in rows], ["gcc", "", "ld"])
        table, _ = self.forerun("origins")
        self.assertIn("as it began", table)

    def test_ancestors_lead_to_the_first_writer_and_descendants_back(self):
        newest, said = self.forerun("graph", "ancestors", "disk/100", "--format", "jsonl")
        self.assertEqual(said, "")
        edges = [json.loads(line) for line in newest.splitlines()]
        derived = [(it["from"], it["to"]) for it in edges if it["relation"] == "wasDerivedFrom"]
        self.assertIn((f"forerun:block/1/100@{self.wrote['ld']}", f"{RECORD}{self.wrote['gcc']}"), derived)
        makers = {it["from"]: it["to"] for it in edges if it["relation"] == "wasGeneratedBy"}
        self.assertIn("/gcc/", makers[f"{RECORD}{self.wrote['gcc']}"])

        text, _ = self.forerun("graph", "descendants", f"block/1/9@{self.wrote['gcc']}", "--format", "csv")
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertTrue(any(row["relation"] == "used" and "/cat/" in row["from"] for row in rows), text)
        # Block 12 was written with the others, and nobody read it.
        text, _ = self.forerun("graph", "descendants", "disk/12")
        self.assertIn("the log leads no further", text)

        table, _ = self.forerun("graph", "path", "disk/9", "disk/100")
        self.assertIn("wasDerivedFrom", table)
        _, said = self.forerun("graph", "path", "disk/100", "disk/9", code=1)
        self.assertIn("not derived", said)
        self.refused("graph", "ancestors", "none/9", node=self.node)
        self.refused("graph", "ancestors", "disk/256", node=self.node)
        self.refused("graph", "ancestors", "name:nobody", node=self.node)

    def test_the_version_before_a_position_is_another_one(self):
        began, _ = self.forerun("graph", "ancestors", "disk/100@start", "--json")
        entities = json.loads(began)["entity"]
        self.assertEqual(list(entities), ["forerun:block/1/100@start"])
        self.as_program("late", "write -P 0x33 400k 4k")
        then, _ = self.forerun("graph", "ancestors", f"disk/100@{self.wrote['ld']}", "--json")
        now, _ = self.forerun("graph", "ancestors", "disk/100", "--json")
        self.assertIn("/ld/", str(list(json.loads(then)["activity"])))
        self.assertNotIn("/ld/", str(list(json.loads(now)["activity"])))

    def test_elements_that_have_a_name_are_shown_by_it(self):
        path = self.folder / "k.csv"
        path.write_text("ts_ms,op,key,size,client\n1,set,k:1,10,ann\n2,get,k:1,10,bob\n3,set,k:2,9,bob\n")
        self.node.tell("import", path)
        (read,) = self.origins("--name", "k:1")
        self.assertEqual((read["name"], read["user"], read["parts"][0]["writer"]["user"]), ("k:1", "bob", "ann"))
        text, _ = self.forerun("graph", "ancestors", "name:k:2", "--json")
        labels = {entity.get("prov:label") for entity in json.loads(text)["entity"].values()}
        self.assertEqual(labels, {"k:1", "k:2"})
        table, _ = self.forerun("graph", "path", "name:k:1", "name:k:2")
        self.assertIn("(k:1)", table)
        (read,) = self.origins("--run", self.runs["cat"], *BLOCKS)
        self.assertEqual(read["name"], "disk")

    def test_a_limit_that_is_reached_is_said(self):
        _, said = self.forerun("graph", "ancestors", "disk/100", "--nodes", 3)
        self.assertIn("after 3 nodes", said)
        _, said = self.forerun("--json", "graph", "ancestors", "disk/100", "--depth", 1)
        self.assertEqual(json.loads(said)["complete"], False)

    def test_prov_json_is_read_by_the_package_prov(self):
        python = python_with("prov.model")
        if python is None:
            self.skipTest("there is no Python package prov (Debian: python3-prov)")
        path = self.folder / "graph.json"
        self.forerun("graph", "ancestors", "disk/100", "--format", "prov-json", "--output", path)
        said = run(python, ROOT / "tests/support/read_exports.py", "prov", path)
        self.assertIn("missing []", said)
        for program in ("gcc", "ld"):
            self.assertIn(f'forerun:agent/program/{program} "{program}"', said)

    @needs("dot")
    def test_graphviz_draws_it(self):
        text, _ = self.forerun("graph", "ancestors", "disk/100", "--format", "dot")
        drawn = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True, check=True)
        self.assertEqual(drawn.stderr, "")
        path = self.folder / "graph.svg"
        self.forerun("graph", "ancestors", "disk/100", "--format", "svg", "--output", path)
        for svg in (drawn.stdout, path.read_text()):
            words = {it.text for it in xml.etree.ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}
            self.assertLessEqual({"gcc", "ld", "block 100 of 1"}, words)


if __name__ == "__main__":
    main()
