#!/usr/bin/env python3
"""Prints the records of a provenance log, one JSON object a line, and checks its chain.

usage: read_provenance.py FOLDER

A second reader, written from docs/formats/provenance.md alone: what it prints must equal what the node reads.
Exits with 1 when the chain or a block does not hold. The XXH3 checksums are not looked at: Python has none.
"""
import ctypes
import hashlib
import json
import pathlib
import re
import struct
import sys

SEGMENT = struct.Struct("<8sQHHIQQq32s")
SUMMARY = struct.Struct("<8sHHIQQ32s")
BLOCK = struct.Struct("<8sQHHIQQQIIqqQQQ32s")
OPERATIONS = dict(enumerate("READ WRITE DELETE EXECUTE PREFETCH EVICT ALLOCATE RELEASE".split()))
VERSIONS = (1, 2)
OUTCOMES = {0: "none", 1: "hit", 2: "late", 3: "miss", 4: "failed"}


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise ValueError("bytes are missing")
        self.at += count
        return self.data[self.at - count : self.at]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & (2**64 - 1)
            shift += 7

    def done(self):
        return self.at == len(self.data)


def unzigzag(value):
    return (value >> 1) ^ -(value & 1)


def signed(value):
    """The low 64 bits as a signed number: sums wrap around."""
    return (value + 2**63) % 2**64 - 2**63


def unpack(frame):
    zstd = ctypes.CDLL("libzstd.so.1")
    zstd.ZSTD_getFrameContentSize.restype = zstd.ZSTD_decompress.restype = ctypes.c_size_t
    size = zstd.ZSTD_getFrameContentSize(frame, ctypes.c_size_t(len(frame)))
    out = ctypes.create_string_buffer(size)
    if zstd.ZSTD_decompress(out, ctypes.c_size_t(size), frame, ctypes.c_size_t(len(frame))) != size:
        raise ValueError("a zstd frame does not hold")
    return out.raw


def numbers(codec, data, count):
    data, out = Bytes(data), []
    while len(out) < count:
        value = data.varint()
        out += [value] * (data.varint() if codec == 1 else 1)
    if len(out) != count or not data.done() or codec not in (0, 1):
        raise ValueError("a column has the wrong length")
    return out


def records(payload, first_position, count, contexts_count):
    data = Bytes(payload)
    names = [data.take(data.varint()).decode("utf-8", "replace") for _ in range(data.varint())]
    contexts = []
    for _ in range(contexts_count):
        vm, program, user = (names[data.varint()] for _ in range(3))
        node, run, kind, space = (data.varint() for _ in range(4))
        contexts.append(dict(vm=vm, program=program, user=user, node=node, run=run, kind=kind, space=space))
    columns, rest = {}, {8: Bytes(b""), 9: Bytes(b""), 10: Bytes(b"")}
    while not data.done():
        number, codec = data.take(2)
        column = data.take(data.varint())
        if number in rest:
            rest[number] = Bytes(unpack(column) if codec == 2 else column)
        elif number < 8:
            columns[number] = numbers(codec, column, count)
    zeroes = [0] * count
    context, time, what, first, extra, length, latency = (columns.get(i, zeroes) for i in range(1, 8))
    digests, values, versions = rest.values()
    now, version, ends = 0, 0, [0] * contexts_count
    for i in range(count):
        now = signed(now + unzigzag(time[i]))
        size = length[i] // 2 * (1 if length[i] & 1 else 512)
        begin = ends[context[i]] + unzigzag(first[i])
        elements = (size + 4095) // 4096 + unzigzag(extra[i])
        ends[context[i]] = begin + elements
        operation, outcome = what[i] & 31, what[i] >> 5 & 7
        digest = digests.take(16).hex() if what[i] & 256 else ""
        value = values.take(values.varint()).decode("utf-8", "replace") if what[i] & 512 else ""
        if what[i] & 1024:
            version = (version + unzigzag(versions.varint())) % 2**64
        yield dict(
            position=first_position + i,
            time_ns=now,
            **contexts[context[i]],
            operation=OPERATIONS.get(operation, operation),
            first=begin,
            count=elements,
            bytes=size,
            outcome=OUTCOMES.get(outcome, outcome),
            latency_us=latency[i],
            digest=digest,
            version=version if what[i] & 1024 else 0,
            value=value,
        )


def beginning(folder):
    """The first segment's number, block, record and predecessor. Signatures are not looked at: Python has no Ed25519."""
    summary = folder / "provenance.dropped"
    if not summary.exists():
        return 0, 0, 0, bytes(32)
    magic, version, _, *start = SUMMARY.unpack_from(summary.read_bytes())
    if (magic, version) != (b"FRPROVDR", 1):
        raise ValueError("provenance.dropped: no summary of a known version")
    return start


def read(folder):
    first, sequence, position, head = beginning(pathlib.Path(folder))
    files = sorted(p for p in pathlib.Path(folder).iterdir() if re.fullmatch(r"provenance-\d{8}\.log", p.name))
    files = [path for path in files if int(path.name[11:19]) >= first]
    for number, path in enumerate(files, first):
        data = Bytes(path.read_bytes())
        raw = data.take(SEGMENT.size)
        magic, _, version, _, here, from_sequence, from_position, _, predecessor = SEGMENT.unpack(raw)
        if (magic, here) != (b"FRPROVSG", number) or version not in VERSIONS:
            raise ValueError(f"{path.name}: not segment {number} of a known version")
        if (from_sequence, from_position, predecessor) != (sequence, position, head):
            raise ValueError(f"{path.name}: does not follow the segment before")
        head = hashlib.sha256(raw).digest()
        while not data.done():
            at = data.at
            raw = data.take(BLOCK.size)
            (magic, _, version, _, size, _, its_sequence, its_position, count, contexts, *_, predecessor) = BLOCK.unpack(raw)
            if magic != b"FRPROVBK" or version not in VERSIONS:
                raise ValueError(f"{path.name}: no block at {at}")
            if (its_sequence, its_position, predecessor) != (sequence, position, head):
                raise ValueError(f"{path.name}: the block at {at} does not follow the one before")
            payload = data.take(size)
            yield from records(payload, position, count, contexts)
            head = hashlib.sha256(raw + payload).digest()
            sequence, position = sequence + 1, position + count


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        for record in read(sys.argv[1]):
            print(json.dumps(record, separators=(",", ":")))
    except BrokenPipeError:
        sys.exit(0)
    except (ValueError, IndexError, OSError) as wrong:
        sys.exit(f"read_provenance: {wrong}")


if __name__ == "__main__":
    main()
