"""Load on a daemon, as a process of its own: requests at a steady rate beside streams, every answer checked.

    python -m tests.e2e.load URL --rate 200 --streams 20 --words 500

Open loop: a request is sent when it is due, however slow the answers are, and its latency counts from
that moment. Runs until stdin is closed, lets what is under way finish, and prints one JSON object. A
client of its own over bare sockets, since a library's would cost more than the daemon it measures.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import uvloop

from tests.dialects import MESSAGES, script, streamed_text

PATIENCE = 60.0


class Connection:
    """One keep-alive connection that asks for one thing at a time."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body; raises where the answer is cut."""
        head, answer = await self.exchange(path, body)
        return int(head[9:12]), answer

    async def exchange(self, path: str, body: bytes) -> tuple[bytes, bytes]:
        """Head, in small letters, and body; raises where the answer is cut."""
        if self._streams is not None and self._streams[0].at_eof():
            self.close()  # idle for so long that the daemon has closed it
        reader, writer = self._streams = self._streams or await asyncio.open_connection(self._host, self._port)
        writer.write(b"POST %s HTTP/1.1\r\nhost: %s:%d\r\n" % (path.encode(), self._host.encode(), self._port))
        writer.write(b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        return head, await reader.readexactly(int(length)) if length else await _chunks(reader)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def closed(self) -> None:
        """Closes it, and waits until it is closed."""
        if self._streams is not None:
            writer = self._streams[1]
            self.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)
    return b"".join(parts)


class Load:
    """What was asked and what came of it."""

    def __init__(self, url: str, *, rate: float, streams: int, words: int) -> None:
        place = urlsplit(url)
        self._place = (place.hostname or "", place.port or 80)
        self._rate = rate
        self._streams = streams
        self._text = "word " * words
        self._done = asyncio.Event()
        self._idle: list[Connection] = []
        self._failed: list[str] = []
        self._latencies: list[float] = []
        self._sent = 0
        self._whole = 0

    async def run(self) -> dict[str, object]:
        """Until stdin is closed."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._ask_on_time(tasks))
            for number in range(self._streams):
                tasks.create_task(self._stream(number / self._streams))
            await asyncio.to_thread(sys.stdin.read)
            seconds = time.monotonic() - began
            self._done.set()
        latencies = sorted(self._latencies)
        return {
            "seconds": seconds,
            "sent": self._sent,
            "answered": len(latencies),
            "streams": self._whole,
            "failed": self._failed,
            "p50_ms": latencies[len(latencies) // 2] * 1000,
            "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
            "max_ms": latencies[-1] * 1000,
        }

    async def _ask_on_time(self, tasks: asyncio.TaskGroup) -> None:
        began = time.monotonic()
        body = json.dumps(MESSAGES.request("x")).encode()
        while not self._done.is_set():
            due = began + self._sent / self._rate
            await asyncio.sleep(due - time.monotonic())
            self._sent += 1
            tasks.create_task(self._ask(body, due))

    async def _ask(self, body: bytes, due: float) -> None:
        connection = self._idle.pop() if self._idle else Connection(*self._place)
        answer = await self._post(connection, body)
        self._idle.append(connection)
        if answer is not None and MESSAGES.text(json.loads(answer)):
            self._latencies.append(time.monotonic() - due)

    async def _stream(self, phase: float) -> None:
        """One stream after the other; ``phase`` keeps them from beginning and ending together."""
        body = json.dumps(MESSAGES.request(script({"text": self._text}), stream=True)).encode()
        connection = Connection(*self._place)
        await asyncio.sleep(phase)
        while not self._done.is_set():
            answer = await self._post(connection, body)
            if answer is None:
                continue
            seen = list(_events(answer))
            if streamed_text(MESSAGES, seen) == self._text and MESSAGES.terminal(seen[-1]):
                self._whole += 1
            else:
                self._failed.append(f"a stream ended with {answer[-300:]!r}")

    async def _post(self, connection: Connection, body: bytes) -> bytes | None:
        """The answer's body; None, and noted, where it is not a whole 200."""
        try:
            async with asyncio.timeout(PATIENCE):
                status, answer = await connection.post(MESSAGES.path, body)
        except (OSError, EOFError, ValueError) as error:
            connection.close()
            self._failed.append(repr(error))
            return None
        if status != 200:
            self._failed.append(f"{status}: {answer[:300]!r}")
            return None
        return answer


def _events(body: bytes) -> Iterator[dict[str, object]]:
    return (json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: "))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--streams", type=int, required=True)
    parser.add_argument("--words", type=int, required=True)
    arguments = parser.parse_args()

    async def load() -> dict[str, object]:
        options = vars(arguments)
        return await Load(options.pop("url"), **options).run()

    print(json.dumps(uvloop.run(load())))


if __name__ == "__main__":
    main()
