"""A warning for each secret that is written as another program would have it, or not filled in.

Every field that the schema calls a secret, the password of a proxy and the headers of a provider. Of a block that is
switched off nothing is looked at: templates stand there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote, urlsplit

from daemon.config.diagnostics import Fault, Faults, Path
from daemon.config.foreign_syntax import foreign_syntax, within
from daemon.config.header_rules import NAME, copied_name
from daemon.config.provider import providers_of
from daemon.config.schema import Config, Packycode, TppcProvider
from daemon.config.schema_base import Base
from daemon.config.shape import Shape, fields
from daemon.secret import Secret

_LIKE_A_VARIABLE: Final = re.compile(r"\$[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
"""``$FOX_KEY``: a header's name has ``-`` and is seldom in capitals."""


def secrets(config: Config) -> Faults:
    for path, secret in _secrets(config, ()):
        yield from _fault(path, foreign_syntax(secret.reveal()))
    yield from _proxy(("proxy-url",), config.proxy_url)
    for provider in providers_of(config):
        if provider.enabled:
            yield from _proxy((*provider.path, "proxy-url"), provider.proxy_url)
            for name, value in provider.headers.items():
                yield from _fault((*provider.path, "headers", name), _of_header(value))


def _secrets(section: Base, path: Path) -> Iterator[tuple[Path, Secret]]:
    if isinstance(section, Packycode | TppcProvider) and not section.enabled:
        return
    for key, field in fields(type(section)).items():
        yield from _within(field.shape, getattr(section, field.attribute), (*path, key))


def _within(shape: Shape, value: object, path: Path) -> Iterator[tuple[Path, Secret]]:
    match value:
        case Secret():
            yield path, value
        case Base():
            yield from _secrets(value, path)
        case tuple() if shape.item is not None and (shape.item.section or shape.item.kind == "secret"):
            for index, item in enumerate(value):
                yield from _within(shape.item, item, (*path, index))


def _proxy(path: Path, url: str) -> Faults:
    try:
        password = urlsplit(url.strip()).password
    except ValueError:
        return
    if password:
        yield from _fault(path, foreign_syntax(unquote(password)))


def _of_header(value: str) -> tuple[str, str]:
    """``$Name`` copies a header of the client's, whose name may look like a variable's."""
    if _LIKE_A_VARIABLE.fullmatch(value):
        name = value[1:]
        return f"copies the client's header {name}, which looks like a variable", f"for a variable write env:{name}"
    if copied_name(value) and NAME.fullmatch(copied_name(value)):
        return "", ""
    return within(value)


def _fault(path: Path, found: tuple[str, str]) -> Faults:
    message, hint = found
    if message:
        yield Fault(
            path=path, code="foreign-syntax", message=message, hint=hint, literals_only=True, severity="warning"
        )


def literal_hint(text: str) -> str:
    """What to write for a text that is refused here, and that another program would understand; empty where none is."""
    message, hint = foreign_syntax(text)
    return f"it {message.partition(',')[0]}; {hint}" if message else ""
