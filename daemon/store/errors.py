"""What can go wrong with the store. Drivers' exceptions become these in ``store.database``, and go no further.

    StoreError
    ├─ InvalidProvider      400  the body is wrong; every fault at once
    ├─ NoSuchProvider       404
    ├─ NameTaken            409  by another row, or by config.yaml
    ├─ RowChanged           409  somebody else wrote it in between (412 where the caller sent If-Match)
    ├─ StoreUnavailable     503  away, busy or full: what was read last goes on, and it is tried again
    └─ StoreUnusable        503  reached, but not to be used until somebody acts
       ├─ NewerSchema            written by a later tppcd
       └─ WrongEncryptionKey     its keys are sealed with a key that this daemon does not have

A message is lower case and names the thing; ``hint`` says what to do. Neither holds a key, nor a database's password.
"""

from __future__ import annotations

from collections.abc import Sequence

from daemon.config.diagnostics import Fault, dotted


class StoreError(Exception):
    """``message`` says what is wrong and where, ``hint`` what to do."""

    status = 500
    code = "store_error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} ({hint})" if hint else message)
        self.message = message
        self.hint = hint


class InvalidProvider(StoreError):
    """``faults`` are the errors, each with the path of its field; ``message`` joins them."""

    status = 400
    code = "invalid_provider"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault_text(fault) for fault in faults))
        self.faults = tuple(faults)


class NoSuchProvider(StoreError):
    status = 404
    code = "not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no provider {name[:100]!r} in the store")


class NameTaken(StoreError):
    """``place`` is who has the name: the store, or a path of config.yaml."""

    status = 409
    code = "name_taken"

    def __init__(self, name: str, place: str = "the store") -> None:
        super().__init__(
            f"the name {name[:100]!r} is taken by a provider of {place}",
            "names are compared in lower case: choose another one, or change that provider",
        )


class RowChanged(StoreError):
    """``asked`` is the row version that the writer had read (0: another one), ``found`` the one in the database."""

    status = 409
    code = "changed"

    def __init__(self, name: str, *, asked: int, found: int) -> None:
        super().__init__(
            f"provider {name!r} was changed by somebody else: it is at version {found}"
            + (f", you have read {asked}" if asked else ""),
            "read it again, then repeat the change",
        )
        self.asked = asked
        self.found = found


class StoreUnavailable(StoreError):
    """``full``: the disk of the database has no room left (507 rather than 503)."""

    status = 503
    code = "store_unavailable"

    def __init__(self, message: str, hint: str = "", *, full: bool = False) -> None:
        super().__init__(message, hint)
        self.full = full
        self.status = 507 if full else 503


class StoreUnusable(StoreError):
    status = 503
    code = "store_unusable"


class NewerSchema(StoreUnusable):
    code = "store_newer"

    def __init__(self, place: str, *, revision: str, newest: str) -> None:
        super().__init__(
            f"{place} has schema {revision!r}, which this tppcd does not know; the newest it knows is {newest!r}",
            "start the tppcd that migrated it, or a later one",
        )


class WrongEncryptionKey(StoreUnusable):
    code = "store_wrong_key"

    def __init__(self, place: str, *, fingerprint: str, own: Sequence[str]) -> None:
        have = f"this daemon has {', '.join(own)}" if own else "this daemon has none"
        super().__init__(
            f"the keys in {place} are sealed with the encryption key of fingerprint {fingerprint}; {have}",
            "set provider-store.encryption-key to that key; to change it, name both, newest first, and run: "
            "tppcd store rekey",
        )


def fault_text(fault: Fault) -> str:
    """``timeout: must be at least 1, got 0 (…)``."""
    place = f"{dotted(fault.path)}: " if fault.path else ""
    return f"{place}{fault.message}" + (f" ({fault.hint})" if fault.hint else "")
