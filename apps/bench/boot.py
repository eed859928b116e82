"""The main job: the second boot of a program, another recording of it, over a slow origin."""
from boots import IMAGE, MODES, PROGRAMS, measured, recording, replay
from figures import Bar
from node import Node, copy_data
from servers import Origin, qemu_copy_on_read

TITLE = "second boot over a 10 ms, 1 Gbit/s origin, against qemu copy-on-read 1 MiB"

PEER = "qemu copy-on-read 1 MiB"
WAIT_BARS = {
    "normal": Bar(limit=1 / 8, moonshot=1 / 12, of=PEER),
    "serial": Bar(limit=1 / 8, moonshot=1 / 12, of=PEER),
    "fast": Bar(limit=1 / 8, moonshot=1 / 15, of=PEER),
}
TRAFFIC_BAR = Bar(limit=1.05, moonshot=1.01)
ACCURACY_BAR = Bar(limit=0.95, moonshot=0.99, at_least=True)


def measure(context):
    """In each round another recording is the boot that is measured, and another one what was learned from."""
    for program in PROGRAMS:
        trace = recording(context, program, context.round + 1)
        learned = learn(context, program)
        for mode in MODES:
            context.say(f"{program}, {mode}: {PEER}")
            with Origin(context.folder, context.programs, IMAGE) as origin:
                with qemu_copy_on_read(context.folder, origin) as peer:
                    record(context, program, mode, PEER, measured(context, origin, peer, trace, mode))
            context.say(f"{program}, {mode}: forerun")
            copy_data(learned, context.folder / f"{learned.name}-{mode}")
            with Origin(context.folder, context.programs, IMAGE) as origin:
                with Node(context.folder, context.programs, f"{learned.name}-{mode}") as node:
                    volume = node.volume("second", origin.uri, program)
                    record(context, program, mode, "forerun", measured(context, origin, volume, trace, mode))
                    accuracy = node.counters("second")["accuracy"]
                    context.add(f"accuracy, {program}, {mode}", "", "forerun", accuracy, ACCURACY_BAR)


def learn(context, program):
    """The data folder of a node that has seen one boot of the program and kept nothing of the image."""
    name = f"learned-{program}-{context.round}"
    context.say(f"{program}: first boot, to learn from")
    with Origin(context.folder, context.programs, IMAGE) as origin:
        with Node(context.folder, context.programs, name, keep=True) as node:
            volume = node.volume("first", origin.uri, program)
            replay(context, volume, recording(context, program, context.round), "normal")
            node.tell("cache", "drop")
    return node.data


def record(context, program, mode, who, saw):
    context.add(f"wait, {program}, {mode}", "s", who, saw["wait_s"], WAIT_BARS[mode])
    context.add(f"traffic, {program}, {mode}", "×", who, saw["traffic"], TRAFFIC_BAR)
