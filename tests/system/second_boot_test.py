"""The main job, without its clock: a boot teaches, another recording of the same boot finds its blocks there."""
import json
import time

from stage import PROGRAMS, ROOT, Node, Origin, Test, eventually, main, run

IMAGE = "560M"  # The recorded guest's disk.
SEED = 7
FIRST, SECOND = (ROOT / f"tests/data/boot/alpha-none-{number}.csv.gz" for number in (1, 2))
ACCURACY_MIN = 0.95
TRAFFIC_MAX = 1.05
QUIET_SECONDS = 1.5  # In which a node that should not fetch would have begun to.


class SecondBoot(Test):
    def setUp(self):
        super().setUp()
        self.origin = self.on(
            Origin(self.folder, f"pattern:{IMAGE}?seed={SEED}", "--delay", "2ms", "--rate", "1Gbit")
        )
        self.node = self.on(Node(self.folder, '[metrics]\nlisten = "off"\n'))

    def boot(self, volume, recording):
        """Replays a recording; every block that it reads is checked."""
        command = [PROGRAMS / "bench-replay", "--connect", f"unix:{self.node.socket}", "--export", volume]
        saw = json.loads(run(*command, "--trace", recording, "--pattern-seed", SEED, "--speed", "20"))
        self.assertEqual((saw["mismatches"], saw["failed"]), (0, 0))
        self.assertGreater(saw["verified_blocks"], 1000)
        self.settled()
        return saw

    def settled(self):
        """Waits until nothing is on its way and the figures stand still."""

        def still():
            before = self.figures()
            time.sleep(0.3)
            return self.node.tell("status")["prefetch"]["in_flight_bytes"] == 0 and before == self.figures()

        eventually(still)

    def figures(self):
        return {name: row["counters"] for name, row in self.node.volumes().items()}

    def learn(self):
        self.node.create("r1", "--image", self.origin.url, "--program", "alpha")
        saw = self.boot("r1", FIRST)
        self.node.tell("cache", "drop")
        return saw

    def test_another_recording_finds_its_blocks_there_and_nothing_else_is_moved(self):
        self.learn()
        self.node.create("r2", "--image", self.origin.url, "--program", "alpha")
        before, sent = self.node.counters("r2"), self.origin.traffic()
        time.sleep(QUIET_SECONDS)
        self.assertEqual(self.node.counters("r2")["origin_bytes"], before["origin_bytes"])
        self.assertEqual(self.origin.traffic(), sent, "the origin was read before a client came")

        saw = self.boot("r2", SECOND)
        after = self.node.counters("r2")
        moved = after["origin_bytes"] - before["origin_bytes"]
        prefetched, used = (after[key] - before[key] for key in ("prefetched_blocks", "used_blocks"))
        print(
            f"{saw['reads']} reads, {saw['reads_waited']} waited; {prefetched} blocks prefetched, {used} used; "
            f"{moved} bytes moved for {saw['distinct_image_bytes']}"
        )
        self.assertGreater(prefetched, saw["distinct_image_bytes"] / 4096 / 2, "hardly anything was prefetched")
        self.assertGreaterEqual(used / prefetched, ACCURACY_MIN)
        self.assertLessEqual(moved / saw["distinct_image_bytes"], TRAFFIC_MAX)
        # What the counters say is what the origin saw.
        self.assertEqual(self.origin.traffic()["bytes"] - sent["bytes"], moved)

    def test_what_was_learned_survives_kill_9_and_needs_no_cache(self):
        self.learn()
        self.node.kill()
        self.node.start()
        self.node.tell("cache", "drop")
        self.node.create("r2", "--image", self.origin.url, "--program", "alpha")
        self.boot("r2", SECOND)
        self.assertGreater(self.node.counters("r2")["prefetched_blocks"], 5000)

    def test_an_announced_run_is_prefetched_before_its_client_comes(self):
        self.learn()
        self.node.create("r2", "--image", self.origin.url, "--program", "alpha")
        before = self.node.counters("r2")
        self.assertGreater(self.node.tell("run", "begin", "r2")["run"], 0)
        eventually(lambda: self.node.counters("r2")["origin_bytes"] > before["origin_bytes"] + (1 << 20))
        self.assertEqual(self.node.counters("r2")["reads"], 0)
        saw = self.boot("r2", SECOND)
        self.node.tell("run", "end", "r2")
        after = self.node.counters("r2")
        self.assertLessEqual((after["origin_bytes"] - before["origin_bytes"]) / saw["distinct_image_bytes"], TRAFFIC_MAX)


if __name__ == "__main__":
    main()
