"""4 KiB random reads that are all in memory: many at once, and one at a time."""
import contextlib

from figures import Bar
from servers import Server, nbdkit_memory, nbdkit_pattern, run

TITLE = "hits in memory: reads per second at depth 32 on 2 connections, and the round trip at depth 1"

BYTES = 64 << 20  # Of the volume; all of it is read before it is measured.
SECONDS = 3  # Of one measurement.
THROUGHPUT = "reads/s, depth 32 × 2"
ROUND_TRIP = "round trip of a hit"
BARS = {
    THROUGHPUT: Bar(limit=1.5, moonshot=3, of="nbdkit memory", at_least=True),
    ROUND_TRIP: Bar(limit=1, moonshot=0.7, of="nbdkit memory"),
}


def measure(context):
    """Contenders hold the same bytes. nbdkit's memory is sparse, so it is filled first."""
    folder = context.folder
    alone = Server(
        folder, "nbd-server-alone", [context.program("nbd_memory"), "unix:{socket}", BYTES]
    )
    with contextlib.ExitStack() as running:
        pattern = running.enter_context(nbdkit_pattern(folder, BYTES))
        memory = running.enter_context(nbdkit_memory(folder, BYTES))
        run(["nbdcopy", pattern.uri, memory.uri])
        alone = running.enter_context(alone)
        run(["nbdcopy", pattern.uri, alone.uri])
        contenders = [("nbdkit memory", memory), ("nbdkit pattern", pattern), ("our server without tiers", alone)]
        for who, server in contenders:
            context.say(who)
            reads = float(load(context, server, 2, 32)["iops"])
            context.add(THROUGHPUT, "1/s", who, reads, BARS[THROUGHPUT])
            trip = float(load(context, server, 1, 1)["p50"])
            context.add(ROUND_TRIP, "µs", who, trip, BARS[ROUND_TRIP])


def load(context, server, connections, depth):
    """The load generator's figures, by name."""
    words = run([context.program("nbd_load"), server.socket, server.export, connections, depth, 4096, SECONDS]).split()
    return dict(zip(words, words[1:]))
