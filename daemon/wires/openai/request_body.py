"""What requests to OpenAI's two entries have in common: how a body is read, and how a mistake in it is worded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from daemon.errors import ErrorKind, LocalError
from daemon.inference.request import ToolChoice
from daemon.wires.json import NOT_JSON, RawObject, check_utf8, fields_of
from daemon.wires.unread import BodyDecoder, Unread

CHOICES: Mapping[str, ToolChoice] = {
    "auto": ToolChoice("auto"),
    "required": ToolChoice("any"),
    "none": ToolChoice("none"),
}
"""A ``tool_choice`` that is one word."""

_SESSION_HEADERS = ("session-id", "session_id", "x-session-id", "thread-id")


Body = TypeVar("Body", bound=msgspec.Struct)


def read_body(
    body: bytes, decoder: BodyDecoder[Body], noted: Unread, misshapen: Callable[[msgspec.ValidationError], LocalError]
) -> tuple[RawObject, Body]:
    """A client's body twice: field by field as it came, and as the wire's struct. Raises ``LocalError``;
    ``misshapen`` words what is JSON, but not this wire's."""
    try:
        check_utf8(body)
        fields = fields_of(body)
        return fields, decoder.decode(body, fields, noted)
    except msgspec.ValidationError as error:
        raise misshapen(error) from None
    except NOT_JSON:
        raise invalid("We could not parse the JSON body of your request.") from None


def session_of(headers: Mapping[str, str], cache_key: str | None) -> str | None:
    """What names the conversation: a header of the clients' own, else the key of the prompt cache."""
    return next((headers[name] for name in _SESSION_HEADERS if headers.get(name)), cache_key)


def invalid(message: str, param: str | None = None, code: str | None = None) -> LocalError:
    """A mistake of the client's, in the API's own words."""
    return LocalError(ErrorKind.INVALID_REQUEST, message, param=param, code=code)
