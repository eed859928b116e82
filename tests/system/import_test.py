"""Recordings of what happened elsewhere: they go into the log, marked as such, and teach a volume's models."""
import gzip
import json
import os
import re
import subprocess
from pathlib import Path

from stage import PROGRAMS, ROOT, Node, Origin, Refusal, Test, eventually, main, run

BOOTS = ROOT / "tests/data/boot"
SHARED = Path(os.environ.get("FORERUN_TRACES", ROOT.parent / "shared/traces"))
CONFIG = '[metrics]\nlisten = "off"\n'

BLOCK = """ts_us,volume,op,offset_bytes,length_bytes
0,alpha,R,8192,8192
5000000,alpha,W,4096,512
5000001,alpha,F,0,0
5000002,beta,D,0,4096
"""
KV = "ts_ms,op,key,size,client\n1,get,k:1,100,PHONE\n2,set,k:2,0,\n3,get,k:1,100,PC\n"
EVENTS = "ts_ms,user,event_type,resource,bytes\n804571201000,u1,GET,/a,6245\n804571206000,u2,GET,/a,6245\n"
SQL = """{"_":"one JSON object per line"}
{"ts": "2010-05-27 20:08:16", "id": 1233, "title": "x", "sql": "SELECT 1"}
{"path": "2.sql", "text": "SELECT '%s'"}
""" % ("x" * 300)
REQUESTS = """gmt_create,predict_type,predict_status,exec_time_seconds,groupId,prompt_length,negative_prompt_length,\
num_images_per_prompt,num_inference_steps,checkpoint_model_version_id,num_lora
2024-11-15 16:57:50,TXT_2_IMG,SUCCEED,32.0,G0,63.0,26.0,1.0,30.0,M0,0
2024-11-15 16:58:50,TXT_2_IMG,FAILED,,G1,,,,,M0,0
"""
PODS = """name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time
pod-0,12000,16384,1,1000,,LS,Running,0,12537496,3
"""


