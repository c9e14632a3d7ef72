"""``GET /v1/models`` in the three shapes that clients read: OpenAI's, Anthropic's and Codex CLI's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from daemon.api.guard import ADMITTED, request_info
from daemon.api.inference.codex_catalog import catalogue
from daemon.api.problems import json_response
from daemon.api.services import Services, snapshot_in_force
from daemon.errors import ErrorKind, LocalError
from daemon.gateway.request_lines import EndedRequest
from daemon.gateway.route import route
from daemon.snapshot.models import ModelRegistry
from daemon.telemetry.trace_context import context_of

# Upstreams do not say when a model was made, and clients only sort by it: the day gpt-5 came out.
CREATED: Final = 1_754_524_800
CREATED_AT: Final = "2025-08-07T00:00:00Z"
MAX_INPUT_TOKENS: Final = 200_000
MAX_TOKENS: Final = 64_000
DEFAULT_PAGE: Final = 20
LARGEST_PAGE: Final = 1000


class Page(Struct, frozen=True):
    """Anthropic's paging: how many, and beside which id."""

    limit: int = DEFAULT_PAGE
    after_id: str = ""
    before_id: str = ""


class ModelRoutes:
    """The list, and one model of it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def index(self, request: Request) -> Response:
        registry = self._registry(request)
        if "client_version" in request.query_params:
            return self._answered(request, catalogue(registry.names()))
        if wants_anthropic(request.headers):
            return self._answered(request, anthropic_list(registry, page_of(request.query_params)))
        models = [openai_model(name, registry) for name in registry.names()]
        return self._answered(request, {"object": "list", "data": models})

    async def one(self, request: Request) -> Response:
        registry = self._registry(request)
        name = request.path_params["name"]
        route(snapshot_in_force(self._services), name)
        shape = anthropic_model(name) if wants_anthropic(request.headers) else openai_model(name, registry)
        return self._answered(request, shape, model=name)

    def _registry(self, request: Request) -> ModelRegistry:
        snapshot = snapshot_in_force(self._services)
        self._services.access.check(request.scope, dict(request.headers), snapshot)
        request.scope[ADMITTED] = True
        return snapshot.models

    def _answered(self, request: Request, content: object, *, model: str = "") -> Response:
        response, info = json_response(content), request_info(request.scope)
        self._services.lines.ended(
            EndedRequest(
                entry="models",
                status=response.status_code,
                started=info.started,
                request_id=info.request_id,
                admitted=True,
                model=model,
                method=request.method,
                headers=context_of(request.scope["headers"], passes=self._services.passes_traces),
            )
        )
        return response


def wants_anthropic(headers: Mapping[str, str]) -> bool:
    """Whether the caller reads Anthropic's shape: it sends that API's version, or is Claude Code."""
    return "anthropic-version" in headers or headers.get("user-agent", "").startswith("claude-cli")


def openai_model(name: str, registry: ModelRegistry) -> dict[str, object]:
    """``owned_by`` is the provider that is asked first."""
    serving = registry.by_name.get(name)  # a list may be long, and each resolution as long as there are providers
    owner = serving[0].auth.name if serving else registry.resolve(name).candidates[0].auth.name
    return {"id": name, "object": "model", "created": CREATED, "owned_by": owner}


def anthropic_model(name: str) -> dict[str, object]:
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": CREATED_AT,
        "max_input_tokens": MAX_INPUT_TOKENS,
        "max_tokens": MAX_TOKENS,
    }


def anthropic_list(registry: ModelRegistry, page: Page) -> dict[str, object]:
    """One page of the registered names and the concrete ``claude-*`` aliases, then of the discovered names."""
    names = registry.names(with_aliases=True)
    chosen, has_more = cut(names, page)
    return {
        "data": [anthropic_model(name) for name in chosen],
        "has_more": has_more,
        "first_id": chosen[0] if chosen else "",
        "last_id": chosen[-1] if chosen else "",
    }


def cut(names: Sequence[str], page: Page) -> tuple[Sequence[str], bool]:
    """The page of ``names``, and whether there is more in the direction of travel."""
    if page.before_id:
        end = position(names, page.before_id)
        start = max(0, end - page.limit)
        return names[start:end], start > 0
    start = position(names, page.after_id) + 1 if page.after_id else 0
    return names[start : start + page.limit], start + page.limit < len(names)


def position(names: Sequence[str], name: str) -> int:
    if name not in names:
        raise LocalError(ErrorKind.INVALID_REQUEST, "after_id and before_id must be ids from the list")
    return names.index(name)


def page_of(query: Mapping[str, str]) -> Page:
    """The paging parameters, or a 400 that names the wrong one."""
    text = query.get("limit", str(DEFAULT_PAGE))
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    if not 1 <= limit <= LARGEST_PAGE:
        raise LocalError(ErrorKind.INVALID_REQUEST, f"limit must be from 1 to {LARGEST_PAGE}", param="limit")
    return Page(limit, query.get("after_id", ""), query.get("before_id", ""))
