"""Plain data becomes the structs of the schema, value by value, so that every mistake is reported, not the first.

A value that cannot be read is reported and left at its default, and the rest is read on. ``null`` counts
as absent. A wrong type is reported in plain words: "expected text, got a date".
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable
from typing import TypeVar

from daemon.config.diagnostics import MOST_SHOWN, Diagnostic, Path, Severity
from daemon.config.document import Document, looks_secret
from daemon.config.expected import MODELS_HINT, ONE_KEY, ROLE_OR_FILE, hint_for, word
from daemon.config.instructions import ROLES, Instructions, text_fault
from daemon.config.lookalikes import Place, lookalike_hint, odd_key
from daemon.config.references import Resolve, UnresolvedReference, is_reference, watched_name
from daemon.config.schema import ModelAlias, ModelEntry, Packycode, TppcProvider
from daemon.config.schema_base import PEM, Base
from daemon.config.shape import Shape, fields
from daemon.config.unknown import unknown_key
from daemon.secret import Secret

N = TypeVar("N", int, float)


class Wrong:
    """The mark of a value that could not be read; what is wrong has been reported."""


WRONG = Wrong()

DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)?")
DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
SIZE = re.compile(r"(\d+)\s*([kKMG]i?)?B?")
SIZE_UNITS = {None: 1, "k": 1000, "K": 1000, "M": 1000**2, "G": 1000**3}
SIZE_UNITS |= {"ki": 1024, "Ki": 1024, "Mi": 1024**2, "Gi": 1024**3}
TRAP = re.compile(r"[-+]?0[0-7_]+|.*:.*")
"""Numbers that YAML 1.1 reads differently from what a person means: ``017`` is 15, ``12:30`` is 750."""


class Converter:
    """One pass over a document. ``diagnostics`` and ``files`` (watched references) grow as it goes."""

    def __init__(self, document: Document, resolve: Resolve) -> None:
        self.document = document
        self.resolve = resolve
        self.diagnostics: list[Diagnostic] = []
        self.files: set[str] = set()
        self.references: dict[Path, tuple[str, str]] = {}
        """(as written, what it stands for): diagnostics quote the first and never the second."""
        self.texts: dict[Path, str] = {}
        """Texts as written that are not ASCII."""
        self._disabled = False
        """Inside a disabled block: an unresolved reference is not an error there."""

    def report(self, path: Path, code: str, message: str, hint: str = "", *, severity: Severity = "error") -> Wrong:
        """Add a diagnostic of the value at ``path``."""
        self.report_at(path, self.document.place(path), code, message, hint, severity)
        return WRONG

    def report_at(self, path: Path, place: Place, code: str, message: str, hint: str, severity: Severity) -> None:
        line, column = place
        self.diagnostics.append(
            Diagnostic(
                severity=severity,
                code=code,
                message=message,
                path=path,
                line=line,
                column=column,
                source=self.document.source,
                hint=hint,
            )
        )

    def read(self, shape: Shape, value: object, path: Path) -> object:
        return READERS[shape.kind](self, shape, value, path)

    def section(self, section: type[Base], value: object, path: Path) -> Base | Wrong:
        """The struct of a mapping; unknown keys are warned of, missing required ones are errors."""
        if section is ModelEntry and isinstance(value, str):
            name = self.name(NAME, value, path)
            return WRONG if isinstance(name, Wrong) else ModelEntry(name=name)
        if not isinstance(value, dict):
            lists = [key for key, field in fields(section).items() if field.shape.kind == "list"]
            if isinstance(value, list) and len(lists) == 1 == len(fields(section)):
                hint = f"write {lists[0]}: on a line of its own above the list"
                return self.report(path, "wrong-type", "expected keys and values, got a list", hint)
            return self.expected("keys and values", value, path)
        outside = self._disabled
        if section in (Packycode, TppcProvider):
            self._disabled = value.get("enabled") in (None, False)
        try:
            return self._filled(section, value, path)
        finally:
            self._disabled = outside

    def _filled(self, section: type[Base], mapping: dict[str, object], path: Path) -> Base | Wrong:
        known = fields(section)
        values: dict[str, object] = {}
        for key, value in mapping.items():
            if key not in known:
                if fault := unknown_key(key, section, suggest=len(self.diagnostics) < MOST_SHOWN):
                    place = self.document.key_place((*path, key))
                    self.report_at((*path, *fault.path), place, fault.code, fault.message, fault.hint, "warning")
            elif value is not None:
                result = self.read(known[key].shape, value, (*path, key))
                if result is not WRONG:
                    values[known[key].attribute] = result
        missing = [field for field in known.values() if field.required and mapping.get(field.key) is None]
        for field in missing:
            self.report((*path, field.key), "missing", f"{field.key} is required", f"add {field.key}")
        absent = any(field.required and field.attribute not in values for field in known.values())
        return WRONG if absent else section(**values)

    def expected(self, what: str, value: object, path: Path, *, is_url: bool = False) -> Wrong:
        """A wrong type, in words."""
        if isinstance(value, dict) and (found := odd_key(value)):
            place = self.document.key_place((*path, found[0]))
            self.report_at(path, place, "wrong-type", f"expected {what}, got {word(value)}", found[1], "error")
            return WRONG
        hint = hint_for(what, value, self.document.plain.get(path, ""), is_url=is_url)
        return self.report(path, "wrong-type", f"expected {what}, got {word(value)}", hint)

    def text(self, shape: Shape, value: object, path: Path) -> str | Wrong:
        if not isinstance(value, str):
            return self.expected("text", value, path, is_url=shape.kind == "url")
        if not value.isascii():
            self.texts[path] = value
        text = self.dereferenced(value, path)
        if isinstance(text, Wrong) or (shape.kind == "pem" and PEM in text):
            return text
        if not text.isprintable() and any(c < " " or c == "\x7f" for c in text):
            return self.report(path, "control-character", "contains a line break or control character", "remove it")
        return text

    def name(self, shape: Shape, value: object, path: Path) -> str | Wrong:
        """Text that is shown as it is written."""
        if isinstance(value, str) and is_reference(value):
            return self.report(path, "wrong-value", "takes no reference", "write the value itself")
        return self.text(shape, value, path)

    def dereferenced(self, text: str, path: Path) -> str | Wrong:
        if not is_reference(text):
            return text
        if name := watched_name(text):
            self.files.add(name)
        try:
            value = self.resolve(text)
        except UnresolvedReference as error:
            return WRONG if self._disabled else self.report(path, "reference", error.message, error.hint)
        self.references[path] = text, value
        return value

    def secret(self, shape: Shape, value: object, path: Path) -> Secret | Wrong:
        if isinstance(value, Secret):
            return value
        if isinstance(value, list):
            return self.report(path, "wrong-type", "expected text, got a list", ONE_KEY)
        text = self.text(shape, value, path)
        return text if isinstance(text, Wrong) else Secret(text)

    def flag(self, shape: Shape, value: object, path: Path) -> bool | Wrong:
        if isinstance(value, str) and is_reference(value):
            text = self.dereferenced(value, path)
            value = WORDS.get(text.strip().lower(), text) if isinstance(text, str) else text
        return value if isinstance(value, bool | Wrong) else self.expected("true or false", value, path)

    def integer(self, shape: Shape, value: object, path: Path) -> int | Wrong:
        value = self.numeral(value, path)
        if isinstance(value, int) and not isinstance(value, bool):
            return self.bounded(shape, value, path)
        return value if isinstance(value, Wrong) else self.expected("a whole number", value, path)

    def duration(self, shape: Shape, value: object, path: Path) -> float | Wrong:
        value = self.numeral(value, path)
        if isinstance(value, str) and (match := DURATION.fullmatch(value.strip())):
            value = float(match[1]) * DURATION_UNITS[match[2]]
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return self.bounded(shape, float(value), path)
        return value if isinstance(value, Wrong) else self.expected("seconds, or text such as 30s", value, path)

    def size(self, shape: Shape, value: object, path: Path) -> int | Wrong:
        value = self.numeral(value, path)
        if isinstance(value, str) and (match := SIZE.fullmatch(value.strip())):
            value = int(match[1]) * SIZE_UNITS[match[2]]
        if isinstance(value, int) and not isinstance(value, bool):
            return self.bounded(shape, value, path)
        return value if isinstance(value, Wrong) else self.expected("bytes, or text such as 64MiB", value, path)

    def numeral(self, value: object, path: Path) -> object:
        """References followed, text of digits from them read, traps of YAML 1.1 reported."""
        if isinstance(value, int) and TRAP.fullmatch(written := self.document.plain.get(path, "")):
            return self.report(path, "yaml-trap", f"YAML reads {written} as {value}", "write a plain decimal number")
        if isinstance(value, str) and is_reference(value):
            text = self.dereferenced(value, path)
            return int(text) if isinstance(text, str) and re.fullmatch(r"\s*\d{1,18}\s*", text) else text
        return value

    def bounded(self, shape: Shape, value: N, path: Path) -> N | Wrong:
        if shape.above is not None and value <= shape.above:
            bound = f"above {shape.above:.12g}"
        elif shape.least is not None and value < shape.least:
            bound = f"at least {shape.least:.12g}"
        elif shape.most is not None and value > shape.most:
            bound = f"at most {shape.most:.12g}"
        else:
            return value
        written, _ = self.references.get(path, (f"{value:.12g}", ""))
        return self.report(path, "out-of-range", f"must be {bound}, got {written}")

    def choice(self, shape: Shape, value: object, path: Path) -> str | Wrong:
        text = self.name(shape, value, path)
        if isinstance(text, Wrong) or text in shape.choices:
            return text
        choices = [choice for choice in shape.choices if choice]
        near = difflib.get_close_matches(text.strip().lower()[:100], choices, n=1, cutoff=0.6)
        hint = f"got {quoted(text)}" + (f"; did you mean `{near[0]}`?" if near else "")
        return self.report(path, "wrong-value", f"must be one of: {', '.join(choices)}", hint)

    def instructions(self, shape: Shape, value: object, path: Path) -> Instructions | Wrong:
        """A role, or a reference: to a text of any number of lines, or to the name of a role."""
        if not isinstance(value, str):
            return self.report(path, "wrong-type", f"expected text, got {word(value)}", ROLE_OR_FILE)
        text = self.dereferenced(value, path)
        if isinstance(text, Wrong):
            return text
        if role := ROLES.get(text.strip()):
            return Instructions(role)
        if not is_reference(value):
            return self.report(path, "wrong-value", "is neither a role nor a reference to a text", ROLE_OR_FILE)
        text = text.removeprefix("\ufeff")
        message, hint = text_fault(text)
        if message:
            return self.report(path, "wrong-value", message, hint)
        return Instructions("file", text=text, written=value)

    def keys(self, shape: Shape, value: object, path: Path) -> object:
        """One key, or a list of keys: each item is read as the one would be."""
        if isinstance(value, list):
            return self.list(shape, value, path)
        if isinstance(value, dict):
            return self.expected("text or a list of texts", value, path)
        return self.secret(shape, value, path)

    def nested(self, shape: Shape, value: object, path: Path) -> object:
        assert shape.section is not None
        return self.section(shape.section, value, path)

    def list(self, shape: Shape, value: object, path: Path) -> object:
        assert shape.item is not None
        if not isinstance(value, list):
            return self.expected("a list", value, path)
        items = (self.read(shape.item, item, (*path, index)) for index, item in enumerate(value))
        return tuple(nothing(shape.item) if item is WRONG else item for item in items)

    def models(self, shape: Shape, value: object, path: Path) -> object:
        """A list, or the word for where models come from without one; an empty list is none."""
        if isinstance(value, list):
            return self.list(shape, value, path) or shape.choices[0]
        text = value.strip() if isinstance(value, str) else value
        if text in shape.choices:
            return text
        if not isinstance(text, str):
            return self.report(path, "wrong-type", f"expected a list, got {word(value)}", MODELS_HINT)
        hint = MODELS_HINT
        if alike := lookalike_hint(text):
            hint = alike
        elif near := difflib.get_close_matches(text.lower()[:100], shape.choices, n=1, cutoff=0.6):
            hint = f"did you mean `{near[0]}`?"
        elif len(text) <= 60 and not looks_secret(text):
            hint = f"for one model write [{text}], for what the upstream lists discover, for the built-in names seed"
        return self.report(path, "wrong-value", "must be a list, discover or seed", hint)

    def globs(self, shape: Shape, value: object, path: Path) -> object:
        """In one form, since neither their order nor their case means anything."""
        if not isinstance(value, list):
            return self.expected("a list", value, path)
        patterns = (self.pattern(item, (*path, index)) for index, item in enumerate(value))
        return tuple(sorted({each for each in patterns if not isinstance(each, Wrong)}))

    def pattern(self, value: object, path: Path) -> str | Wrong:
        text = self.name(NAME, value, path)
        if isinstance(text, str) and not text.strip():
            return self.report(path, "wrong-value", "a pattern must not be empty", "remove the item")
        return text.strip().lower() if isinstance(text, str) else text

    def table(self, shape: Shape, value: object, path: Path) -> object:
        if not isinstance(value, dict):
            return self.expected("keys and values", value, path)
        items = ((key, self.text(TEXT, item, (*path, key))) for key, item in value.items())
        return {key: item for key, item in items if not isinstance(item, Wrong)}

    def aliases(self, shape: Shape, value: object, path: Path) -> object:
        """``pattern: model`` rows, in the order they are written; no model is the provider's default."""
        if not isinstance(value, dict):
            return self.expected("keys and values (pattern: model)", value, path)
        rows = ((key, "" if item is None else self.name(NAME, item, (*path, key))) for key, item in value.items())
        return tuple(ModelAlias(pattern=key, model=item) for key, item in rows if not isinstance(item, Wrong))


