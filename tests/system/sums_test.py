"""Questions about many records at once: what they are answered with is what counting the records gives."""
import json
import random
import subprocess
from collections import Counter, defaultdict
from datetime import datetime, timezone

from stage import COMMAND_SECONDS_MAX, PROGRAMS, Node, Refusal, Test, eventually, main

CONFIG = '[metrics]\nlisten = "off"\n'
MINUTE, HOUR = 60 * 10**9, 3600 * 10**9
OUTCOMES = ("none", "hit", "late", "miss", "failed")


def moment(ns):
    """As rows say when they begin."""
    return datetime.fromtimestamp(ns // 10**9, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def elements(row):
    """What a record touched."""
    return [(row["kind"], row["space"], n) for n in range(row["first"], row["first"] + max(row["count"], 1))]


class Sums(Test):
    def setUp(self):
        super().setUp()
        self.node = self.on(Node(self.folder, CONFIG))
        self.node.create("disk", "--size", "64 MiB", "--program", "db")
        chance = random.Random(11)
        self.imported("block.csv", self.disk_requests(chance), "--volume", "disk", "--user", "carol")
        self.imported("kv.csv", self.key_requests(chance))
        self.imported("models.csv", self.model_requests(chance))
        with self.node.connect("disk") as client:
            for i in range(40):
                client.read(i % 7 * 8192, 8192)
            client.write(4096, b"w" * 4096)
        self.rows = eventually(lambda: (rows := self.records()) and rows[-1]["operation"] == "WRITE" and rows)

    def imported(self, name, text, *words):
        path = self.folder / name
        path.write_text(text)
        (report,) = self.node.tell("import", path, *words)
        self.assertEqual(report["rows_broken"], 0)

    @staticmethod
    def disk_requests(chance):
        """Three hours, most of them to few blocks."""
        lines, at = ["ts_us,volume,op,offset_bytes,length_bytes"], 0
        for _ in range(3000):
            at += chance.randrange(7_000_000)
            block = int(chance.paretovariate(0.7)) % 16000
            lines.append(f"{at},sda,{chance.choice('RRRWD')},{block * 4096},{chance.randrange(1, 5) * 4096}")
        return "\n".join(lines) + "\n"

    @staticmethod
    def key_requests(chance):
        """Two clients; one of them walks in circles."""
        lines = ["ts_ms,op,key,size,client"]
        for i in range(2000):
            lines.append(f"{i * 900 + chance.randrange(900)},get,circle:{i % 10},7,WALKER")
            lines.append(f"{i * 900 + chance.randrange(900)},set,any:{chance.randrange(500)},9,RUNNER")
        return "\n".join(lines) + "\n"

    @staticmethod
    def model_requests(chance):
        """Some take their time."""
        lines = [
            "gmt_create,predict_type,predict_status,exec_time_seconds,groupId,prompt_length,negative_prompt_length,"
            "num_images_per_prompt,num_inference_steps,checkpoint_model_version_id,num_lora"
        ]
        for i in range(300):
            lines.append(
                f"2024-11-15 16:{i // 60:02}:{i % 60:02},TXT_2_IMG,{chance.choice(('SUCCEED', 'FAILED'))},"
                f"{chance.randrange(1, 90)}.0,G{i % 3},63.0,26.0,1.0,30.0,M{chance.randrange(6)},0"
            )
        return "\n".join(lines) + "\n"

    def records(self, *words):
        """The records that a filter wants."""
        command = [PROGRAMS / "forerun", "--socket", self.node.data / "control.sock", "records", "--format", "jsonl", *words]
        done = subprocess.run([str(word) for word in command], capture_output=True, timeout=COMMAND_SECONDS_MAX, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def complete(self, *words):
        got = self.node.tell(*words)
        self.assertTrue(got["complete"], words)
        return got

    def added_up(self, rows, by, unit):
        """Sums of records, by hand."""
        out = defaultdict(lambda: [0, 0, 0, 0, Counter()])
        for row in rows:
            key = tuple(row[name] for name in by)
            if unit:
                key = (moment(row["time_ns"] // unit * unit), *key)
            sums = out[key]
            for i, amount in enumerate((1, row["count"], row["bytes"], row["latency_us"])):
                sums[i] += amount
            sums[4][row["outcome"]] += 1
        return dict(out)

    def test_sums_are_those_of_the_records(self):
        columns = {"vm": ["vm"], "program": ["program"], "user": ["user"], "space": ["kind", "space"], "op": ["operation"], "none": []}
        self.assertGreater(len(self.rows), 7000)
        for by in ("program", "vm,user", "space,op", "none", "vm,program,user,space,op"):
            names = [column for word in by.split(",") for column in columns[word]]
            for every, unit in (("all", 0), ("hour", HOUR), ("minute", MINUTE)):
                for words in ((), ("--volume", "disk", "--op", "WRITE,DELETE"), ("--user", "WALKER")):
                    wanted = self.records(*words) if words else self.rows
                    got = {}
                    for row in self.complete("sums", "--by", by, "--every", every, *words)["rows"]:
                        key = tuple(row[name] for name in (["from"] if unit else []) + names)
                        self.assertNotIn(key, got)
                        outcomes = Counter({name: row["outcomes"][name] for name in OUTCOMES if row["outcomes"][name]})
                        got[key] = [row["records"], row["elements"], row["bytes"], row["latency_us"], outcomes]
                        self.assertAlmostEqual(row["mean_latency_seconds"], row["latency_us"] // row["records"] / 1e6)
                    self.assertEqual(got, self.added_up(wanted, names, unit), (by, every, words))

    def test_times_of_sums_are_whole_minutes(self):
        got = self.complete("sums", "--every", "minute", "--by", "none", "--since", "1970-01-01T00:10:30Z", "--until", "1970-01-01T00:12:01Z")
        self.assertEqual([row["from"] for row in got["rows"]], [moment(n * MINUTE) for n in (10, 11, 12)])
        wanted = [row for row in self.rows if 10 * MINUTE <= row["time_ns"] < 13 * MINUTE]
        self.assertEqual(sum(row["records"] for row in got["rows"]), len(wanted))

    def test_the_most_used_elements_are_those_that_counting_finds(self):
        for words in ((), ("--volume", "disk", "--op", "READ"), ("--from-element", "3", "--to-element", "9", "--kind", "block")):
            first, last = (3, 9) if "--from-element" in words else (0, 2**64)
            exact = Counter(it for row in self.records(*words) for it in elements(row) if first <= it[2] <= last)
            got = self.complete("top", "--rows", "4096", *words)
            for row in got["rows"]:
                self.assertEqual((row["amount"], row["over_max"]), (exact[row["kind"], row["space"], row["element"]], 0))
            self.assertEqual([row["amount"] for row in got["rows"]], sorted(exact.values(), reverse=True)[:4096])
            self.assertEqual(got["total"], exact.total())
        top = self.complete("top", "--rows", "3", "--volume", "disk")["rows"]
        self.assertEqual(len(top), 3)
        self.assertGreaterEqual(top[0]["amount"], top[2]["amount"])
        for measure, field in (("bytes", "bytes"), ("latency", "latency_us")):
            self.assertEqual(self.complete("top", "--by", measure)["total"], sum(row[field] for row in self.rows))
        named = self.complete("top", "--name", "circle:3")["rows"]
        self.assertEqual([row["amount"] for row in named], [201])  # That it came into being is one.

    def test_gaps_between_accesses_are_those_of_the_records(self):
        got = self.complete("arrivals", "--by", "user,program")
        self.assertEqual(got["records"], len(self.rows))
        exact = defaultdict(list)
        for row in self.rows:
            exact[row["user"], row["program"]].append(row["time_ns"])
        self.assertEqual({(row["user"], row["program"]) for row in got["rows"]}, set(exact))
        for row in got["rows"]:
            times = exact[row["user"], row["program"]]
            gaps = sorted(b - a for a, b in zip(times, times[1:]) if b >= a)
            self.assertEqual((row["records"], row["gaps"], row["backward"]), (len(times), len(gaps), len(times) - 1 - len(gaps)))
            self.assertEqual(sum(step["gaps"] for step in row["histogram"]), len(gaps))
            if not gaps:
                continue
            self.assertAlmostEqual(row["min_seconds"], gaps[0] / 1e9)
            self.assertAlmostEqual(row["max_seconds"], gaps[-1] / 1e9)
            self.assertAlmostEqual(row["mean_seconds"], sum(gaps) / len(gaps) / 1e9)
            for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
                truth = gaps[int(share * len(gaps))] / 1e9
                self.assertGreaterEqual(row[f"{name}_seconds"] + 1e-9, truth)
                self.assertLessEqual(row[f"{name}_seconds"], truth * 17 / 16 + 1e-9)

    def test_sequences_are_those_of_the_records(self):
        for length in (2, 3):
            exact, trails = Counter(), defaultdict(list)
            for row in self.rows:
                key = tuple(row[name] for name in ("vm", "program", "user", "node", "run", "kind", "space"))
                trails[key].append(row["first"])
                if len(trails[key]) >= length:
                    exact[row["user"], row["kind"], row["space"], *trails[key][-length:]] += 1
            got = self.complete("sequences", "--by", "user", "--length", length, "--rows", "4096")
            self.assertEqual((got["broken"], got["others_max"], got["total"]), (0, 0, exact.total()))
            for row in got["rows"]:
                self.assertEqual(row["count"], exact[row["user"], row["kind"], row["space"], *row["elements"]])
            self.assertEqual(sorted((row["count"] for row in got["rows"]), reverse=True), sorted(exact.values(), reverse=True)[:4096])
            walker = self.complete("sequences", "--user", "WALKER", "--length", length)["rows"]
            self.assertEqual(len(walker), 10)  # It walks in a circle.

    def test_working_sets_are_those_of_the_records_within_the_error_that_is_told(self):
        for every, unit in (("minute", MINUTE), ("hour", HOUR), ("25 min", 25 * MINUTE)):
            exact, sums = defaultdict(set), defaultdict(lambda: [0, 0])
            for row in self.rows:
                start = moment(row["time_ns"] // unit * unit)
                exact[start].update(elements(row))
                sums[start][0] += 1
                sums[start][1] += row["bytes"]
            got = self.complete("working-set", "--every", every)
            self.assertEqual({row["from"]: [row["records"], row["bytes"]] for row in got["rows"]}, sums)
            error = 4 * got["standard_error"]
            for row in got["rows"]:
                self.assertAlmostEqual(row["elements"], len(exact[row["from"]]), delta=1 + error * len(exact[row["from"]]))
            everything = set().union(*exact.values())
            self.assertAlmostEqual(got["elements"], len(everything), delta=error * len(everything))

    def test_answers_outlive_the_node(self):
        words = ("sums", "--by", "vm,program,user,space,op", "--every", "minute", "--volume", "disk")
        before = self.complete(*words)["rows"], self.complete("top", "--volume", "disk")["rows"]
        self.node.end()
        self.node.start()
        self.node.await_volume("disk")
        self.assertEqual((self.complete(*words)["rows"], self.complete("top", "--volume", "disk")["rows"]), before)

    def test_what_cannot_be_answered_is_refused(self):
        for words in (("sums", "--run", "1"), ("sums", "--element", "3"), ("sums", "--from", "5")):
            self.assertIn("not kept", self.refused(*words, node=self.node).what)
        for command in ("sums", "top", "arrivals", "sequences", "working-set"):
            self.assertIn("no volume none", self.refused(command, "--volume", "none", node=self.node).what)
            with self.assertRaises(Refusal) as caught:
                self.node.tell(command, "--follow")
            self.assertEqual(caught.exception.code, 2)


class Off(Test):
    def test_without_a_log_there_is_nothing_to_ask(self):
        node = self.on(Node(self.folder, CONFIG + "[provenance]\nenabled = false\n"))
        for command in ("sums", "top", "arrivals", "sequences", "working-set"):
            self.assertIn("provenance is off", self.refused(command, node=node).what)


if __name__ == "__main__":
    main()
