"""What a core auth's profile and settings change from the start, and the changes themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from daemon.snapshot.core_auths import CoreAuth
from daemon.upstream.amendments.parameters import CODEX_LACKS, CODEX_PARAMETERS, LEAVE_OUT
from daemon.upstream.amendments.rule import Amendment
from daemon.upstream.amendments.table import RULE
from daemon.wires.base import Fields
from daemon.wires.json import encode, fields_of


def configured(auth: CoreAuth) -> tuple[Amendment, ...]:
    """What this provider's profile and settings ask for from the start."""
    amendments: list[Amendment] = []
    if auth.normalised:
        amendments += (Amendment("shape of Codex"), Amendment("service tier of Codex"))
    if auth.instructions == "system":
        amendments.append(Amendment("system text in instructions"))
    elif auth.instructions == "file":
        amendments.append(Amendment("fixed instructions", auth.instructions_text))
    return tuple(amendment for amendment in amendments if auth.wire in RULE[amendment.name].wires)


def without(amendments: Iterable[Amendment]) -> frozenset[str]:
    """The parameters that ``amendments`` leave out."""
    names: set[str] = set()
    for amendment in amendments:
        if amendment.name == LEAVE_OUT:
            names.add(amendment.argument)
        elif amendment.name == CODEX_PARAMETERS:
            names |= CODEX_LACKS
    return frozenset(names)


def amend(fields: Fields, amendments: Sequence[Amendment]) -> list[str]:
    """Makes the changes in ``fields``, the top level of the upstream's body; names what is lost by them."""
    lost: list[str] = []
    for amendment in amendments:
        change = RULE[amendment.name].change
        if change is not None:
            lost += change(fields, amendment.argument)
    return lost


def amend_headers(headers: dict[str, str], amendments: Iterable[Amendment]) -> None:
    """Makes the changes in ``headers``, names in lower case, as they go to the upstream."""
    for amendment in amendments:
        change = RULE[amendment.name].headers
        if change is not None:
            change(headers, amendment.argument)


def amend_body(body: bytes, amendments: Sequence[Amendment]) -> tuple[bytes, list[str]]:
    """The same for an encoded body, which is not read where nothing is to change."""
    if not any(RULE[amendment.name].change for amendment in amendments):
        return body, []
    fields = fields_of(body)
    lost = amend(fields, amendments)
    return encode(fields), lost
