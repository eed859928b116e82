"""A small NBD client with nothing between the test and the wire: requests can be left unanswered, and answers
taken in any order. https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md"""
import socket
import struct

READ, WRITE, FLUSH, TRIM, CACHE, WRITE_ZEROES = 0, 1, 3, 4, 5, 6
FUA, NO_HOLE = 1, 2
EPERM, EIO, EINVAL, ENOSPC = 1, 5, 22, 28
HAS_READ_ONLY = 2  # Transmission flags: bit 1.
SECONDS_MAX = 60.0  # An answer that takes longer is taken for one that never comes.
GO, REPLY_ACK, REPLY_INFO = 7, 1, 3


class Refused(Exception):
    """The server does not offer that export; the text is what it said."""


class Failed(Exception):
    """A request was answered with an error."""

    def __init__(self, error):
        super().__init__(f"error {error}")
        self.error = error


class Lost(Exception):
    """The connection ended."""


class Client:
    """One connection. `send` and `receive` pipeline; `read`, `write` and so on wait for their answer."""

    def __init__(self, path, export):
        if isinstance(path, tuple):
            self.socket = socket.create_connection(path, SECONDS_MAX)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(SECONDS_MAX)
            self.socket.connect(str(path))
        self.next_cookie = 1
        self.open = {}  # Cookie: length of the data to come.
        try:
            self.negotiate(export.encode())
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends in order, if the server still listens."""
        try:
            self.socket.sendall(struct.pack(">IHHQQI", 0x25609513, 0, 2, 0, 0, 0))
        except OSError:
            pass
        self.socket.close()

    def take(self, length):
        data = bytearray(length)
        at = 0
        while at < length:
            try:
                got = self.socket.recv_into(memoryview(data)[at:])
            except ConnectionError:
                got = 0
            if got == 0:
                raise Lost
            at += got
        return data

    def negotiate(self, name):
        magic, option_magic, _ = struct.unpack(">8s8sH", self.take(18))
        assert (magic, option_magic) == (b"NBDMAGIC", b"IHAVEOPT")
        about = struct.pack(">I", len(name)) + name + struct.pack(">H", 0)
        self.socket.sendall(struct.pack(">I8sII", 3, b"IHAVEOPT", GO, len(about)) + about)
        while True:
            _, _, kind, length = struct.unpack(">QIII", self.take(20))
            data = self.take(length)
            if kind == REPLY_ACK:
                return
            if kind >= 1 << 31:
                raise Refused(data.decode(errors="replace"))
            if kind == REPLY_INFO and data[:2] == b"\0\0":
                self.size, self.flags = struct.unpack(">QH", data[2:12])

    def send(self, command, offset=0, length=0, data=b"", flags=0):
        """Returns the cookie that the answer will have."""
        cookie = self.next_cookie
        self.next_cookie += 1
        self.open[cookie] = length if command == READ else 0
        try:
            self.socket.sendall(struct.pack(">IHHQQI", 0x25609513, flags, command, cookie, offset, length) + data)
        except (ConnectionError, BrokenPipeError):
            raise Lost from None
        return cookie

    def receive(self):
        """The next answer, whichever it is: cookie, error, data."""
        magic, error, cookie = struct.unpack(">IIQ", self.take(16))
        assert magic == 0x67446698, hex(magic)
        length = self.open.pop(cookie)
        return cookie, error, bytes(self.take(length)) if length and not error else b""

    def wait(self, cookie):
        got, error, data = self.receive()
        assert got == cookie
        if error:
            raise Failed(error)
        return data

    def read(self, offset, length):
        return self.wait(self.send(READ, offset, length))

    def write(self, offset, data, flags=0):
        self.wait(self.send(WRITE, offset, len(data), data, flags))

    def trim(self, offset, length, flags=0):
        self.wait(self.send(TRIM, offset, length, flags=flags))

    def flush(self):
        self.wait(self.send(FLUSH))

    def read_all(self, piece=1 << 20):
        """The whole export."""
        return b"".join(self.read(at, min(piece, self.size - at)) for at in range(0, self.size, piece))
