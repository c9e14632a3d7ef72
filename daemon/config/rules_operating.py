"""Rules about running the daemon: management, the log, and what is read but not in effect in this version."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from daemon.config import log_sizes
from daemon.config.convert import quoted
from daemon.config.diagnostics import Fault, Faults, Path, fault_at
from daemon.config.schema import Config
from daemon.secret import Secret

HASH_KINDS: Final = {
    "bcrypt": (re.compile(r"\$2[aby]\$"), re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")),
    "argon2": (re.compile(r"\$argon2"), re.compile(r"\$argon2(id|i|d)\$(v=\d+\$)?m=\d+,t=\d+,p=\d+\$[^$]+\$[^$]+")),
}
"""How a hash of a kind begins, and how a whole one reads."""


SHORTEST_KEY: Final = 8
"""Characters of a key that clients or operators present; a shorter one is warned of."""


def management(config: Config) -> Faults:
    settings = config.remote_management
    stored = settings.secret_key.reveal()
    for kind, (begins, whole) in HASH_KINDS.items():
        if begins.match(stored) and not whole.fullmatch(stored):
            message = f"looks like a {kind} hash but is incomplete, so no key would match"
            yield fault_at("remote-management.secret-key", "wrong-value", message, "copy the hash again, all of it")
    for index, entry in enumerate(settings.trusted_proxies):
        if not _is_network(entry):
            path = ("remote-management", "trusted-proxies", index)
            message = f"{quoted(entry)} is not an address or network"
            yield Fault(path=path, code="wrong-value", message=message, hint="e.g. 10.0.0.1 or 10.0.0.0/8")
        elif entry.strip().endswith("/0"):
            path = ("remote-management", "trusted-proxies", index)
            message = "trusts everybody: any client may write who it is into X-Forwarded-For"
            yield Fault(path=path, code="weak", message=message, hint="list the proxies", severity="warning")
    yield from _short_keys(config)


def _short_keys(config: Config) -> Faults:
    keys: list[tuple[Path, Secret]] = [(("remote-management", "secret-key"), config.remote_management.secret_key)]
    keys += [(("api-keys", index), key) for index, key in enumerate(config.api_keys)]
    for path, key in keys:
        if key and len(key.reveal()) < SHORTEST_KEY:
            message = f"is shorter than {SHORTEST_KEY} characters, so it can be guessed"
            hint = "make one by: openssl rand -base64 24"
            yield Fault(path=path, code="weak", message=message, hint=hint, severity="warning")


def logging(config: Config) -> Faults:
    if log_sizes.size(config.logging.rotation) is None:
        message = f"must be a size, got {quoted(config.logging.rotation)}"
        yield fault_at("logging.rotation", "wrong-value", message, "e.g. 20 MB")
    if log_sizes.retention(config.logging.retention) is None:
        message = f"must be a number of files or of days, got {quoted(config.logging.retention)}"
        yield fault_at("logging.retention", "wrong-value", message, "e.g. 10 files, or 14 days")


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return False
    return True
