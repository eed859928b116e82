"""The provenance log beside what people keep such records in: appending, size, memory, questions, proof."""
import json
import shutil

from figures import Bar
from servers import Failed, Server, run

TITLE = "a hash-chained log of recorded accesses: appending in one thread, durable once a second; questions; proof"

TRACES = {"a boot": "boot/alpha-db-1", "a search engine": "block/spc_websearch1_a", "payments": "block/spc_financial1_a"}
RECORDS = {"forerun": 10_000_000, "lmdb": 2_000_000, "sqlite": 1_000_000, "redis": 1_000_000}
PEERS = {"redis": "redis XADD, pipelined", "lmdb": "LMDB append", "sqlite": "SQLite WAL"}

BESIDE_REDIS = Bar(limit=5, moonshot=20, of=PEERS["redis"], at_least=True)
RATE = Bar(limit=3e6, moonshot=5.6e6, at_least=True, also=BESIDE_REDIS)
SIZE = Bar(limit=24, moonshot=12)
MEMORY = Bar(limit=32, moonshot=8)
VERIFY = Bar(limit=1, moonshot=1.5, at_least=True)

# Questions are asked of one long log of all of these, a run after the other.
LONG = [
    *("boot/alpha-gcc-1", "boot/alpha-db-1", "block/spc_websearch1_a"),
    *("block/spc_financial1_a", "block/cloudphysics_w92", "block/ms_dtrs"),
]
LONG_RECORDS = 100_000_000
COLD = Bar(limit=10, moonshot=1)
WARM = Bar(limit=1, moonshot=0.5)
SUMS = Bar(limit=50, moonshot=5)


def measure(context):
    for name, trace in TRACES.items():
        path = recording(context, trace)
        for who, peer in PEERS.items():
            context.say(f"{name}: {peer}")
            saw = append(context, who, path)
            context.add(f"append, {name}", "1/s", peer, saw["records_per_s"], RATE)
        context.say(f"{name}: forerun")
        saw = append(context, "forerun", path)
        context.add(f"append, {name}", "1/s", "forerun", saw["records_per_s"], RATE)
        context.add(f"size of a record, {name}", "B", "forerun", saw["bytes_per_record"], SIZE)
        context.add(f"memory while appending, {name}", "MiB", "forerun", saw["resident_bytes"] / 2**20, MEMORY)
        context.add(f"verify, {name}", "GB/s", "forerun", saw["verify_bytes_per_s"] / 1e9, VERIFY)


    context.say(f"questions: a log of {LONG_RECORDS} records")
    saw = ask(context)
    size = (saw["log_bytes"] + saw["index_bytes"]) / saw["records"]
    context.add("size of a record with its index", "B", "forerun", size, SIZE)
    context.add("history of an element, cold, p99", "ms", "forerun", saw["cold_p99_us"] / 1e3, COLD)
    context.add("history of an element, cold, median", "ms", "forerun", saw["cold_p50_us"] / 1e3)
    context.add("history of an element, warm, p99", "ms", "forerun", saw["warm_p99_us"] / 1e3, WARM)
    context.add("history of an element, warm, median", "ms", "forerun", saw["warm_p50_us"] / 1e3)
    context.add("accesses by program and hour", "ms", "forerun", saw["sum_p50_us"] / 1e3, SUMS)


def recording(context, trace):
    path = context.traces / f"{trace}.csv.gz"
    if not path.exists():
        raise Failed(f"{path} is not there; --traces names the folder of recordings")
    return path


def ask(context):
    """The measuring program's figures for questions, of a log that is filled once for all runs."""
    folder = context.folder / "long-log"
    folder.mkdir(exist_ok=True)
    traces = [argument for trace in LONG for argument in ("--trace", recording(context, trace))]
    return json.loads(run([context.program("bench-history"), *traces, "--records", LONG_RECORDS, "--at", folder]))


def redis_server(folder):
    """Debian's redis-tools has the server too, under another name: what it does goes by its name. So nobody needs the
    package that starts a server on the machine."""
    found = shutil.which("redis-server")
    if found:
        return found
    tools = shutil.which("redis-check-rdb")
    if not tools:
        raise Failed("redis-server is not there: install redis-tools")
    program = folder / "redis-server"
    program.symlink_to(tools)
    return program


def append(context, who, trace):
    """The measuring program's figures for one store, in a folder that is gone afterwards."""
    folder = context.folder / f"{who}-log"
    folder.mkdir()
    command = [context.program("bench-append"), "--trace", trace, "--to", who, "--records", RECORDS[who], "--at"]
    try:
        if who != "redis":
            return json.loads(run([*command, folder]))
        settings = ["--port", 0, "--dir", folder, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]
        with Server(context.folder, "redis", [redis_server(folder), "--unixsocket", "{socket}", *settings]) as server:
            return json.loads(run([*command, server.socket]))
    finally:
        shutil.rmtree(folder)
