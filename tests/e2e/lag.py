"""How long the daemon's loop keeps others waiting, seen from a process of its own: ``GET /healthz``, every 5 ms.

    python -m tests.e2e.lag URL

One keep-alive connection over a bare socket. The time of an answer is the loop's lag and what the answer
itself costs. Runs until stdin is closed, and prints one JSON object.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from urllib.parse import urlsplit

EVERY = 0.005


def measured(url: str) -> dict[str, float]:
    """Milliseconds."""
    place = urlsplit(url)
    request = f"GET /healthz HTTP/1.1\r\nhost: {place.netloc}\r\n\r\n".encode()
    times = []
    with socket.create_connection((place.hostname, place.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not select.select([sys.stdin], [], [], EVERY)[0]:
            began = time.perf_counter()
            connection.sendall(request)
            answer_from(connection)
            times.append((time.perf_counter() - began) * 1000)
    times.sort()
    return {"asked": len(times), "p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100], "max": times[-1]}


def answer_from(connection: socket.socket) -> None:
    """Reads one answer whole."""
    seen = b""
    while b"\r\n\r\n" not in seen:
        seen += connection.recv(65536)
    head, _, body = seen.partition(b"\r\n\r\n")
    left = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]) - len(body)
    while left > 0:
        left -= len(connection.recv(left))


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1])))