READERS: dict[str, Callable[[Converter, Shape, object, Path], object]] = {
    "text": Converter.text,
    "url": Converter.text,
    "pem": Converter.text,
    "name": Converter.name,
    "secret": Converter.secret,
    "flag": Converter.flag,
    "integer": Converter.integer,
    "number": Converter.duration,
    "duration": Converter.duration,
    "size": Converter.size,
    "choice": Converter.choice,
    "instructions": Converter.instructions,
    "section": Converter.nested,
    "list": Converter.list,
    "models": Converter.models,
    "globs": Converter.globs,
    "keys": Converter.keys,
    "table": Converter.table,
    "aliases": Converter.aliases,
}

TEXT, NAME = Shape(kind="text"), Shape(kind="name")
WORDS: dict[str, bool] = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}


def nothing(shape: Shape) -> object:
    """Stands in a list for an item that could not be read, so that the items behind it keep their index."""
    if shape.section is ModelEntry:
        return ModelEntry(name="")
    if shape.section is not None:
        return shape.section()
    return Secret("") if shape.kind == "secret" else ""


def quoted(text: str) -> str:
    """A wrong value, if it is short and does not look like a misplaced key."""
    return f'"{text}"' if len(text) <= 32 and not looks_secret(text) else f"a text of {len(text)} characters"
