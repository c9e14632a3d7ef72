"""A make of upstream: what it serves, demands and knows, all of it data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct

from daemon.simulate.demand import Demand
from daemon.simulate.faults import FAULTS, Fault, of_demand
from daemon.simulate.makes.failures import failures
from daemon.simulate.model import Model
from daemon.simulate.rules.envelopes import Envelope, openai
from daemon.simulate.rules.rule import filled, rule
from daemon.simulate.wire import Wire

ENDINGS = {"responses": "/responses", "chat": "/chat/completions", "messages": "/messages"}
"""The last steps of each wire's path."""

Thoughts = Literal["as asked", "always", "never"]


class Api(Struct, frozen=True, kw_only=True):
    """One API of a make. It is at ``base`` and the wire's own ending; with an empty ``base`` at any path that ends so.

    ``demands`` are made of every request, in this order. ``thoughts``: whether a model that thinks shows it where the
    wire's own parameters ask for it, always (unless it is switched off), or never.
    """

    wire: Wire
    base: str = "/v1"
    demands: tuple[Demand, ...] = ()
    thoughts: Thoughts = "as asked"

    def serves(self, path: str) -> bool:
        """Whether ``path`` is its own; no ``/`` at the end."""
        ending = ENDINGS[self.wire.name]
        return path == self.base + ending if self.base else path.endswith(ending)


class Make(Struct, frozen=True, kw_only=True):
    """``models`` are those that it lists, with their facts; without any it has what was set, and knows nothing of them.

    ``profile`` is its name in config.yaml, empty: ``name``; ``none`` where tppcd has no profile for it.
    ``owner`` stands in its list of models (``listing`` is whose form that has), ``headers`` in all its answers,
    ``request_id`` is the header that has the request's number. ``bad_key`` answers a wrong key, ``no_route`` a path
    that it does not serve. With ``session_cache`` prompts are kept per ``session-id`` and not at all without one, as
    happens behind a pool of accounts: only that header keeps a session on one of them. ``counts`` tokens of Messages
    requests for who asks.
    """

    name: str
    apis: tuple[Api, ...]
    models: tuple[Model, ...] = ()
    profile: str = ""
    owner: str = "simulate"
    listing: Literal["openai", "anthropic"] = "openai"
    headers: Mapping[str, str] = {}
    request_id: str = ""
    bad_key: Fault = FAULTS["unauthorized"]
    no_route: Fault | None = None
    session_cache: bool = False
    counts: bool = False

    def api(self, path: str) -> Api | None:
        """What is served at ``path``; None for nothing."""
        return next((api for api in self.apis if api.serves(path)), None)

    def own(self, fault: Fault) -> Fault:
        """``fault`` in the make's words, where it has some and nothing in it was changed."""
        return failures(self.name).get(fault.name, fault) if fault == FAULTS.get(fault.name) else fault

    def lists(self, path: str) -> bool:
        """Whether the list of models is at ``path``."""
        return any(path == f"{api.base}/models" if api.base else path.endswith("/models") for api in self.apis)

    def model(self, name: str) -> Model | None:
        """The facts about the model ``name``; None where the make has no such model."""
        return next((model for model in self.models if model.is_named(name)), None)

    def listed(self, names: Iterable[str]) -> dict[str, Any]:
        """Its list of models, with these."""
        if self.listing == "anthropic":
            rows = [
                {"type": "model", "id": name, "display_name": name, "created_at": "2026-08-01T00:00:00Z"}
                for name in names
            ]
            return {"data": rows, "has_more": False, "first_id": None, "last_id": None}
        data = [{"id": name, "object": "model", "created": 1754425777, "owned_by": self.owner} for name in names]
        return {"object": "list", "data": data}


def refusal(
    name: str,
    says: Envelope,
    words: str,
    *,
    status: int,
    kind: str = "invalid_request_error",
    code: str | None = None,
) -> Fault:
    """What a make says to every request that it means. ``{method}`` and ``{path}`` are filled in."""
    demand = rule(
        name,
        lambda asked: filled(words, asked, path=asked.path, method="POST"),
        says,
        status=status,
        kind=kind,
        code=code,
        param=None,
    )
    return of_demand(demand)


def bad_key(says: Envelope, words: str, *, status: int = 401, kind: str = "", code: str | None = None) -> Fault:
    """The answer to a wrong key."""
    return refusal("key", says, words, status=status, kind=kind or "authentication_error", code=code)


def no_route(
    says: Envelope = openai,
    words: str = "Invalid URL (POST {path})",
    *,
    status: int = 404,
    kind: str = "invalid_request_error",
    code: str | None = None,
) -> Fault:
    """The answer to a path that is not served."""
    return refusal("route", says, words, status=status, kind=kind, code=code)