class Import(Test):
    def setUp(self):
        super().setUp()
        self.node = self.on(Node(self.folder, CONFIG))

    def file(self, name, text):
        path = self.folder / name
        data = text.encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    def take(self, *words):
        """Imports one file and returns its report."""
        (report,) = self.node.tell("import", *words)
        return report

    def test_every_format_is_known_by_its_first_line(self):
        wanted = {  # rows, records, of which names
            "b.csv": (BLOCK, "block", 4, 3, 0),
            "k.csv.gz": (KV, "kv", 3, 5, 2),
            "e.csv": (EVENTS, "events", 2, 3, 1),
            "q.jsonl.gz": (SQL, "sql", 2, 4, 2),
            "r.csv": (REQUESTS, "requests", 2, 3, 1),
            "p.csv": (PODS, "pods", 1, 4, 1),
        }
        records = 0
        for name, (text, kind, rows, made, names) in wanted.items():
            report = self.take(self.file(name, text))
            got = tuple(report[key] for key in ("format", "rows", "records", "names", "rows_broken"))
            self.assertEqual(got, (kind, rows, made, names, 0), name)
            self.assertGreater(report["run"], 0)
            self.assertFalse(report["learned"])
            records += made
        self.assertEqual(self.node.tell("status")["provenance"]["records"], records)
        verified = self.node.tell("verify")
        self.assertTrue(verified["intact"])
        self.assertEqual(verified["records"], records)

    def history(self, block):
        """Of a block of the volume, but that it was made."""
        return [row for row in self.node.tell("history", "v", block) if row["operation"] != "ALLOCATE"]

    def test_records_of_a_volume_tell_who_what_and_when_and_that_they_were_imported(self):
        self.node.create("v", "--size", "1M", "--program", "db")
        start = "--start", "2020-01-01T00:00:00Z"
        report = self.take(self.file("b.csv", BLOCK), "--volume", "v", "--user", "carol", *start)
        self.assertEqual((report["rows_other_volumes"], report["records"], report["rows_idle"]), (1, 2, 1))
        (row,) = self.history("3")
        self.assertEqual((row["vm"], row["program"], row["user"]), ("import:v", "db", "carol"))
        self.assertEqual((row["operation"], row["first_block"], row["block_count"]), ("READ", 2, 2))
        self.assertEqual((row["run"], row["bytes"], row["outcome"]), (report["run"], 8192, "none"))
        self.assertEqual((row["latency_seconds"], row["at"]), (0, "2020-01-01T00:00:00.000000Z"))
        (row,) = self.history("1")
        self.assertEqual((row["operation"], row["bytes"], row["at"]), ("WRITE", 512, "2020-01-01T00:00:05.000000Z"))

    def test_other_disks_have_no_part_in_the_history_of_a_volume(self):
        self.node.create("v", "--size", "1M")
        self.take(self.file("b.csv", BLOCK))
        self.assertEqual(self.history("2"), [])

    def test_numbers_of_requests_are_not_told_as_times(self):
        self.node.create("v", "--size", "1M")
        text = BLOCK.replace("5000000", "1").replace("5000001", "2").replace("5000002", "3")
        self.assertTrue(self.take(self.file("b_ord.csv", text), "--volume", "v")["ordinal"])
        rows = self.node.tell("history", "v", "1")
        self.assertEqual((rows[0]["vm"], rows[0]["at_ns"], rows[0]["latency_seconds"]), ("import-ord:v", 1, 0))
        self.assertTrue(self.take(self.file("c.csv", text), "--ordinal")["ordinal"])
        self.assertFalse(self.take(self.file("b_order.csv", text))["ordinal"])

    def test_what_lies_past_the_end_of_the_volume_is_left_out(self):
        self.node.create("v", "--size", "8K")
        report = self.take(self.file("b.csv", BLOCK), "--volume", "v")
        self.assertEqual((report["records"], report["past_the_end"]), (1, 1))

    def test_broken_rows_are_named_and_the_others_imported(self):
        report = self.take(self.file("k.csv", KV + "4,dance,k,0,\n5,get,k,minus,\n6,get,k:9,1,\n"))
        self.assertEqual((report["rows"], report["rows_broken"]), (4, 2))
        self.assertEqual(
            report["broken"],
            [{"line": 5, "why": "no such operation: 'dance'"}, {"line": 6, "why": "no size, or past 4 GiB: 'minus'"}],
        )

    def refusal(self, *words):
        with self.assertRaises(Refusal) as caught:
            self.node.tell("import", *words)
        return caught.exception

    def test_what_is_no_recording_is_refused_and_nothing_of_it_kept(self):
        for name, text, why in (
            ("hello.txt", "hello\nworld\n", "no known format: 'hello'"),
            ("noise.gz", "\x00\x01\x02" * 1000, "no known format"),
            ("empty.csv", "", "has nothing to import"),
            ("rows.csv", "ts_ms,op,key,size,client\n" + "x\n" * 10, "no sound row"),
        ):
            refused = self.refusal(self.file(name, text))
            self.assertEqual(refused.code, 1)
            self.assertIn(why, refused.what)
        self.assertIn("those of kv", self.refusal(self.file("k.csv", KV), "--format", "block").what)
        self.assertIn("not found", self.refusal(self.folder / "nowhere.csv").what)
        self.assertIn("cannot read", self.refusal(self.folder).what)
        self.assertIn("no volume w", self.refusal(self.file("b.csv", BLOCK), "--volume", "w").what)
        self.node.create("v", "--size", "1M")
        self.assertIn("no requests to a disk", self.refusal(self.file("k.csv", KV), "--volume", "v").what)
        for words in ((), ("x", "--format", "tape"), ("x", "--start", "noon"), ("x", "--user", "\x1b")):
            self.assertEqual(self.refusal(*words).code, 2)
        self.assertEqual(self.node.tell("status")["provenance"]["records"], 1)  # That there is a volume.

    def test_of_a_damaged_file_what_can_be_read_is_imported(self):
        rows = "".join(f"{at},get,key:{at * 7919 % 10007},0,\n" for at in range(20000))
        path = self.file("cut.csv.gz", "ts_ms,op,key,size,client\n" + rows)
        path.write_bytes(path.read_bytes()[:-2000])
        refused = self.refusal(path)
        self.assertEqual(refused.code, 1)
        self.assertIn("damaged, or cut short", refused.what)
        self.assertGreater(self.node.tell("status")["provenance"]["records"], 1000)
        self.assertTrue(self.node.tell("verify")["intact"])

    def test_standard_input_is_a_file_and_one_bad_file_does_not_stop_the_others(self):
        tool = [PROGRAMS / "forerun", "--socket", self.node.data / "control.sock", "import", "-", self.folder / "no", self.file("e.csv", EVENTS)]
        done = subprocess.run([str(word) for word in tool], input=KV, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"standard input: kv\n  rows +3 in .*\n  records +5, of which 2 name")
        self.assertIn("e.csv: events\n", done.stdout)
        self.assertIn("cannot read", done.stderr)

    def test_what_was_told_as_imported_survives_kill_9(self):
        report = self.take(self.file("k.csv", KV))
        self.node.kill()
        self.node.start()
        self.assertEqual(self.node.tell("status")["provenance"]["records"], report["records"])
        self.assertTrue(self.node.tell("verify")["intact"])


