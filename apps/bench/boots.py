"""Recorded boots, and how one of them is replayed against a server."""
import json
import subprocess

from servers import Failed, Origin

PROGRAMS = ["none", "gcc", "db", "pyweb"]
RECORDINGS = 3  # Of each program.
IMAGE = "560M"  # The guest's disk.

# How the guest is: its think times ÷ speed, and whether it overlaps its reads.
MODES = {
    "normal": ["--speed", "10"],
    "serial": ["--speed", "10", "--serial"],
    "fast": ["--speed", "100"],
}


def recording(context, program, number):
    """The path of a recording; numbers go round."""
    path = context.traces / "boot" / f"alpha-{program}-{number % RECORDINGS + 1}.csv.gz"
    if not path.exists():
        raise Failed(f"{path} is not there; --traces names the folder of recordings")
    return path


def replay(context, server, trace, mode, then=None):
    """What the guest saw, by name; wrong contents are an error. `then` is told a way to make the guest leave."""
    command = [context.program("bench-replay"), "--connect", f"unix:{server.socket}", "--export", server.export]
    command += ["--trace", trace, "--pattern-seed", Origin.PATTERN_SEED, "--hold", *MODES[mode]]
    command = [str(part) for part in command]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as guest:
        line = guest.stdout.readline()
        if line and then:
            then(guest.stdin.close)
        guest.stdin.close()
    if guest.returncode != 0 or not line:
        raise Failed(f"{server.name}: the replay ended with status {guest.returncode}")
    saw = json.loads(line)
    if saw["mismatches"] or saw["failed"]:
        raise Failed(f"{server.name}: {saw['mismatches']} wrong blocks, {saw['failed']} failed requests")
    return saw


def measured(context, origin, server, trace, mode, then=None):
    """The same, with `traffic`: bytes from the origin ÷ distinct bytes that the guest read from the image."""
    before = origin.bytes_sent()
    saw = replay(context, server, trace, mode, then)
    saw["traffic"] = (origin.bytes_sent() - before) / saw["distinct_image_bytes"]
    return saw
