"""The main job: the second boot of a program, another recording of it, over a slow origin."""
from boots import IMAGE, MODES, PROGRAMS, measured, recording
from figures import Bar
from servers import Origin, on_demand, qemu_copy_on_read

TITLE = "second boot over a 10 ms, 1 Gbit/s origin, against qemu copy-on-read 1 MiB and reading on demand"

PEER = "qemu copy-on-read 1 MiB"
PEERS = {PEER: qemu_copy_on_read, "on demand": on_demand}
WAIT_BARS = {
    "normal": Bar(limit=1 / 8, moonshot=1 / 12, of=PEER),
    "serial": Bar(limit=1 / 8, moonshot=1 / 12, of=PEER),
    "fast guest": Bar(limit=1 / 8, moonshot=1 / 15, of=PEER),
}
TRAFFIC_BAR = Bar(limit=1.05, moonshot=1.01)


def measure(context):
    """In each round another recording is the boot that is measured."""
    for program in PROGRAMS:
        trace = recording(context, program, context.round + 1)
        for mode in MODES:
            for who, server in PEERS.items():
                context.say(f"{program}, {mode}: {who}")
                with Origin(context.folder, context.programs, IMAGE) as origin:
                    with server(context.folder, origin) as peer:
                        record(context, program, mode, who, measured(context, origin, peer, trace, mode))


def record(context, program, mode, who, saw):
    context.add(f"wait, {program}, {mode}", "s", who, saw["wait_s"], WAIT_BARS[mode])
    context.add(f"traffic, {program}, {mode}", "×", who, saw["traffic"], TRAFFIC_BAR)
