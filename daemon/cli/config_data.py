"""What a config.yaml says, as plain data: for the commands that change it, whether or not it is valid."""

from __future__ import annotations

from collections.abc import Mapping

Data = Mapping[str, object]


def mapping(value: object) -> Data:
    """The value where it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def providers(data: Data) -> list[Data]:
    """The entries of ``tppc.providers``."""
    listed = mapping(data.get("tppc")).get("providers")
    return [mapping(each) for each in listed] if isinstance(listed, list) else []


def place_of(name: str, listed: list[Data]) -> int | None:
    """Where the provider of that name is in the list; names that differ in case alone are one."""
    names = [str(each.get("name", "")).strip().lower() for each in listed]
    wanted = name.strip().lower()
    return names.index(wanted) if wanted in names else None
