"""A write that was refused, as the caller is told: which status, which word, which sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from daemon.api.answers import Problem, Refusal
from daemon.api.problems import invalid_config
from daemon.config.diagnostics import Diagnostic
from daemon.config.edit.patch import PatchRefused, UnknownProvider
from daemon.config.edit.rewrite import NotEditable
from daemon.reload.writing import Invalid, Stale
from daemon.sources.write import Conflict, DiskFull, WriteRefused

WHOLE: Final = "config"
REFUSALS: Final = (Stale, Invalid, WriteRefused, NotEditable, PatchRefused, UnknownProvider)
"""What a write may raise that is no fault of ours."""


class Refused(Struct, frozen=True):
    status: int
    body: Problem | Refusal


def refused(error: Exception, target: str) -> Refused:
    """What ``error`` (one of ``REFUSALS``) means to whoever wrote to ``target`` (a block, or ``config``)."""
    match error:
        case Invalid():
            return Refused(422, invalid_config(error.diagnostics, _code(error.diagnostics, target)))
        case PatchRefused():
            return Refused(422, invalid_config((_diagnostic(error, target),), f"invalid_{target}"))
        case UnknownProvider():
            return Refused(404, Problem(error="not_found", message="there is no provider of that name"))
        case Stale():
            message = "the file is not the one that If-Match names: read it again, then repeat the change"
            return Refused(412, Problem(error="precondition_failed", message=message))
        case NotEditable():
            return Refused(409, Problem(error="not_editable", message=_sentence(error)))
        case DiskFull():
            return Refused(507, Problem(error="insufficient_storage", message=error.message))
        case WriteRefused():
            word = "conflict" if isinstance(error, Conflict) else "not_writable"
            return Refused(409, Problem(error=word, message=error.message))
    raise error


def _code(diagnostics: tuple[Diagnostic, ...], target: str) -> str:
    """``invalid_config`` where the block that was sent is not what is wrong."""
    errors = [each for each in diagnostics if each.severity == "error"]
    own = any(not each.path or each.path[0] == target for each in errors)
    return f"invalid_{target if own else WHOLE}"


def _diagnostic(error: PatchRefused, target: str) -> Diagnostic:
    path = (target, *error.path)
    return Diagnostic(severity="error", code="patch", message=error.message, path=path, hint=error.hint)


def _sentence(error: NotEditable) -> str:
    place = f"config.yaml:{error.line}: " if error.line else "config.yaml: "
    return f"{place}{error.message}; {error.hint}"


def words(body: Problem | Refusal) -> Mapping[str, object]:
    """The refusal as fields of an audit event."""
    return {"error": body.error, "why": body.message}
