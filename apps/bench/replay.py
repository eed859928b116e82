"""`forerun replay` on recorded traces: our policy beside known ones, by the convention REQUEST of docs/replay.md."""
import json
from dataclasses import dataclass, field

from figures import Bar
from servers import run

TITLE = "misses, traffic, precision, waste and calibration on recorded traces, beside known policies; cost, memory"

PEERS = ("lru", "s3-fifo", "arc", "mithril", "leap", "readahead", "streams", "successor")
PROPOSALS_MIN = 10_000  # Fewer say little about calibration.
CALIBRATION = Bar(limit=0.05)
COST = Bar(limit=1)
MEMORY = Bar(limit=32)
COSTLY = ("arc_p3_ord", "cloudphysics_w92")  # Nearly all of one has to be judged, nearly all of the other streams.
SIZE = ["--cache", "10%"]
AT_ONCE = ["--delay", "0requests"]
CAPPED = ["--traffic", "1.02"]
LATE = ["--delay", "64requests", "--traffic", "1.5"]  # What the study, which had no cap there, moved on P3.


def below(limit, *peers):
    """At most `limit`, and less than each of these peers."""
    bar = None
    for peer in peers:
        bar = Bar(limit=0.9999, of=peer, also=bar)
    return Bar(limit=limit, also=bar)


@dataclass
class Case:
    """One trace, how it is played, and the bars of its figures by their names."""

    trace: str
    bars: dict = field(default_factory=dict)
    options: list = field(default_factory=lambda: AT_ONCE)
    name: str = ""  # Where the trace's own does not say it.

    def title(self):
        return self.name or self.trace.split("/")[-1]


QUIET = {"waste": Bar(limit=0.01), "misses": Bar(limit=1, of="s3-fifo")}
KNOWN = ("lru", "arc", "s3-fifo", "mithril")
CASES = [
    Case("block/arc_p6_ord", {"misses": Bar(limit=0.093), "traffic": Bar(limit=1)}),
    Case("block/arc_p3_ord", {"misses": Bar(limit=0.23), "traffic": Bar(limit=1.3)}),
    Case(
        "block/cloudphysics_w92",
        {"misses": Bar(limit=0.07), "requests": Bar(limit=0.15), "precision": Bar(limit=0.9, at_least=True)},
    ),
    Case("block/ms_dtrs", {"misses": Bar(limit=0.042)}),
    Case("block/jpeg_copy", {"misses": Bar(limit=0.005)}, [*AT_ONCE, "--reads"], "jpeg_copy, reads"),
    Case("block/spc_financial1_a", {"misses": Bar(limit=0.25), "traffic": Bar(limit=1.3)}),
    Case("block/spc_websearch1_a", QUIET, [*AT_ONCE, *CAPPED], "spc_websearch1_a, cap 1.02"),
    Case("smoke/block/ms_tpcc_7k", QUIET, [*AT_ONCE, *CAPPED], "ms_tpcc_7k, cap 1.02"),
    Case("kv/web07_ord", QUIET, [*AT_ONCE, *CAPPED], "web07_ord, cap 1.02"),
    Case("kv/cs_ord", {"misses": below(0.212, *KNOWN)}),
    Case("kv/multi2_ord", {"misses": below(0.256, *KNOWN)}),
    Case("kv/sprite_ord", {"misses": below(0.093, *KNOWN)}),
    Case("kv/orm_night_ord", {"misses": below(0.036, *KNOWN)}),
    Case("block/arc_p6_ord", {"misses": Bar(limit=0.193)}, LATE, "arc_p6_ord, 64 requests late"),
    Case("block/arc_p3_ord", {"misses": Bar(limit=0.417)}, LATE, "arc_p3_ord, 64 requests late"),
]


def measure(context):
    """What is simulated is the same in every round, so only the first one plays all; the cost is measured in each."""
    missing = [case.trace for case in CASES if not recording(context, case.trace).exists()]
    if missing:
        context.say(f"skipped: no {missing[0]}.csv.gz in {context.traces}; --traces names the folder of recordings")
        return
    if context.round == 1:
        memory = 0
        for case in CASES:
            context.say(case.title())
            memory = max(memory, compare(context, case))
        context.add("memory for what is learned, the most", "MiB, exact", "forerun", memory / 2**20, MEMORY)
    for name in COSTLY:
        context.say(f"{name}: cost")
        alone = play(context, f"block/{name}", AT_ONCE, ["forerun"])["forerun"]
        context.add(f"{name}: cost of a block, without the cache", "µs", "forerun", alone["predict_ns_per_touch"] / 1e3, COST)


def recording(context, trace):
    return context.traces / f"{trace}.csv.gz"


def compare(context, case):
    """Adds the figures of one trace; returns what our model needs of memory."""
    seen = play(context, case.trace, case.options, [*PEERS, "forerun"])
    ours = seen["forerun"]
    bars = dict(case.bars)
    if ours["calibration_proposed"]["count"] >= PROPOSALS_MIN:
        bars["calibration error"] = CALIBRATION

    def add(what, unit, key, contenders):
        for who in contenders:
            context.add(f"{case.title()}: {what}", f"{unit}, exact", who, seen[who][key], bars.get(what))

    add("misses", "of touches", "miss_ratio", ["forerun", *PEERS])
    add("traffic", "× LRU's", "traffic", ["forerun", *PEERS])
    if "requests" in case.bars:
        add("requests", "missed", "request_miss_ratio", ["forerun", *PEERS])
    add("precision", "of prefetched", "accuracy", ["forerun"])
    add("waste", "of LRU's misses", "waste", ["forerun"])
    for of in ("proposed", "moved"):
        error = ours[f"calibration_{of}"]["error"]
        bar = bars.get("calibration error") if of == "proposed" else None
        context.add(f"{case.title()}: calibration error, {of}", "expected, exact", "forerun", error, bar)
    return ours["model_bytes"]


def play(context, trace, options, policies):
    """The replay's figures by policy."""
    told = context.folder / "replay.json"
    command = [context.program("forerun"), "replay", recording(context, trace), *SIZE, *options]
    run([*command, "--policies", ",".join(policies), "--json", told])
    return {each["policy"]: each for each in json.loads(told.read_text())["policies"]}
