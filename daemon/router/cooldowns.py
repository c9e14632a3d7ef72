"""Who rests until when, and who may try first when the rest is over.

1. An entry belongs to a core auth, to one model of it, or to it for one family of clients (``rest_rules.Reach``).
   A candidate rests as long as the latest of the entries that concern it.
2. When the time is over the entry is *half open*: the first request takes the probe, everybody else goes on as if it
   still rested. The probe's good answer removes the entry, its failure renews it, and where it ends with neither (its
   client hung up) the next request takes it.
3. What began before a rest ended says little that is new: its failure makes the rest longer where it has a hint or is
   of another kind (a key that was refused among others that were too fast), and its success changes nothing where it
   began before the rest did. A failure after the rest doubles the time, where the rule doubles, unless
   ``FORGIVEN`` seconds have passed.
4. An answer to ``GET /models`` ends a rest that it can end. Where the next request fails all the same, the list has
   shown little (some relays list their models from memory): it then ends a rest only after as many seconds as that
   request has lost, so that a provider that stalls is not asked all the time, and one that refuses at once is back
   soon after it works.
5. At most ``MOST`` entries; those that end first go first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from msgspec import Struct

from daemon.errors import ErrorKind, RemoteError
from daemon.router.rest_rules import INVALID_KEY, LONGEST, Reach, hinted_seconds, longest, rest_rule, with_jitter

MOST: Final = 16_384
FEW: Final = 4
MOST_DOUBLINGS: Final = 5
FORGIVEN: Final = 60.0
"""Seconds after a rest's end in which nothing failed: the next failure is the first one again."""


class RestKey(Struct, frozen=True):
    """``what``: the model's or the family's name, '' for the whole core auth."""

    auth_id: str
    reach: Reach
    what: str = ""


class Rest(Struct):
    """``since`` and ``until`` on the clock that is passed in; ``status`` the upstream's, None: it did not answer.
    ``heals``: an answer to ``GET /models`` ends it, from ``heals_at`` on (``healed``: one has, and no answer
    has followed). ``prober``: which request has the probe, 0 for none. ``resets``: when the upstream has said that its
    limit ends, however late that is."""

    kind: ErrorKind
    reason: str
    status: int | None
    since: float
    until: float
    level: int = 0
    heals: bool = False
    heals_at: float = 0.0
    healed: bool = False
    prober: int = 0
    resets: float | None = None


class Resting(Struct, frozen=True):
    """Why a candidate is not asked now. ``half_open``: only another request's probe keeps it away."""

    key: RestKey
    rest: Rest
    half_open: bool


