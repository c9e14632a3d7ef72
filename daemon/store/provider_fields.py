"""A JSON body becomes the fields of a provider, or everything that is wrong with it at once.

    body ─ READERS (types) ─▶ ProviderFields ─ over the row ─▶ ProviderFields ─ faults_of (meaning) ─▶ Fault, …

What a provider of config.yaml must not be, one of the store must not be either: ``faults_of`` runs the rules of
``tppc.providers`` over it and renames what they find.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec import UNSET, Struct, UnsetType, structs

from daemon.config import rules
from daemon.config.convert import quoted
from daemon.config.diagnostics import Fault, Path
from daemon.config.expected import word
from daemon.config.profiles import CHOICES, PROFILES
from daemon.config.references import is_reference
from daemon.config.rules_secrets import secrets
from daemon.config.schema import Config, ModelEntry, Tppc, TppcProvider
from daemon.secret import Secret
from daemon.store.errors import InvalidProvider
from daemon.store.masks import mask_faults, nul_faults, reference_faults, unmasked
from daemon.store.provider_row import DEFAULT_TIMEOUT, ExtraConfig
from daemon.upstream.adapters.table import ADAPTERS

LEAST_TIMEOUT: Final = 1.0
MOST_TIMEOUT: Final = 86_400.0
MOST_TOKENS: Final = 100_000_000
STAND_IN_KEY: Final = "stand-in"
"""For a key that the rules cannot see: one that is sealed, a reference, or none where none is needed."""


class ProviderFields(Struct, frozen=True, kw_only=True):
    """The fields that a body may set; UNSET: not given. ``api_key`` None clears it; a reference is a key, too."""

    name: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    base_url: str | UnsetType = UNSET
    timeout: float | UnsetType = UNSET
    api_key: Secret | UnsetType | None = UNSET
    extra_config: dict[str, object] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    models: tuple[ModelEntry, ...] | UnsetType | None = UNSET
    fallback_models: tuple[str, ...] | UnsetType = UNSET

    def over(self, older: ProviderFields) -> ProviderFields:
        """``older`` with what is given here. A mask that is sent back is what was there before."""
        given = {name: value for name, value in structs.asdict(self).items() if value is not UNSET}
        for name in given.keys() & MASKED:
            given[name] = unmasked(given[name], getattr(older, name))
        return structs.replace(older, **given)


DEFAULTS: Final = ProviderFields(
    timeout=DEFAULT_TIMEOUT, api_key=None, extra_config={}, enabled=True, models=None, fallback_models=()
)


def fields_of(body: object) -> ProviderFields:
    """The fields of a decoded JSON body. Raises InvalidProvider with every wrong type and unknown field."""
    if not isinstance(body, Mapping):
        raise InvalidProvider((_expected((), "an object", body),))
    faults: list[Fault] = []
    values: dict[str, object] = {}
    for key, value in body.items():
        if key in READ_ONLY:
            continue
        if key not in READERS:
            faults.append(_unknown(str(key)))
            continue
        read = READERS[key](value, (key,))
        if isinstance(read, list):
            faults += read
        else:
            values[key] = read
    if faults:
        raise InvalidProvider(faults)
    return ProviderFields(**values)  # type: ignore[arg-type]  # each reader gives its field's type


def faults_of(fields: ProviderFields) -> tuple[Fault, ...]:
    """What is wrong with a whole provider, warnings included: missing fields, a bad URL, a key that no header takes."""
    faults = [
        Fault(path=(each,), code="required", message=f"{each} is required", hint=hint)
        for each, hint in REQUIRED.items()
        if not getattr(fields, each)
    ]
    if isinstance(fields.type, str) and fields.type and fields.type not in ADAPTERS:
        hint = f"got {quoted(fields.type)}; known: {', '.join(ADAPTERS)}"
        faults.append(Fault(path=("type",), code="unknown-type", message="unknown provider type", hint=hint))
    faults += _name_faults(fields.name if isinstance(fields.name, str) else "")
    faults += (fault for name in MASKED for fault in mask_faults(getattr(fields, name), (name,)))
    extra, wrong = extra_config_of(fields.extra_config if isinstance(fields.extra_config, dict) else {})
    faults += wrong
    faults += (fault for name in SHOWN for fault in reference_faults(getattr(fields, name), (name,)))
    faults += reference_faults(extra.headers, ("extra_config", "headers"))
    faults += _rule_faults(fields, extra)
    named = {each.path for each in faults if each.severity == "error"}
    return tuple(each for index, each in enumerate(faults) if each.path not in named or _first(faults, index))


def check_fields(fields: ProviderFields) -> tuple[Fault, ...]:
    """The warnings. Raises InvalidProvider with every error."""
    faults = faults_of(fields)
    if errors := [each for each in faults if each.severity == "error"]:
        raise InvalidProvider(errors)
    return faults


def key_problem(key: Secret) -> str:
    """What keeps the text behind a reference from being a key, as the rules of config.yaml have it; empty: nothing."""
    if not key:
        return "is empty"
    entry = TppcProvider(name="key", enabled=True, base_url="https://host.example", api_key=key)
    return next((each.message for each in rules.tppc(_only(entry))), "")


def extra_config_of(extra: Mapping[str, object]) -> tuple[ExtraConfig, list[Fault]]:
    """``extra_config``, read; a key that tppcd does not know is kept and warned of."""
    faults: list[Fault] = []
    values: dict[str, object] = {}
    for key, value in extra.items():
        path: Path = ("extra_config", key)
        if key not in EXTRA:
            hint = f"known here: {', '.join(EXTRA)}"
            faults.append(
                Fault(path=path, code="unknown-key", message="is kept and not used", hint=hint, severity="warning")
            )
        elif value is not None:
            read = EXTRA[key](value, path)
            if isinstance(read, list):
                faults += read
            else:
                values[key] = read
    return ExtraConfig(**values), faults  # type: ignore[arg-type]  # each reader gives its field's type


def _rule_faults(fields: ProviderFields, extra: ExtraConfig) -> Iterator[Fault]:
    """What the rules of ``tppc.providers`` say, in the words of the store."""
    kind = ADAPTERS.get(fields.type if isinstance(fields.type, str) else "")
    if kind is None or not isinstance(fields.base_url, str) or not isinstance(fields.name, str):
        return
    written = fields.api_key.reveal() if isinstance(fields.api_key, Secret) else ""
    visible = bool(written) and not is_reference(written)
    key = written if visible or not (written or kind.keyless) else STAND_IN_KEY
    entry = TppcProvider(
        name=fields.name,
        enabled=True,
        base_url=fields.base_url,
        api_key=Secret(key),
        wire_api=kind.wire_api,
        models=fields.models if isinstance(fields.models, tuple) else (),
        profile=extra.profile,
        headers=extra.headers,
    )
    for found in (each for rule in (rules.names, rules.tppc, secrets) for each in rule(_only(entry))):
        field = str(found.path[3])
        path = RENAMED.get(field, (field,)) + found.path[4:]
        message = found.message.removeprefix("providers[0].").removesuffix(" when providers[0].enabled=true")
        if path == ("api_key",) and found.code == "required":
            message = f"api_key is required for type {kind.type}"
        hint = found.literal_hint or found.hint
        for wire, name in TYPES.items():
            hint = hint.replace(f"wire-api: {wire}", f"type: {name}")
        yield structs.replace(found, path=path, message=message.replace("base-url", "base_url"), hint=hint)


def _only(entry: TppcProvider) -> Config:
    return Config(tppc=Tppc(providers=(entry,)))


def _name_faults(name: str) -> Iterator[Fault]:
    """A name is a step of a path of the API."""
    if "/" in name or name.strip() in (".", ".."):
        hint = "provider/model asks one provider, so a name has no /"
        yield Fault(path=("name",), code="wrong-value", message="must not hold / or be . or ..", hint=hint)


def _first(faults: list[Fault], index: int) -> bool:
    """Whether it is the first error at its place: one mistake is reported once."""
    same = [n for n, each in enumerate(faults) if each.path == faults[index].path and each.severity == "error"]
    return index == same[0]


# Readers: the value, or a list of faults.

Read = Callable[[object, Path], object]


def _expected(path: Path, wanted: str, value: object) -> Fault:
    return Fault(path=path, code="wrong-type", message=f"expected {wanted}, got {word(value)}")


def _text(value: object, path: Path) -> object:
    if not isinstance(value, str):
        return [_expected(path, "text", value)]
    if any(each < " " or each == "\x7f" for each in value):
        return [Fault(path=path, code="control-character", message="contains a control character", hint="remove it")]
    return value.strip()


def _flag(value: object, path: Path) -> object:
    return value if isinstance(value, bool) else [_expected(path, "true or false", value)]


def _number(least: float, most: float, *, whole: bool = False) -> Read:
    def read(value: object, path: Path) -> object:
        wanted = "a whole number" if whole else "a number"
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return [_expected(path, wanted, value)]
        if whole and value != int(value):
            return [Fault(path=path, code="wrong-type", message=f"expected {wanted}, got {value:.12g}")]
        if not least <= value <= most:
            message = f"must be from {least:.12g} to {most:.12g}, got {value:.12g}"
            return [Fault(path=path, code="out-of-range", message=message)]
        return int(value) if whole else float(value)

    return read


def _key(value: object, path: Path) -> object:
    """A key of nothing but stars is the mask sent back: unchanged."""
    if value is None:
        return None
    text = _text(value, path)
    if not isinstance(text, str):
        return text
    return UNSET if text and not text.strip("*") else Secret(text) if text else None


def _object(value: object, path: Path) -> object:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        return [_expected(path, "an object", value)]
    return list(nul_faults(value, path)) or dict(value)


def _items(value: object, path: Path, item: Read) -> object:
    if not isinstance(value, list | tuple):
        return [_expected(path, "a list", value)]
    read = [item(each, (*path, index)) for index, each in enumerate(value)]
    return [fault for each in read if isinstance(each, list) for fault in each] or tuple(read)


def _model(value: object, path: Path) -> object:
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        return [_expected(path, "a name, or an object with name and alias", value)]
    alias = value.get("alias") or ""
    if strange := sorted(str(key) for key in value.keys() - {"name", "alias"}):
        return [Fault(path=(*path, strange[0]), code="unknown-field", message="unknown field", hint="remove it")]
    name, other = _text(value["name"], path), _text(alias, (*path, "alias"))
    if not isinstance(name, str) or not isinstance(other, str):
        return next(each for each in (name, other) if isinstance(each, list))
    return ModelEntry(name=name, alias=other)


def _models(value: object, path: Path) -> object:
    return None if value is None else _items(value, path, _model)


def _model_name(value: object, path: Path) -> object:
    text = _text(value, path)
    return text or [Fault(path=path, code="required", message="a model needs a name", hint="remove the item")]


def _fallback_models(value: object, path: Path) -> object:
    read = () if value is None else _items(value, path, _model_name)
    if isinstance(read, tuple) and len(set(read)) < len(read):
        double = next(each for index, each in enumerate(read) if each in read[:index])
        return [Fault(path=path, code="duplicate", message=f"{quoted(double)} is listed twice", hint="remove one")]
    return read


def _profile(value: object, path: Path) -> object:
    text = _text(value, path)
    if isinstance(text, str) and text not in CHOICES:
        near = difflib.get_close_matches(text.strip().lower()[:100], CHOICES[1:], n=1, cutoff=0.6)
        known = f"did you mean `{near[0]}`?" if near else f"known: {', '.join((*PROFILES, 'none'))}"
        hint = f"got {quoted(text)}; {known}"
        return [Fault(path=path, code="wrong-value", message="unknown profile", hint=hint)]
    return text


def _headers(value: object, path: Path) -> object:
    if not isinstance(value, Mapping):
        return [_expected(path, "an object", value)]
    read = {str(name): _text(each, (*path, str(name))) for name, each in value.items()}
    return [fault for each in read.values() if isinstance(each, list) for fault in each] or read


def _unknown(key: str) -> Fault:
    shown = key[:50]
    near = difflib.get_close_matches(shown.replace("-", "_").lower(), READERS, n=1, cutoff=0.6)
    hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(READERS)}"
    return Fault(path=(shown,), code="unknown-field", message="unknown field", hint=hint)


READERS: Final[dict[str, Read]] = {
    "name": _text,
    "type": _text,
    "base_url": _text,
    "timeout": _number(LEAST_TIMEOUT, MOST_TIMEOUT),
    "api_key": _key,
    "extra_config": _object,
    "enabled": _flag,
    "models": _models,
    "fallback_models": _fallback_models,
}
"""The fields of the contract's body."""
READ_ONLY: Final = frozenset(("id", "created_at", "updated_at", "row_version", "set_by", "is_running", "error"))
"""What a response has beside them: sent back, it changes nothing."""
SHOWN: Final = ("name", "type", "base_url", "models", "fallback_models")
"""Fields that are shown and used as they are written."""
MASKED: Final = ("base_url", "extra_config")
"""Fields that are shown with masks in them; a key that is one is not given at all."""

EXTRA: Final[dict[str, Read]] = {
    "temperature": _number(0, 2),
    "max_tokens": _number(1, MOST_TOKENS, whole=True),
    "top_p": _number(0, 1),
    "profile": _profile,
    "headers": _headers,
}
REQUIRED: Final = {
    "name": "e.g. fox",
    "type": f"one of: {', '.join(ADAPTERS)}",
    "base_url": "e.g. https://host.example/v1",
}
TYPES: Final = {kind.wire_api: kind.type for kind in ADAPTERS.values() if not kind.profile}
"""By wire: what ``wire-api`` of a provider of config.yaml is here."""
RENAMED: Final[dict[str, Path]] = {
    "base-url": ("base_url",),
    "api-key": ("api_key",),
    "headers": ("extra_config", "headers"),
    "profile": ("extra_config", "profile"),
}
"""Keys of ``tppc.providers[]`` -> where the store has them."""
