"""The first boot ever: nothing is known of the image or the program."""
from boots import IMAGE, MODES, PROGRAMS, measured, recording
from figures import Bar
from node import Node
from servers import Origin, on_demand

TITLE = "first boot ever over a 10 ms, 1 Gbit/s origin, against reading on demand; what learning from it costs"

WAIT_BAR = Bar(limit=0.6, moonshot=0.3, of="on demand")
TRAFFIC_BAR = Bar(limit=1.3, moonshot=1.3)
LEARNING_BAR = Bar(limit=50, moonshot=10)


def measure(context):
    for program in PROGRAMS:
        trace = recording(context, program, context.round)
        for mode in MODES:
            context.say(f"{program}, {mode}: on demand")
            with Origin(context.folder, context.programs, IMAGE) as origin, on_demand(context.folder, origin) as peer:
                record(context, program, mode, "on demand", measured(context, origin, peer, trace, mode))
            context.say(f"{program}, {mode}: forerun")
            name = f"first-{program}-{mode}-{context.round}"
            with Origin(context.folder, context.programs, IMAGE) as origin:
                with Node(context.folder, context.programs, name) as node:
                    volume = node.volume("first", origin.uri, program)
                    cost = []
                    then = (lambda leave, node=node: cost.append(node.cpu_of(leave))) if mode == "normal" else None
                    record(context, program, mode, "forerun", measured(context, origin, volume, trace, mode, then))
                    if cost:
                        metric = f"learning after a boot of {program}"
                        context.add(metric, "ms CPU", "forerun", cost[0] * 1000, LEARNING_BAR)


def record(context, program, mode, who, saw):
    context.add(f"wait, {program}, {mode}", "s", who, saw["wait_s"], WAIT_BAR)
    context.add(f"traffic, {program}, {mode}", "×", who, saw["traffic"], TRAFFIC_BAR)
