"""Markdown tables, so that results can be pasted into a discussion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def figure(value: float | None, unit: str = "") -> str:
    """Four significant digits, a dash for what was not measured."""
    return "-" if value is None else f"{value:.4g}{unit}"


def share(value: float | None) -> str:
    """A ratio below one as ``1/47``, the way the targets are written."""
    if value is None:
        return "-"
    return f"1/{1 / value:.3g}" if 0 < value < 1 else f"{value:.3g}x"
