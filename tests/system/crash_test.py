"""kill -9 at random moments: what was flushed reads back, and no block ever holds what it never was sent.

    crash_test.py --rounds 1000 --seed 7
"""
import argparse
import os
import random
import signal
import sys
import threading
import time

import nbd
import stage
from disk_model import BASE, SECTOR, Model, extent

SECTORS = 8192  # 4 MiB
BLOCK = 8  # Sectors.
REQUESTS_MAX = 12  # Open at once.
READ_PIECE = 1 << 20
REQUESTS_UNTIL_END = 600  # At most, of one volume.
END_AFTER_MAX = 0.004  # Seconds after that request was sent.
# Small, so that blocks of the image come and go, and the map of written blocks is rewritten now and then.
CONFIG = '[memory]\npool = "1 MiB"\n[disk]\ncache = "1 MiB"\n[metrics]\nlisten = "off"\n[log]\nlevel = "warn"\n'


class Work:
    """Random requests to one volume, until the node is gone."""

    def __init__(self, client, model, numbers, time_to_end):
        self.client, self.model, self.random, self.time_to_end = client, model, numbers, time_to_end
        self.requests_until_end = self.random.randrange(1, REQUESTS_UNTIL_END)
        self.open = {}  # Cookie: what to do with its answer.
        self.requests = 0
        self.reads = 0

    def until_lost(self):
        try:
            while True:
                self.send_one()
                if self.requests == self.requests_until_end:
                    self.time_to_end.set()
                while len(self.open) >= REQUESTS_MAX or (self.open and self.random.random() < 0.4):
                    self.take_one()
        except nbd.Lost:
            pass
        # What was acknowledged before the end counts, even if it is read only now.
        try:
            while self.open:
                self.take_one()
        except nbd.Lost:
            pass

    def place(self, whole_blocks=False):
        """Where to write; often where it was written before."""
        unit = BLOCK if whole_blocks or self.random.random() < 0.6 else 1
        count = min(int(self.random.expovariate(0.15)) + 1, 128 // unit) * unit
        room = (SECTORS - count) // unit
        first = self.random.randrange(room + 1) if self.random.random() < 0.5 else self.random.randrange(room // 16)
        return first * unit, count

    def send_one(self):
        dice = self.random.random()
        self.requests += 1
        if dice < 0.55:
            first, count = self.place()
            fua = nbd.FUA if self.random.random() < 0.1 else 0
            write = self.model.send(first, count)
            self.send(nbd.WRITE, first, count, self.settles(write, first, count, fua), extent(first, count, write.version), fua)
        elif dice < 0.65:
            first, count = self.place(whole_blocks=self.random.random() < 0.5)
            write = self.model.send(first, count, zero=True)
            hole = self.random.choice((0, nbd.NO_HOLE))
            self.send(nbd.WRITE_ZEROES, first, count, self.settles(write, first, count), b"", hole)
        elif dice < 0.75:
            first, count = self.place(whole_blocks=True)
            write = self.model.send(first, count, zero=True)
            self.send(nbd.TRIM, first, count, self.settles(write, first, count))
        elif dice < 0.9:
            first, count = self.place()
            seen = self.model.look(first, count)
            self.send(nbd.READ, first, count, lambda data: self.look(first, seen, data))
        else:
            sent = self.model.tick()
            self.send(nbd.FLUSH, 0, 0, lambda _: self.model.flushed(sent))

    def send(self, command, first, count, then, data=b"", flags=0):
        cookie = self.client.send(command, first * SECTOR, count * SECTOR, data, flags)
        self.open[cookie] = then

    def take_one(self):
        cookie, error, data = self.client.receive()
        assert error == 0, f"a request failed with error {error}"
        self.open.pop(cookie)(data)

    def settles(self, write, first, count, fua=0):
        durable = range(first, first + count) if fua else ()
        return lambda _: self.model.acknowledge(write, durable)

    def look(self, first, seen, data):
        self.reads += 1
        self.model.looked(first, seen, data)


class Volume:
    """A volume, the model of it, and how it is judged after a crash."""

    def __init__(self, name, version):
        self.name = name
        self.model = Model(SECTORS, version)

    def judge(self, node):
        node.await_volume(self.name)
        versions = []
        with node.connect(self.name) as client:
            for at in range(0, client.size, READ_PIECE):
                data = client.read(at, READ_PIECE)
                versions += self.model.found(at // SECTOR, data, self.model.possible)
        self.model.settle(versions)


def end_somehow(node, time_to_end, numbers):
    """kill -9 mostly, at times an orderly end with clients still at work."""
    time_to_end.wait()
    if numbers.random() < 0.5:
        time.sleep(numbers.random() * END_AFTER_MAX)
    os.kill(node.pid, signal.SIGTERM if numbers.random() < 0.15 else signal.SIGKILL)


def restart(node, numbers):
    """Up again; now and then it is killed while it recovers."""
    node.child.process.wait(stage.STOP_SECONDS_MAX)
    while numbers.random() < 0.2:
        node.launch()
        time.sleep(numbers.random() * 0.1)
        node.kill()
    node.start()


def play(folder, seed, rounds):
    numbers = random.Random(seed)
    image = folder / "image.raw"
    image.write_bytes(extent(0, SECTORS, BASE))
    node = stage.Node(folder, CONFIG)
    requests = reads = 0
    with node:
        volumes = [Volume("on-image", BASE), Volume("empty", 0)]
        node.create("on-image", "--image", f"file:{image}")
        node.create("empty", "--size", str(SECTORS * SECTOR))
        for number in range(rounds):
            clients = [node.connect(volume.name) for volume in volumes]
            time_to_end = threading.Event()
            works = [
                Work(client, volume.model, random.Random(numbers.random()), time_to_end)
                for client, volume in zip(clients, volumes)
            ]
            failed = []
            ending = threading.Thread(target=end_somehow, args=(node, time_to_end, random.Random(numbers.random())))
            threads = [ending, *(threading.Thread(target=guarded, args=(work, failed)) for work in works)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for client in clients:
                client.close()
            if failed:
                raise AssertionError(f"round {number}: {failed[0]}") from failed[0]
            restart(node, numbers)
            for volume in volumes:
                try:
                    volume.judge(node)
                except AssertionError as wrong:
                    raise AssertionError(f"round {number}, volume {volume.name}: {wrong}") from None
            assert node.tell("verify")["intact"], f"round {number}: the log's chain is broken"
            requests += sum(work.requests for work in works)
            reads += sum(work.reads for work in works)
    print(f"{rounds} rounds, {requests} requests, {reads} reads checked while they ran: all as it must be")


def guarded(work, failed):
    """The work, with what goes wrong shown by the thread that waits."""
    try:
        work.until_lost()
    except Exception as wrong:
        failed.append(wrong)
        work.time_to_end.set()


class Crash(stage.Test):
    rounds = 8 if stage.SANITIZED else 24
    seed = None

    def test_what_was_flushed_survives_and_nothing_is_served_that_was_never_sent(self):
        seed = random.SystemRandom().randrange(1 << 32) if self.seed is None else self.seed
        print(f"seed {seed}", flush=True)
        play(self.folder, seed, self.rounds)


if __name__ == "__main__":
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("--rounds", type=int, default=Crash.rounds)
    options.add_argument("--seed", type=int)
    wanted, rest = options.parse_known_args()
    Crash.rounds, Crash.seed = wanted.rounds, wanted.seed
    sys.argv = [sys.argv[0], *rest]
    stage.main()