class Training(Test):
    """A recorded boot, imported, serves the next boot as a boot that took place here."""

    def boot(self, teach):
        """Boots from the second recording; returns the node's counters after it."""
        origin = self.on(Origin(self.folder, "pattern:560M?seed=7", "--delay", "2ms", "--rate", "1Gbit", name=f"o{teach}"))
        node = self.on(Node(self.folder, CONFIG, name=f"node{teach}"))
        node.create("v", "--image", origin.url, "--program", "alpha")
        if teach:
            (report,) = node.tell("import", BOOTS / "alpha-none-1.csv.gz", "--volume", "v")
            self.assertTrue(report["learned"])
            self.assertEqual((report["rows_broken"], report["past_the_end"]), (0, 0))
            counters = node.counters("v")
            # The node itself looks at a few of the image's blocks, and finds no file system.
            self.assertLess(counters["prefetched_blocks"], 16, "an import moved data")
        saw = json.loads(
            run(
                *(PROGRAMS / "bench-replay", "--connect", f"unix:{node.socket}", "--export", "v", "--speed", "20"),
                *("--trace", BOOTS / "alpha-none-2.csv.gz", "--pattern-seed", 7),
            )
        )
        self.assertEqual((saw["mismatches"], saw["failed"]), (0, 0))
        eventually(lambda: node.counters("v")["reads"] >= saw["reads"])
        return node.counters("v")

    def test_the_next_boot_finds_its_blocks_there(self):
        untrained, trained = self.boot(0), self.boot(1)
        print(
            f"misses {untrained['misses']} without, {trained['misses']} with the import; "
            f"waited {untrained['stall_seconds']:.2f} s and {trained['stall_seconds']:.2f} s; "
            f"accuracy {trained['accuracy']:.3f}"
        )
        self.assertLess(trained["misses"] * 4, untrained["misses"])
        self.assertGreater(trained["accuracy"], 0.9)


class SharedTraces(Test):
    """All recordings that lie beside the project; their README says how many rows each has."""

    def setUp(self):
        super().setUp()
        if not SHARED.is_dir():
            self.skipTest(f"{SHARED} is not there")

    def test_every_row_of_every_recording_is_imported(self):
        readme = (SHARED / "README.md").read_text()
        told = {name: int(rows) for name, rows in re.findall(r"^\| (\S+\.gz)(?: \([^)]*\))? \| (\d+) \|", readme, re.M)}
        node = self.on(Node(self.folder, CONFIG))
        for path in sorted(SHARED.rglob("*.gz")):
            (report,) = node.tell("import", path)
            relative = path.relative_to(SHARED)
            rows = told.get(str(relative), told.get(path.name))
            with gzip.open(path) as lines:
                there = sum(1 for _ in lines) - 1
            print(f"{relative}: {report['rows']} rows, {report['records']} records, {report['rows'] / report['seconds']:.0f} rows/s")
            self.assertEqual((report["rows"], report["rows_broken"]), (there, 0), relative)
            if rows is not None:
                self.assertEqual(report["rows"], rows, relative)
            self.assertEqual(report["ordinal"], "_ord" in path.name)
        self.assertTrue(node.tell("verify")["intact"])


if __name__ == "__main__":
    main()
