"""What an upstream demands of a request: a rule that has one sentence for who breaks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from daemon.simulate.conversation import Json
from daemon.simulate.model import Model


class Asked(Struct, frozen=True, kw_only=True):
    """A request as an upstream sees it. ``headers`` have lower-case names; ``model`` is what the make knows of the
    model that is asked for, None where it has no such model."""

    wire: str
    path: str
    headers: Mapping[str, str]
    body: Json
    model: Model | None = None

    @property
    def key(self) -> str:
        """The API key that it came with; empty: none."""
        return self.headers.get("x-api-key") or self.headers.get("authorization", "").removeprefix("Bearer ")

    @property
    def session(self) -> str:
        """Its ``session-id``, which older versions of Codex wrote ``session_id``."""
        return self.headers.get("session-id") or self.headers.get("session_id", "")


class Demand(Struct, frozen=True, kw_only=True):
    """``complaint`` gives the sentence about a request, None where it is fine; its second argument is ``text``.

    ``shape`` puts the sentence into a body: a JSON object, or a text, which is then sent as a web page.
    """

    name: str
    complaint: Callable[[Asked, str], str | None]
    shape: Callable[[str], Json | str]
    status: int = 400
    text: str = ""
    retry_after: float | None = None
    headers: Mapping[str, str] = {}
