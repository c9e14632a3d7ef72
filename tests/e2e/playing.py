"""Makes of upstream as ``tppcd simulate --profile`` plays them, behind a daemon."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from daemon.simulate.makes import MAKES
from tests.harness import Simulator, provider, simulator

ANY_WIRE: Final = frozenset({"codex-relay"})
"""It serves one wire, and refuses the others in its own words."""


class Played(Struct, frozen=True):
    """One API of one make. ``model`` is the first that it lists."""

    profile: str
    wire: str

    @property
    def name(self) -> str:
        return f"{self.profile} {self.wire}"

    @property
    def model(self) -> str:
        models = MAKES[self.profile].models
        return models[0].name if models else "gpt-5"

    @contextlib.contextmanager
    def upstream(self) -> Iterator[Simulator]:
        with simulator("--profile", self.profile) as running:
            yield running

    def provider(self, name: str, upstream: Simulator, **settings: object) -> dict[str, object]:
        """Its entry in config.yaml, whose profile is set."""
        base = next(api.base for api in MAKES[self.profile].apis if api.wire.name == self.wire)
        entry: dict[str, object] = {"wire_api": self.wire, "profile": self.profile, "models": [self.model]}
        entry |= {"defaults": {"model": self.model}} | settings
        return provider(name, f"{upstream.url}{base or '/v1'}", **entry)


PLAYED: Final = tuple(
    Played(name, api.wire.name)
    for name, make in MAKES.items()
    for api in make.apis
    if name not in ANY_WIRE or api.wire.name == "responses"
)
"""Every API of every make."""
MAIN: Final = tuple(next(each for each in PLAYED if each.profile == name) for name in MAKES)
"""Each make once, over the API that it is best known for."""


def refusals(upstream: Simulator) -> list[dict[str, Any]]:
    """The requests that it has refused, or failed to answer."""
    return [each for each in upstream.requests if each["status"] >= 400]
