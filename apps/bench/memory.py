"""What a node takes besides its pool, after a boot from a volume of 1 GiB."""
from boots import recording, replay
from figures import Bar
from node import Node
from servers import Origin

TITLE = "resident memory of a node beyond its pool, with a volume of 1 GiB"

BAR = Bar(limit=96, moonshot=48)


def measure(context):
    with Origin(context.folder, context.programs, "1G") as origin:
        with Node(context.folder, context.programs, f"memory-{context.round}") as node:
            volume = node.volume("first", origin.uri, "gcc")
            context.say("forerun")
            replay(context, volume, recording(context, "gcc", context.round), "fast")
            resident, shared = node.resident_bytes()
            context.add("resident beyond the pool", "MiB", "forerun", (resident - shared) / 2**20, BAR)
