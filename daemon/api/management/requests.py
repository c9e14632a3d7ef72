"""The parts of a request to the management API: its body, ``If-Match`` and ``dry-run``, and its line in the log."""

from __future__ import annotations

import re
from typing import Final, TypeVar

import msgspec
from starlette.requests import Request

from daemon.api.bodies import Disconnected, read_body
from daemon.config.document import MAX_BYTES
from daemon.errors import ErrorKind, LocalError
from daemon.secret import mask_keys
from daemon.telemetry.long_text import MOST_REASON, shortened
from daemon.wires.json import mistake

MOST_JSON: Final = 4 * 1024 * 1024
TAG: Final = re.compile(r'(W/)?"([^"]*)"')
YES: Final = ("1", "true", "yes", "")
NO: Final = ("0", "false", "no")

T = TypeVar("T")


async def raw_body(request: Request, limit: int = MAX_BYTES) -> bytes:
    """The body, unpacked. Raises 400, 413, 415."""
    try:
        return await read_body(request.headers, request.receive, limit)
    except Disconnected:
        raise LocalError(ErrorKind.INVALID_REQUEST, "the body is not complete") from None
    except LocalError as error:
        if error.kind is not ErrorKind.TOO_LARGE:
            raise
        # The entries' own message names limits.body, which does not apply here.
        raise LocalError(ErrorKind.TOO_LARGE, f"the body is larger than {limit} bytes") from None


async def json_body(request: Request, kind: type[T], limit: int = MOST_JSON) -> T:
    """The body as ``kind``. Raises like ``raw_body``; only field names of the body are quoted."""
    raw = await raw_body(request, limit)
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise LocalError(ErrorKind.INVALID_REQUEST, f"the body cannot be read: {mistake(error)}") from None


def write_line(request: Request, address: str, result: str) -> str:
    """``PATCH /v0/management/tppc from 127.0.0.1: config.yaml written``: a write, for the log and as an event. A key
    that somebody typed as a name is masked by its shape."""
    return mask_keys(f"{request.method} {request.url.path} from {address}: {shortened(result, MOST_REASON)}")


def is_dry_run(request: Request) -> bool:
    """``?dry-run=1``."""
    return flag(request, "dry-run")


def flag(request: Request, name: str) -> bool:
    """``?name=1``. Raises 400 for what is neither yes nor no, since guessing would write."""
    value = request.query_params.get(name, "0").strip().lower()
    if value not in (*YES, *NO):
        raise LocalError(ErrorKind.INVALID_REQUEST, f"{name} is 1 or 0")
    return value in YES


class IfMatch:
    """``If-Match`` of a request: call it with a digest. Weak tags never match (RFC 9110, 13.1.1)."""

    def __init__(self, request: Request) -> None:
        values = request.headers.getlist("if-match")
        self._any = not values or "*" in (each.strip() for each in values)
        self._tags = {tag for each in values for weak, tag in TAG.findall(each) if not weak}

    def __call__(self, digest: str) -> bool:
        return self._any or digest in self._tags


def etag(digest: str) -> dict[str, str]:
    """The header for a digest; none for no digest."""
    return {"etag": f'"{digest}"'} if digest else {}
