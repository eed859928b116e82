"""Reads that nothing predicts: prefetch must neither fetch for nothing nor stand in the way."""
from boots import measured
from figures import Bar
from node import Node
from servers import Failed, Origin

TITLE = "a search engine's reads over a 10 ms, 1 Gbit/s origin, prefetch on, at most 1.02 x the traffic, against prefetch off"

OFF = "prefetch off"
CAP = 1.02  # What the operator of a dear link allows; the usual 1.3 would buy fewer misses with it.
IMAGE = "17G"  # What the recording reaches.
TRAFFIC_BAR = Bar(limit=1.03, moonshot=1.01, of=OFF)
P99_BAR = Bar(limit=1.05, moonshot=1, of=OFF)


def measure(context):
    trace = context.traces / "block" / "spc_websearch1_a.csv.gz"
    if not trace.exists():
        raise Failed(f"{trace} is not there; --traces names the folder of recordings")
    for who, prefetch in ((OFF, False), ("forerun", True)):
        context.say(who)
        name = f"unpredictable-{prefetch}-{context.round}"
        with Origin(context.folder, context.programs, IMAGE) as origin:
            with Node(context.folder, context.programs, name, prefetch=prefetch, traffic_cap=CAP) as node:
                volume = node.volume("search", origin.uri, "search")
                saw = measured(context, origin, volume, trace, "normal")
                context.add("traffic", "×", who, saw["traffic"], TRAFFIC_BAR)
                context.add("read p99", "µs", who, saw["read_p99_us"], P99_BAR)
