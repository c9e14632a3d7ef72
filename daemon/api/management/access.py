"""Who may manage: one key, and a lock-out per caller after five wrong ones.

The order of the checks is the seed system's: the lock-out first (it holds for the right key too),
then remote callers, then the rate of wrong keys from all addresses (``AttemptRate``), then the key. The admin socket
needs no key: its file mode protects it. Hashes are verified in a thread, one at a time, so that guessing never holds
up the event loop. Every failure is an audit event; a lock-out is reported once.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import sha256
from hmac import compare_digest
from typing import Final

import argon2
import bcrypt
from loguru import logger
from msgspec import Struct

from daemon.config.sections import RemoteManagement
from daemon.errors import ErrorKind, LocalError
from daemon.gateway.access import bearer
from daemon.gateway.caller import Caller, Scope, caller
from daemon.telemetry.audit import AuditLog

MOST_FAILURES: Final = 5
LOCKED_SECONDS: Final = 30 * 60.0
MOST_PEERS: Final = 10_000
MOST_WAITING: Final = 16
PER_SECOND: Final = 5.0
BURST: Final = 100.0
"""Wrong keys from all addresses: ``BURST`` at once, and ``PER_SECOND`` afterwards."""
MOST_PROVED: Final = 1_000
PROVED_SECONDS: Final = 3600.0
BCRYPT: Final = ("$2a$", "$2b$", "$2y$")
ARGON2: Final = "$argon2"
BCRYPT_BYTES: Final = 72

LOCKED_OUT: Final = "IP banned due to too many failed attempts. Try again in"
"""Matched by scripts for the seed system (CLIProxyAPI, HEAD of 2026-08), as are the next two."""
MISSING_KEY: Final = "missing management key"
"""Matched by scripts for the seed system (as above)."""
INVALID_KEY: Final = "invalid management key"
"""Matched by scripts for the seed system (as above)."""


class Failures(Struct):
    """Wrong keys of one peer; ``until`` is when its lock-out ends, on the monotonic clock."""

    count: int = 0
    until: float = 0.0


class AttemptRate:
    """How many wrong management keys may be tried per second from all addresses together.

    A token bucket over failures: right keys cost nothing. While it is empty, no key is checked,
    except from addresses that have sent a right one lately, so that guessing does not keep the operator out.
    ``clock`` is monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float], *, per_second: float = PER_SECOND, burst: float = BURST) -> None:
        self._clock = clock
        self._per_second = per_second
        self._burst = burst
        self._tokens = burst
        self._at = clock()
        self._proved: OrderedDict[str, float] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds until a key from ``address`` is checked; 0 = now."""
        self._refill()
        if self._tokens >= 1 or self._clock() - self._proved.get(address, float("-inf")) < PROVED_SECONDS:
            return 0.0
        return (1 - self._tokens) / self._per_second

    def failed(self) -> None:
        """A key was wrong."""
        self._refill()
        self._tokens = max(0.0, self._tokens - 1)

    def proved(self, address: str) -> None:
        """The key from ``address`` was right."""
        self._proved[address] = self._clock()
        self._proved.move_to_end(address)
        if len(self._proved) > MOST_PROVED:
            self._proved.popitem(last=False)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now


class ManagementAccess:
    """``clock`` is monotonic seconds; ``audit`` gets the failures. One instance guards all operator routes,
    so failures add up."""

    def __init__(self, clock: Callable[[], float], audit: AuditLog | None = None) -> None:
        self._clock = clock
        self._audit = audit or AuditLog()
        self._rate = AttemptRate(clock)
        self._failures: OrderedDict[str, Failures] = OrderedDict()
        self._hashing = asyncio.Lock()
        self._waiting = 0
        self._proved: tuple[bytes, bytes] | None = None

    async def check(self, scope: Scope, headers: Mapping[str, str], settings: RemoteManagement) -> Caller:
        """Who calls, or raise: 404 without a configured key, 403 locked out or remote, 429, 401 for the key."""
        who = caller(scope, settings.trusted_proxies)
        if who.admin:
            return who
        if not settings.secret_key:
            raise LocalError(ErrorKind.NOT_FOUND, "management is off: remote-management.secret-key is not set")
        self._refuse_locked(who)
        if not (settings.allow_remote or who.local):
            raise LocalError(ErrorKind.PERMISSION, "remote management disabled (remote-management.allow-remote)")
        if wait := self._rate.wait(who.bucket):
            raise LocalError(
                ErrorKind.RATE_LIMIT, "too many wrong management keys; try again later", retry_after=wait + 1
            )
        offered = offered_key(headers)
        if not offered:  # not a wrong one: a dashboard, a health check or a browser tab must not lock the operator out
            raise LocalError(ErrorKind.AUTHENTICATION, MISSING_KEY)
        matches = await self._matches(offered, settings)
        # While a hash was computed, this caller's tries may have been used up: then right and wrong look alike.
        self._refuse_locked(who)
        if not matches:
            raise self._refusal(who, INVALID_KEY)
        self._failures.pop(who.bucket, None)
        self._rate.proved(who.bucket)
        return who

    def _refuse_locked(self, who: Caller) -> None:
        failures = self._failures.get(who.bucket)
        if failures is None or failures.count < MOST_FAILURES:
            return
        left = failures.until - self._clock()
        if left <= 0:
            del self._failures[who.bucket]
            return
        message = f"{LOCKED_OUT} {int(left // 60)}m{int(left % 60)}s"
        raise LocalError(ErrorKind.PERMISSION, message, retry_after=left + 1)

    def _refusal(self, who: Caller, message: str) -> LocalError:
        """Counts a failure and logs it."""
        self._rate.failed()
        count = self._count(who)
        self._log("authentication", f"{message} from {who.address}", who, failures=count)
        if count == MOST_FAILURES:
            minutes = int(LOCKED_SECONDS // 60)
            self._log("lock-out", f"{who.address} is locked out of management for {minutes} minutes", who)
        return LocalError(ErrorKind.AUTHENTICATION, message)

    def _log(self, kind: str, message: str, who: Caller, **fields: object) -> None:
        logger.bind(address=who.address, **fields).warning("management: {}", message)
        self._audit.publish(kind, message, address=who.address, **fields)

    def _count(self, who: Caller) -> int:
        failures = self._failures.setdefault(who.bucket, Failures())
        failures.count = 1 if self._clock() > failures.until else failures.count + 1
        failures.until = self._clock() + LOCKED_SECONDS
        self._failures.move_to_end(who.bucket)
        if len(self._failures) > MOST_PEERS:
            self._failures.popitem(last=False)
        return failures.count

    async def _matches(self, offered: str, settings: RemoteManagement) -> bool:
        stored = settings.secret_key
        digest = sha256(offered.encode("utf-8", "surrogatepass")).digest()
        if not is_hash(stored.reveal()):
            return compare_digest(digest, stored.digest)
        if self._proved is not None and compare_digest(stored.digest + digest, b"".join(self._proved)):
            return True
        if self._waiting >= MOST_WAITING:
            raise LocalError(ErrorKind.RATE_LIMIT, "too many management keys are being checked", retry_after=1)
        self._waiting += 1
        try:
            async with self._hashing:
                matches = await asyncio.to_thread(verify, stored.reveal(), offered)
        finally:
            self._waiting -= 1
        if matches:
            self._proved = (stored.digest, digest)
        return matches


def offered_key(headers: Mapping[str, str]) -> str:
    """The key a caller presents: ``Authorization: Bearer`` (or bare), else ``X-Management-Key``."""
    return bearer(headers.get("authorization", "")) or headers.get("x-management-key", "").strip()


def is_hash(stored: str) -> bool:
    """Whether the configured key is a bcrypt or argon2 hash and not the key itself."""
    return stored.startswith((*BCRYPT, ARGON2))


def verify(stored: str, offered: str) -> bool:
    """Whether ``offered`` is the key that ``stored`` is a hash of. Slow by design; run it in a thread."""
    text = offered.encode("utf-8", "surrogatepass")
    try:
        if stored.startswith(ARGON2):
            return argon2.PasswordHasher().verify(stored, text)
        # bcrypt reads 72 bytes; the library refuses longer input instead of cutting it as others do.
        return bcrypt.checkpw(text[:BCRYPT_BYTES], stored.encode())
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError, ValueError):
        return False
