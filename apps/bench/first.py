"""The first boot ever: nothing is known of the image or the program."""
from boots import IMAGE, PROGRAMS, measured, recording
from figures import Bar
from node import Node
from servers import Origin, on_demand

TITLE = "first boot ever over a 10 ms, 1 Gbit/s origin, against reading on demand; what learning from it costs"

MODE = "normal"
WAIT_BAR = Bar(limit=0.6, moonshot=0.3, of="on demand")
TRAFFIC_BAR = Bar(limit=1.3, moonshot=1.3)
LEARNING_BAR = Bar(limit=50, moonshot=10)


def measure(context):
    for program in PROGRAMS:
        trace = recording(context, program, context.round)
        context.say(f"{program}: on demand")
        with Origin(context.folder, context.programs, IMAGE) as origin, on_demand(context.folder, origin) as peer:
            record(context, program, "on demand", measured(context, origin, peer, trace, MODE))
        context.say(f"{program}: forerun")
        with Origin(context.folder, context.programs, IMAGE) as origin:
            with Node(context.folder, context.programs, f"first-{program}-{context.round}") as node:
                volume = node.volume("first", origin.uri, program)
                cost = []
                then = lambda leave, node=node, cost=cost: cost.append(node.cpu_of(leave))
                record(context, program, "forerun", measured(context, origin, volume, trace, MODE, then))
                context.add(f"learning after a boot of {program}", "ms CPU", "forerun", cost[0] * 1000, LEARNING_BAR)


def record(context, program, who, saw):
    context.add(f"wait, {program}", "s", who, saw["wait_s"], WAIT_BAR)
    context.add(f"traffic, {program}", "×", who, saw["traffic"], TRAFFIC_BAR)
