"""Sentences of upstreams (``tests/data/refusals.txt``) and what each leads to, from the body to the amendment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from daemon.errors import ErrorKind, RemoteError
from daemon.upstream.amendments.refusals import proposals
from daemon.wires.failures.context_length import token_numbers
from daemon.wires.failures.remote_errors import decode_error

TABLE = Path(__file__).parents[1] / "data" / "refusals.txt"
SOURCED = 150
"""Rows that the table has at least, those of our own making aside."""


class Row(NamedTuple):
    source: str
    status: int
    leads_to: str
    text: str

    @property
    def body(self) -> bytes:
        whole = self.text.startswith(("{", "[{"))
        return (self.text if whole else json.dumps({"error": {"message": self.text}})).encode()


def rows() -> list[Row]:
    lines = TABLE.read_text("utf-8").splitlines()
    cells = (line.split(" | ", 3) for line in lines if line and not line.startswith("#"))
    return [Row(source, int(status), leads_to, text) for source, status, leads_to, text in cells]


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.source}: {row.text[:40]}")
def test_a_sentence_leads_to(row: Row) -> None:
    assert meaning(decode_error(row.status, {}, row.body)) == row.leads_to


def test_there_are_enough_sentences_and_none_twice() -> None:
    sourced = [row.text for row in rows() if row.source != "-"]
    assert len(sourced) >= SOURCED
    assert len(set(sourced)) == len(sourced)


def meaning(error: RemoteError) -> str:
    if error.kind is ErrorKind.CONTEXT_LENGTH:
        numbers = token_numbers(error.message)
        if numbers.room() is not None:
            return f"prompt and answer {numbers.prompt} + {numbers.output} > {numbers.limit}"
        return f"prompt {numbers.prompt or '?'} > {numbers.limit or '?'}"
    if error.kind is not ErrorKind.INVALID_REQUEST:
        return f"kind {error.kind}"
    first = next(proposals(error, "chat", (), lambda _: False), None)
    if first is None:
        return "nothing"
    condition = f" if {first.condition}" if first.condition else ""
    return f"{first.amendment}{condition}{'' if first.lasting else ' once'}"
