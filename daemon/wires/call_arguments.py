"""Arguments that say nothing: how servers write a call without any, or one whose arguments are still to come.

``{}``, blanks, ``null`` and an empty text all stand for ``{}``. Some servers send one of them first and the real
arguments after it (openai-agents-js#712, litellm#4537), so that nothing goes to the client until it is known which it
is: what has gone out cannot be taken back. Only a fragment that is such a word by itself is held back, so that the
arguments of ordinary upstreams go on as they come.

``null``, then ``{"a":1}``  ->  ``{"a":1}``         ``  ``, then the end  ->  ``{}``
"""

from __future__ import annotations

from typing import Final

from msgspec import Raw

from daemon.wires.json import first_byte, string_of

NO_ARGUMENTS: Final = "{}"
_SAYING_NOTHING: Final = frozenset({b"", b"{}", b"null", b'""'})
_LONGEST: Final = 64


def says_nothing(arguments: bytes | bytearray) -> bool:
    """Whether arguments so far are none: of a function, whose arguments are JSON."""
    if len(arguments) > _LONGEST:
        return arguments.isspace()
    return b"".join(bytes(arguments).split()) in _SAYING_NOTHING


def lacks_arguments(raw: Raw | None) -> bool:
    """Whether a field that holds arguments as text needs a ``{}``; not one that is missing (None)."""
    if raw is None or first_byte(raw) != b'"':
        return raw is not None and bytes(raw) == b"null"
    text = string_of(raw)
    return text != NO_ARGUMENTS and says_nothing(text.encode())


def stand_in(arguments: str) -> str:
    """Whole arguments with ``{}`` for those that say nothing; no arguments at all stay so."""
    return NO_ARGUMENTS if arguments and says_nothing(arguments.encode()) else arguments


def continued(so_far: bytes | bytearray, piece: bytes) -> bytes:
    """The arguments after ``piece``, which follows ``so_far`` that says nothing: real ones replace it."""
    if so_far.isspace() or piece.lstrip().startswith(b"{"):
        return piece
    return bytes(so_far) if piece.isspace() else bytes(so_far) + piece


class ArgumentStart:
    """Where the arguments of a call begin: ``add`` gives what may go on to the client, ``rest`` what is due at the
    end. ``flowing``: they say something, so that further pieces need not come here."""

    __slots__ = ("_held", "flowing")

    def __init__(self) -> None:
        self._held = b""
        self.flowing = False

    def add(self, piece: str) -> str:
        self._held = continued(self._held, piece.encode()) if self._held else piece.encode()
        if says_nothing(self._held):
            return ""
        self.flowing = True
        return self._held.decode()

    def rest(self) -> str:
        return NO_ARGUMENTS if self._held and not self.flowing else ""
