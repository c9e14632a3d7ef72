"""What the simulator remembers: which faults come next, and what has been asked of it."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Iterable

from msgspec import Struct

from daemon.simulate.conversation import Json
from daemon.simulate.demand import Asked
from daemon.simulate.faults import OK, Fault

RECENT = 200
"""How many requests are kept to be shown; the counts go on without end."""


class Seen(Struct, kw_only=True):
    """One request. ``key`` is a fingerprint of the API key it came with ("" = it came with none).

    ``outcome`` is ``open``, ``completed`` (the answer was sent whole, be it an error), ``broken``
    (cut by a fault) or ``aborted`` (the client hung up). ``client`` is the product its ``user-agent`` names,
    ``session`` a fingerprint of its ``session-id``, ``status`` what it was answered (0 = nothing yet).
    """

    number: int
    wire: str
    path: str
    model: str
    key: str
    stream: bool
    fault: str
    client: str = ""
    session: str = ""
    status: int = 0
    outcome: str = "open"
    body: Json | None = None


class Ledger:
    """Counts and the queue of faults. Used from one event loop; no locks."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = deque(faults)
        self._recent: deque[Seen] = deque(maxlen=RECENT)
        self._counts = {"total": 0, "open": 0, "peak": 0, "completed": 0, "broken": 0, "aborted": 0}
        self._clients: Counter[str] = Counter()
        self._open_of_key: Counter[str] = Counter()

    def reset(self) -> None:
        """Forgets faults, counts and requests; those still open stay counted as open."""
        self._faults.clear()
        self._recent.clear()
        self._clients.clear()
        still_open = self._counts["open"]
        self._counts = dict.fromkeys(self._counts, 0) | {"open": still_open, "peak": still_open}

    def queue(self, faults: Iterable[Fault]) -> None:
        """Faults for the next requests, one each, after those that wait already."""
        self._faults.extend(faults)

    def next_fault(self) -> Fault:
        """The fault for the request that just came, from the queue; none when the queue is empty."""
        return self._faults.popleft() if self._faults else OK

    def open_of(self, key: str) -> int:
        """How many requests with this API key are being answered."""
        return self._open_of_key[fingerprint(key)]

    def begin(self, *, asked: Asked, key: str, fault: Fault) -> Seen:
        """Notes a request that starts; hand the result to ``finish``."""
        counts = self._counts
        counts["total"] += 1
        counts["open"] += 1
        counts["peak"] = max(counts["peak"], counts["open"])
        seen = Seen(
            number=counts["total"],
            wire=asked.wire,
            path=asked.path,
            model=str(asked.body.get("model")),
            key=fingerprint(key),
            stream=bool(asked.body.get("stream")),
            fault=fault.name,
            client=asked.headers.get("user-agent", "").partition("/")[0],
            session=fingerprint(asked.session),
            body=asked.body,
        )
        self._clients[seen.client] += 1
        self._open_of_key[seen.key] += 1
        self._recent.append(seen)
        return seen

    def finish(self, seen: Seen, outcome: str) -> None:
        """Notes how a request ended."""
        seen.outcome = outcome
        self._counts["open"] -= 1
        self._open_of_key[seen.key] -= 1
        self._counts[outcome] += 1

    def state(self, *, bodies: bool) -> Json:
        """What ``GET /_simulate`` shows; request bodies only when asked for."""
        recent = [
            {field: getattr(seen, field) for field in seen.__struct_fields__ if bodies or field != "body"}
            for seen in self._recent
        ]
        return {
            "requests": dict(self._counts),
            "clients": dict(self._clients),
            "faults": [fault.name for fault in self._faults],
            "recent": recent,
        }


def fingerprint(key: str) -> str:
    """12 hex digits by which API keys, or sessions, differ without being shown; "" for none."""
    return hashlib.sha256(key.encode()).hexdigest()[:12] if key else ""
