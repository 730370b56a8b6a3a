"""Python loads this at start when tests/guards is on PYTHONPATH: a kernel that asks the network is told no.

An audit hook sees every socket of Python, whoever opens it. It also writes to stderr, so that a notebook that
catches the error is caught all the same (notebook_guard.py fails a cell that writes there).
"""

import sys

_AT_HOME = ("127.", "::1", "localhost", "0.0.0.0")


def _refuse_the_network(event, args):
    if event == "socket.connect":
        address = args[1]
        host = address[0] if isinstance(address, tuple) else ""  # a string is a Unix socket: no network
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if host and not host.startswith(_AT_HOME):
        print(f"asked the network: {host}", file=sys.stderr)
        raise OSError(f"Tests run without a network, and this asked for {host}.")


sys.addaudithook(_refuse_the_network)
