"""4 KiB random reads that are all in memory: many at once, and one at a time."""
import contextlib

from figures import Bar
from node import Node
from servers import Server, nbdkit_memory, nbdkit_pattern, run

TITLE = "hits in memory: reads per second at depth 32 on 2 connections, and the round trip at depth 1"

BYTES = 64 << 20  # Of the volume; all of it is read before it is measured.
POOL = "128 MiB"
SECONDS = 3  # Of one measurement.
THROUGHPUT = "reads/s, depth 32 × 2"
ROUND_TRIP = "round trip of a hit"
COST = "reads/s, provenance and prediction on"
STRICT = "reads/s, strict audit against provenance off"
OFF = "forerun, provenance and prediction off"
BARS = {
    THROUGHPUT: Bar(limit=1.5, moonshot=3, of="nbdkit memory", at_least=True),
    ROUND_TRIP: Bar(limit=1, moonshot=0.7, of="nbdkit memory"),
    COST: Bar(limit=0.9, moonshot=0.97, of=OFF, at_least=True),
    STRICT: Bar(limit=0.9, moonshot=0.97, of=OFF, at_least=True),
}


def measure(context):
    """Contenders hold the same bytes. nbdkit's memory is sparse, so it is filled first."""
    folder = context.folder
    with contextlib.ExitStack() as running:
        start = running.enter_context
        pattern = start(nbdkit_pattern(folder, BYTES))
        memory = start(nbdkit_memory(folder, BYTES))
        run(["nbdcopy", pattern.uri, memory.uri])
        alone = start(Server(folder, "alone", [context.program("nbd_memory"), "unix:{socket}", BYTES]))
        run(["nbdcopy", pattern.uri, alone.uri])
        node = start(Node(folder, context.programs, f"full-{context.round}", pool=POOL))
        full = warm(node, pattern)
        strict = node.volume("strict", pattern.uri, "hot", "--audit", "strict")
        bare = Node(folder, context.programs, f"bare-{context.round}", pool=POOL, prefetch=False, provenance=False)
        bare = warm(start(bare), pattern)
        contenders = [
            ("nbdkit memory", memory),
            ("nbdkit pattern", pattern),
            ("our server without tiers", alone),
            (OFF, bare),
            ("forerun", full),
        ]
        for who, server in contenders:
            context.say(who)
            reads = float(load(context, server, 2, 32)["iops"])
            context.add(THROUGHPUT, "1/s", who, reads, BARS[THROUGHPUT])
            if who in ("forerun", OFF):
                context.add(COST, "1/s", who, reads, BARS[COST])
            if who == OFF:
                context.add(STRICT, "1/s", who, reads, BARS[STRICT])
            trip = float(load(context, server, 1, 1)["p50"])
            context.add(ROUND_TRIP, "µs", who, trip, BARS[ROUND_TRIP])
        context.say("forerun, strict audit")
        context.add(STRICT, "1/s", "forerun", float(load(context, strict, 2, 32)["iops"]), BARS[STRICT])


def warm(node, image):
    """A volume of the node, all of it in the node's memory."""
    volume = node.volume("hot", image.uri, "hot")
    run(["nbdcopy", volume.uri, "null:"])
    return volume


def load(context, server, connections, depth):
    """The load generator's figures, by name."""
    words = run([context.program("nbd_load"), server.socket, server.export, connections, depth, 4096, SECONDS]).split()
    return dict(zip(words, words[1:]))
