"""What a core auth's profile and settings change from the start, and the changes themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import cache

from daemon.config.profiles import PROFILES
from daemon.snapshot.core_auths import CoreAuth
from daemon.upstream.amendments.parameters import CODEX_LACKS, CODEX_PARAMETERS, LEAVE_OUT
from daemon.upstream.amendments.rule import Amendment
from daemon.upstream.amendments.table import RULE
from daemon.upstream.amendments.thinking import THINKING_FORM
from daemon.wires.base import Fields
from daemon.wires.json import encode, fields_of


def configured(auth: CoreAuth) -> tuple[Amendment, ...]:
    """What this provider's profile and settings ask for from the start."""
    amendments = of_profile(auth.profile, auth.wire)
    if auth.instructions == "system":
        amendments += _for_wire(auth.wire, Amendment("system text in instructions"))
    elif auth.instructions == "file":
        amendments += _for_wire(auth.wire, Amendment("fixed instructions", auth.instructions_text))
    return amendments


@cache
def of_profile(name: str, wire: str) -> tuple[Amendment, ...]:
    """What upstreams with the profile ``name`` need on a wire; none for ''."""
    profile = PROFILES.get(name)
    if profile is None:
        return ()
    thinking = (Amendment(THINKING_FORM, profile.thinking),) if profile.thinking else ()
    return _for_wire(wire, *(Amendment(*each) for each in profile.amendments), *thinking)


def _for_wire(wire: str, *amendments: Amendment) -> tuple[Amendment, ...]:
    return tuple(amendment for amendment in amendments if wire in RULE[amendment.name].wires)


def without(amendments: Iterable[Amendment]) -> frozenset[str]:
    """The parameters that ``amendments`` leave out."""
    names: set[str] = set()
    for amendment in amendments:
        if amendment.name == LEAVE_OUT:
            names.add(amendment.argument)
        elif amendment.name == CODEX_PARAMETERS:
            names |= CODEX_LACKS
    return frozenset(names)


def amend(fields: Fields, amendments: Sequence[Amendment], unsupported: AbstractSet[str] = frozenset()) -> list[str]:
    """Makes the changes in ``fields``, the top level of the upstream's body; names what is lost by them. What a change
    adds is left out again where the upstream does not take it: by then the wires have left out the rest."""
    lost: list[str] = []
    before = unsupported and unsupported & fields.keys()
    for amendment in amendments:
        change = RULE[amendment.name].change
        if change is not None:
            lost += change(fields, amendment.argument)
    for name in unsupported and sorted(unsupported & fields.keys() - before):
        del fields[name]
        lost.append(name)
    return lost


def amend_headers(headers: dict[str, str], amendments: Iterable[Amendment]) -> None:
    """Makes the changes in ``headers``, names in lower case, as they go to the upstream."""
    for amendment in amendments:
        change = RULE[amendment.name].headers
        if change is not None:
            change(headers, amendment.argument)


def amend_body(
    body: bytes, amendments: Sequence[Amendment], unsupported: AbstractSet[str] = frozenset()
) -> tuple[bytes, list[str]]:
    """The same for an encoded body, which is not read where nothing is to change."""
    rules = (RULE[amendment.name] for amendment in amendments)
    if not any(rule.change is not None and rule.needs in body for rule in rules):
        return body, []
    fields = fields_of(body)
    lost = amend(fields, amendments, unsupported)
    return encode(fields), lost