class Cooldowns:
    """One for the daemon's life, on one thread. ``now`` is seconds on a clock that only rises, ``wall`` Unix time,
    ``random`` from 0 to 1."""

    __slots__ = ("_by_auth", "_size")

    def __init__(self) -> None:
        self._by_auth: dict[str, dict[RestKey, Rest]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def failed(
        self,
        auth_id: str,
        model: str,
        family: str,
        error: RemoteError,
        *,
        began: float,
        now: float,
        wall: float,
        random: float = 0.0,
    ) -> Resting | None:
        """``error`` ended an attempt that began then; the new rest that follows from it, None where none does."""
        rule = rest_rule(error)
        if rule is None:
            return None
        what = {"auth": "", "model": model, "family": family}[rule.reach]
        key = RestKey(auth_id, rule.reach, what)
        before = self._by_auth.get(auth_id, {}).get(key)
        hint = hinted_seconds(error, wall)
        early = before is not None and began < before.until
        if before is not None and early:
            if hint is not None:
                before.resets = max(before.resets or 0.0, now + hint)
            end = now + (rule.seconds if hint is None else min(hint, LONGEST))
            if end <= before.until or (hint is None and error.kind is before.kind):
                return None
            if error.kind is before.kind:
                before.until = end
                return None
        fresh = before is None or early or now > before.until + FORGIVEN
        level = 0 if before is None or fresh else min(before.level + 1, MOST_DOUBLINGS)
        most = longest(rule, hint)
        seconds = min(rule.seconds * 2**level if hint is None and rule.doubles else hint or rule.seconds, most)
        rest = Rest(
            kind=error.kind,
            reason=error.reason,
            status=error.upstream_status,
            since=now,
            until=now + with_jitter(seconds, random, most),
            level=level,
            heals=rule.heals,
            heals_at=now + now - began if before is not None and before.healed else now,
            healed=before is not None and before.healed,
            resets=None if hint is None else now + hint,
        )
        self._put(key, rest)
        return Resting(key, rest, half_open=False)

    def key_refused(self, auth_id: str, *, now: float) -> Resting:
        """The whole core auth rests although no request has met it: ``GET /models`` was refused its key."""
        key = RestKey(auth_id, "auth")
        rest = Rest(ErrorKind.AUTHENTICATION, INVALID_KEY, None, now, now + LONGEST)
        self._put(key, rest)
        return Resting(key, rest, half_open=False)

    def key_taken(self, auth_id: str, *, sure: bool) -> bool:
        """A free question was not refused: whether that ended a rest of the whole core auth that such a question began;
        ``sure``, or any for a refused key."""
        key = RestKey(auth_id, "auth")
        rest = self._by_auth.get(auth_id, {}).get(key)
        if rest is None or rest.kind is not ErrorKind.AUTHENTICATION or not (sure or rest.reason == INVALID_KEY):
            return False
        return self._remove(auth_id, [key])

    def succeeded(self, auth_id: str, model: str, family: str, *, began: float) -> bool:
        """An attempt that began then was answered; whether that ended a rest."""
        entries = self._by_auth.get(auth_id)
        if not entries:
            return False
        return self._remove(
            auth_id, [key for key in _keys(auth_id, model, family) if key in entries and entries[key].since <= began]
        )

    def healed(self, auth_id: str, *, began: float, now: float) -> None:
        """``GET /models`` has been answered: a request may try what a server, or the way to it, was resting for."""
        for rest in self._by_auth.get(auth_id, {}).values():
            if rest.since <= began and _may_heal(rest, now):
                rest.until, rest.healed = now, True

    def clear(self, auth_id: str) -> bool:
        """On demand: everything of this core auth."""
        return self._remove(auth_id, list(self._by_auth.get(auth_id, ())))

    def keep_only(self, auth_ids: Collection[str]) -> None:
        """Forgets every core auth that is not among ``auth_ids``: a changed key or URL starts fresh."""
        for auth_id in self._by_auth.keys() - set(auth_ids):
            self._remove(auth_id, list(self._by_auth[auth_id]))

    def resting(self, auth_id: str, model: str, family: str, *, now: float) -> Resting | None:
        """Why this candidate may not be asked now; None: it may."""
        entries = self._by_auth.get(auth_id)
        if not entries:
            return None
        latest: Resting | None = None
        for key in _keys(auth_id, model, family):
            rest = entries.get(key)
            if rest is None or (now >= rest.until and rest.prober == 0):
                continue
            if latest is None or rest.until > latest.rest.until:
                latest = Resting(key, rest, half_open=now >= rest.until)
        return latest

    def is_resting(self, auth_id: str, model: str, family: str, *, now: float) -> bool:
        """As ``resting``, for a request that looks at each candidate: most core auths have an entry or none, and to
        look at a few is quicker than to look three keys up."""
        entries = self._by_auth.get(auth_id)
        if not entries:
            return False
        if len(entries) > FEW:
            return self.resting(auth_id, model, family, now=now) is not None
        for key, rest in entries.items():
            if (now < rest.until or rest.prober) and (
                key.reach == "auth" or key.what == (model if key.reach == "model" else family)
            ):
                return True
        return False

    def take_probe(self, auth_id: str, model: str, family: str, request: int, *, now: float) -> bool:
        """The request numbered ``request`` is about to ask this candidate: whether it is its probe. Of what is half
        open it takes all probes at once."""
        taken = False
        entries = self._by_auth.get(auth_id, {})
        for key in _keys(auth_id, model, family):
            rest = entries.get(key)
            if rest is not None and rest.prober == 0 and now >= rest.until:
                rest.prober, taken = request, True
        return taken

    def drop_probe(self, auth_id: str, request: int) -> None:
        """The request has ended, or has gone elsewhere, without an answer: the next one takes its probe."""
        for rest in self._by_auth.get(auth_id, {}).values():
            if rest.prober == request:
                rest.prober = 0

    def of(self, auth_id: str, *, now: float) -> list[tuple[RestKey, Rest]]:
        """What rests, or is being tried again: the whole core auth first, then the longest."""
        entries = self._by_auth.get(auth_id, {}).items()
        current = [(key, rest) for key, rest in entries if rest.until > now or rest.prober]
        return sorted(current, key=lambda entry: (entry[0].reach != "auth", -entry[1].until))

    def healing(self, *, now: float) -> Iterator[str]:
        """The core auths that a good ``GET /models`` would bring back now."""
        for auth_id, entries in self._by_auth.items():
            if any(_may_heal(rest, now) for rest in entries.values()):
                yield auth_id

    def _put(self, key: RestKey, rest: Rest) -> None:
        entries = self._by_auth.setdefault(key.auth_id, {})
        if key not in entries:
            self._size += 1
        entries[key] = rest
        if self._size > MOST:
            self._make_room()

    def _make_room(self) -> None:
        """For a quarter more: what ended, or will end, first goes."""
        ends = [(rest.until, key) for own in self._by_auth.values() for key, rest in own.items()]
        for _, key in sorted(ends, key=lambda end: end[0])[: MOST // 4]:
            self._remove(key.auth_id, [key])

    def _remove(self, auth_id: str, keys: list[RestKey]) -> bool:
        entries = self._by_auth.get(auth_id)
        if entries is None or not keys:
            return False
        for key in keys:
            del entries[key]
        self._size -= len(keys)
        if not entries:
            del self._by_auth[auth_id]
        return True


def _may_heal(rest: Rest, now: float) -> bool:
    return rest.heals and rest.heals_at <= now < rest.until


def _keys(auth_id: str, model: str, family: str) -> tuple[RestKey, RestKey, RestKey]:
    return RestKey(auth_id, "auth"), RestKey(auth_id, "model", model), RestKey(auth_id, "family", family)
