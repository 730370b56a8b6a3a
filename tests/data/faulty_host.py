"""A dataset of one file, and a host on loopback that serves it with every fault a host can have."""

import gzip
import hashlib
import http.server
import random
import socket
import struct
import threading
import time
from dataclasses import replace

from course_lib.registry import File, Record, SplitRule

CONTENT = random.Random(0).randbytes(200_000)
PATH = "tables/small.csv"


def tiny(url: str = "", content: bytes = CONTENT, **changes) -> Record:
    """A dataset of one file."""
    file = File(PATH, hashlib.sha256(content).hexdigest(), len(content), url)
    entry = Record(
        name="tiny",
        title="Tiny",
        task="regression",
        source="download",
        needs="",
        shape=(4, 1),
        inputs={"length": "cm"},
        target={"mass": "kg"},
        classes=(),
        licence="none",
        citation="nobody",
        splits=(SplitRule("blocks", "blocks", {"train": 0.5, "valid": 0.25, "test": 0.25}, "Why not."),),
        folder="tiny",
        reader="tiny",
        files=(file,),
        stand_in="cl.simulators.noise_genes(SEED)",
    )
    return replace(entry, **changes)


def whole(handler) -> None:
    """The file, or what is asked of it."""
    start = int(handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
    handler.send_response(206 if "Range" in handler.headers else 200)
    if "Range" in handler.headers:
        handler.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
    handler.send_header("Content-Length", str(len(CONTENT) - start))
    handler.end_headers()
    handler.wfile.write(CONTENT[start:])


def body(content: bytes, status: int = 200, length: int | None = None, **headers: str):
    """An answer with a body, and with a length that may be a lie; no length for -1."""

    def answer(handler) -> None:
        handler.send_response(status)
        handler.send_header("Connection", "close")
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if length != -1:
            handler.send_header("Content-Length", str(len(content) if length is None else length))
        handler.end_headers()
        handler.wfile.write(content)
        handler.close_connection = True

    return answer


def hung_up_once(handler) -> None:
    """No answer at the first request, as from a connection that was kept too long."""
    if len(handler.server.asked) > 1:
        whole(handler)


def broken_off_once(handler) -> None:
    """Half of the file at the first request, and whatever is asked for after that."""
    if len(handler.server.asked) > 1:
        whole(handler)
    else:
        body(CONTENT[: len(CONTENT) // 2], length=len(CONTENT))(handler)


def trickle(handler) -> None:
    """A few bytes now and then, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.end_headers()
    while not handler.server.is_closing.wait(0.02):
        handler.wfile.write(b"x")


def trickling_headers(handler) -> None:
    """A header that never ends."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.server.is_closing.wait(0.02):
        handler.wfile.write(b"x")


def silence(handler) -> None:
    """Half of the file, and then nothing, while the connection stays."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.end_headers()
    handler.wfile.write(CONTENT[: len(CONTENT) // 2])
    handler.server.is_closing.wait(60)


def endless(handler) -> None:
    """As fast as it goes, without an end."""
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.is_closing.is_set():
        handler.wfile.write(bytes(100_000))


def reset(handler, sent: bytes = b"") -> None:
    """A connection that the host tears down."""
    if sent:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(CONTENT)))
        handler.end_headers()
        handler.wfile.write(sent)
        time.sleep(0.1)  # so that it arrives before what tears the connection down
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def circle(handler) -> None:
    """A redirect to itself."""
    body(b"", status=302, Location=handler.path)(handler)


def flipped() -> bytes:
    """The content with one other bit."""
    place = len(CONTENT) // 2
    return CONTENT[:place] + bytes([CONTENT[place] ^ 1]) + CONTENT[place + 1 :]


def bomb() -> bytes:
    """As many bytes as the file has, which unpack to two hundred million."""
    packed = gzip.compress(bytes(200_000_000), compresslevel=9)
    assert len(packed) < len(CONTENT)
    return packed + bytes(len(CONTENT) - len(packed))


ANSWERS = {
    "whole": whole,
    "broken-off-once": broken_off_once,
    "hung-up-once": hung_up_once,
    "page": body(b"<html>404: not here</html>", Content_Type="text/html"),
    "page-of-the-right-length": body(b"<html>".ljust(len(CONTENT)), Content_Type="text/html"),
    "missing": body(b"nothing here", status=404),
    "ill": body(b"it hurts", status=500),
    "other": body(b"other bytes"),
    "empty": body(b""),
    "flipped": body(flipped()),
    "truncated": body(CONTENT[:150_000], length=len(CONTENT)),
    "truncated-without-a-word": body(CONTENT[:150_000], length=-1),
    "longer": body(CONTENT + b"!", length=-1),
    "bomb": body(bomb(), Content_Encoding="gzip"),
    "circle": circle,
    "to-a-local-file": body(b"", status=302, Location="file:///etc/hostname"),
    "nonsense": lambda handler: handler.wfile.write(b"this is not HTTP\r\n\r\n"),
    "trickle": trickle,
    "trickling-headers": trickling_headers,
    "silence": silence,
    "endless": endless,
    "reset": reset,
    "reset-midway": lambda handler: reset(handler, CONTENT[:70_000]),
    "refuses-to-go-on": lambda handler: (
        body(b"", status=416)(handler) if "Range" in handler.headers else broken_off_once(handler)
    ),
}


class Host(http.server.ThreadingHTTPServer):
    """A host that remembers what it was asked; the first part of an address says how it answers."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None]] = []
        self.is_closing = threading.Event()

    def url(self, answer: str) -> str:
        """The address of the file, as this answer gives it."""
        assert answer in ANSWERS
        return f"http://127.0.0.1:{self.server_port}/{answer}"

    def handle_error(self, request, client_address):
        """A client that hangs up is what most of these tests are about."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range")))
        ANSWERS[self.path.split("/")[1]](self)
        self.close_connection = True

    def log_message(self, *_):
        pass
