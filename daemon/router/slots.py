"""The requests that each core auth has now, and those that wait for one to end.

1. Whoever waits comes before whoever arrives: a slot that becomes free is given away, not thrown to all.
2. A request waits for all core auths that would do at once, and gets the first slot of any.
3. Clients take turns, and the sessions of each one: one with a hundred requests waiting does not keep the others
   from theirs.
4. At most ``MOST_WAITING`` per core auth.

Nothing here waits: a ``Ticket`` says who gets a slot, and ``wake`` whom to call then.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Final

MOST_WAITING: Final = 128


class Ticket:
    """A request that waits. ``auth_id``: whose slot it was given, '' while it waits."""

    __slots__ = ("auth_id", "client", "gone", "session", "waits_for", "wake")

    def __init__(self, client: str, session: bytes, waits_for: Sequence[str], wake: Callable[[], None]) -> None:
        self.client = client
        self.session = session
        self.waits_for = waits_for
        self.wake = wake
        self.auth_id = ""
        self.gone = False


_Sessions = OrderedDict[bytes, deque[Ticket]]
"""Those of one client, whose turn is next first."""


class Slots:
    """``limit`` is asked for the limit of a core auth ID whenever it matters: it moves."""

    __slots__ = ("_limit", "_queues", "_running")

    def __init__(self, limit: Callable[[str], float]) -> None:
        self._limit = limit
        self._running: dict[str, int] = {}
        self._queues: dict[str, OrderedDict[str, _Sessions]] = {}

    def running(self, auth_id: str) -> int:
        return self._running.get(auth_id, 0)

    def waiting(self, auth_id: str) -> int:
        return sum(len(queue) for sessions in self._queues.get(auth_id, {}).values() for queue in sessions.values())

    def is_free(self, auth_id: str) -> bool:
        """Whether one more may be asked now, past nobody who waits."""
        return auth_id not in self._queues and self._running.get(auth_id, 0) < self._limit(auth_id)

    def take(self, auth_id: str) -> None:
        """For an attempt that begins; ``release`` gives it back."""
        self._running[auth_id] = self._running.get(auth_id, 0) + 1

    def release(self, auth_id: str) -> None:
        """An attempt has ended; who waits longest in turn gets its place."""
        left = self._running[auth_id] - 1
        if left:
            self._running[auth_id] = left
        else:
            del self._running[auth_id]
        self.admit(auth_id)

    def admit(self, auth_id: str) -> None:
        """Gives away what is free: after an end, and after a limit that rose."""
        while auth_id in self._queues and self._running.get(auth_id, 0) < self._limit(auth_id):
            ticket = self._next(auth_id)
            ticket.auth_id = auth_id
            self.take(auth_id)
            self._remove(ticket)
            ticket.wake()

    def wait(
        self, client: str, auth_ids: Sequence[str], wake: Callable[[], None], *, session: bytes = b""
    ) -> Ticket | None:
        """A place in the queues of these core auths; None where all are full."""
        open_ = [auth_id for auth_id in auth_ids if self.waiting(auth_id) < MOST_WAITING]
        if not open_:
            return None
        ticket = Ticket(client, session, open_, wake)
        for auth_id in open_:
            sessions = self._queues.setdefault(auth_id, OrderedDict()).setdefault(client, OrderedDict())
            sessions.setdefault(session, deque()).append(ticket)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """It waits no longer. A slot that it was given and does not use goes to the next one."""
        if ticket.gone:
            return
        ticket.gone = True
        if ticket.auth_id:
            self.release(ticket.auth_id)
        else:
            self._remove(ticket)

    def follow_limits(self) -> None:
        """A new snapshot has other limits, or none of a core auth: who waits may have a slot now."""
        for auth_id in tuple(self._queues):
            self.admit(auth_id)

    def _next(self, auth_id: str) -> Ticket:
        clients = self._queues[auth_id]
        client, sessions = next(iter(clients.items()))
        clients.move_to_end(client)
        session, queue = next(iter(sessions.items()))
        sessions.move_to_end(session)
        return queue[0]

    def _remove(self, ticket: Ticket) -> None:
        """From every queue that it stands in."""
        for auth_id in ticket.waits_for:
            clients = self._queues.get(auth_id)
            sessions = clients.get(ticket.client) if clients else None
            queue = sessions.get(ticket.session) if sessions else None
            if clients is None or sessions is None or queue is None or ticket not in queue:
                continue
            queue.remove(ticket)
            if not queue:
                del sessions[ticket.session]
            if not sessions:
                del clients[ticket.client]
            if not clients:
                del self._queues[auth_id]
