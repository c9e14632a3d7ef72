"""The makes of upstream that the simulator can play, by name."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from daemon.simulate import relay
from daemon.simulate.faults import FAULTS, Fault


class Profile(Struct, frozen=True, kw_only=True):
    """``demands`` are asked of every request, in this order; ``bad_key`` answers a wrong key.

    With ``session_cache`` prompts are kept per ``session-id`` and not at all without one, as happens behind
    a pool of accounts: only that header keeps a session on one of them.
    """

    name: str
    demands: tuple[Fault, ...] = ()
    bad_key: Fault = FAULTS["unauthorized"]
    session_cache: bool = False


PLAIN = Profile(name="")

PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            name="codex-relay",
            demands=tuple(FAULTS[demand.name] for demand in relay.DEMANDS),
            bad_key=FAULTS["invalid-token"],
            session_cache=True,
        ),
    )
}
