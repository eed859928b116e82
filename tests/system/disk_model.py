"""What a volume may hold after a crash: for each 512-byte sector, what it held at the last flush, or anything
that was sent to it since, acknowledged or not."""
import struct
from dataclasses import dataclass

SECTOR = 512
BASE = 1  # The version that the image has; 0 is zeroes, and writes count up from here.
NEVER = 1 << 62


def content(sector, version):
    """The bytes of a sector: they say where they belong and who wrote them."""
    return bytes(SECTOR) if version == 0 else struct.pack("<QQ", version, sector) * (SECTOR // 16)


def extent(first, count, version):
    return b"".join(content(sector, version) for sector in range(first, first + count))


@dataclass(slots=True)
class Write:
    """One version that a sector was sent, with the moments (a count of events) it was sent and acknowledged."""

    version: int
    sent: int
    acknowledged: int = NEVER


class Model:
    def __init__(self, sectors, version):
        self.sectors = sectors
        self.settled = [version] * sectors  # What those have that `open` does not name.
        self.open = {}  # Sector: writes that it may hold, after a crash or now.
        self.looks = {}  # Sector: the sets of versions that reads under way may see there.
        self.now = 0
        self.next_version = BASE + 1

    def tick(self):
        self.now += 1
        return self.now

    def send(self, first, count, zero=False):
        """A write (or trim) is on its way: its sectors may hold it from now on. Returns what `acknowledge` wants."""
        version = 0 if zero else self.next_version
        self.next_version += 1
        write = Write(version, self.tick())
        for sector in range(first, first + count):
            self.open.setdefault(sector, [Write(self.settled[sector], -1, -1)]).append(write)
            for look in self.looks.get(sector, ()):
                look.add(version)
        return write

    def look(self, first, count):
        """A read is on its way: it may see what is there now, and all that is sent before it is answered. Returns
        what `looked` wants."""
        now = self.tick()
        seen = [self.visible(first + i, now) for i in range(count)]
        for i, versions in enumerate(seen):
            self.looks.setdefault(first + i, []).append(versions)
        return seen

    def looked(self, first, seen, data):
        """The answer to a read; raises when it cannot be."""
        self.found(first, data, lambda sector: seen[sector - first])
        self.forget(first, seen)

    def forget(self, first, seen):
        for i, versions in enumerate(seen):
            left = [each for each in self.looks[first + i] if each is not versions]
            if left:
                self.looks[first + i] = left
            else:
                del self.looks[first + i]

    def acknowledge(self, write, durable_sectors=()):
        """With FUA, its sectors come along: nothing that was acknowledged before it was sent can come back."""
        write.acknowledged = self.tick()
        for sector in durable_sectors:
            self.prune(sector, [write])

    def flushed(self, sent):
        """A flush that was sent at `sent` is acknowledged."""
        for sector in list(self.open):
            self.prune(sector, [each for each in self.open[sector] if each.acknowledged < sent])

    def prune(self, sector, durable):
        """Forgets what an acknowledged write is known to have followed."""
        writes = self.open.get(sector)
        if writes is None or not durable:
            return
        newest = max(each.sent for each in durable)
        writes = [each for each in writes if each.acknowledged >= newest]
        if len(writes) == 1 and writes[0].acknowledged < NEVER:
            self.settled[sector] = writes[0].version
            del self.open[sector]
        else:
            self.open[sector] = writes

    def visible(self, sector, asked):
        """The versions that a read may see that was sent at `asked`."""
        writes = self.open.get(sector)
        if writes is None:
            return {self.settled[sector]}
        newest = max((each.sent for each in writes if each.acknowledged < asked), default=-1)
        return {each.version for each in writes if each.acknowledged >= newest}

    def possible(self, sector):
        """The versions that a crash now may leave."""
        writes = self.open.get(sector)
        return {self.settled[sector]} if writes is None else {each.version for each in writes}

    def found(self, first, data, allowed):
        """Checks bytes against `allowed(sector)`; returns the versions that are there. Raises on what cannot be."""
        versions = []
        for i in range(len(data) // SECTOR):
            sector = first + i
            bytes_there = data[i * SECTOR : (i + 1) * SECTOR]
            version = struct.unpack_from("<Q", bytes_there)[0]
            may_be = allowed(sector)
            if version not in may_be or bytes_there != content(sector, version):
                raise AssertionError(
                    f"sector {sector} (block {sector // 8}) holds version {version} of sector "
                    f"{struct.unpack_from('<Q', bytes_there, 8)[0]}, may hold {sorted(may_be)}; "
                    f"whole: {bytes_there == content(sector, version)}"
                )
            versions.append(version)
        return versions

    def settle(self, versions):
        """After a crash: what is there now is what it is."""
        self.settled = list(versions)
        self.open.clear()
        self.looks.clear()
