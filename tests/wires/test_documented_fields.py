"""None of the documented fields is lost in silence on its way to another wire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from msgspec.json import decode, encode

from daemon.errors import LocalError
from daemon.gateway.translation import TranslationPipe
from daemon.wires.table import WIRES
from tests.gateway.client_requests import client_request
from tests.gateway.targets import target
from tests.router.auths import candidate
from tests.wires.documented_fields import BASE, FIELDS, L, N, R, W, reported

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "losses.md"
OTHERS = {entry: [name for name in ("messages", "responses", "chat") if name != entry] for entry in FIELDS}
MODELS = {"messages": "claude-sonnet-4-5", "responses": "gpt-5", "chat": "gpt-5"}
ROWS = [
    (entry, field, value, toward, outcome)
    for entry, fields in FIELDS.items()
    for field, (value, *outcomes) in fields.items()
    for toward, outcome in zip(OTHERS[entry], outcomes, strict=True)
]


def sent(entry: str, toward: str, body: dict[str, Any], **changed: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The upstream's body, and what the request lost."""
    whole = encode({"model": "gpt-5", **BASE[entry], **body})
    request = structs.asdict(WIRES[entry].decode_request(whole, {}))
    del request["wire"]
    pipe = TranslationPipe(client_request(entry, whole.decode(), **request))
    prepared = pipe.prepare(target(candidate(wire=toward, model=MODELS[toward], **changed)))
    return decode(prepared.body), prepared.lost


@pytest.mark.parametrize(("entry", "field", "value", "toward", "outcome"), ROWS)
def test_no_field_is_lost_in_silence(entry: str, field: str, value: Any, toward: str, outcome: str) -> None:
    without, before = sent(entry, toward, {})
    assert before == ()
    if outcome == R:
        with pytest.raises(LocalError):
            sent(entry, toward, {field: value})
        return
    body, lost = sent(entry, toward, {field: value})
    assert lost == ((field if outcome == L else outcome,) if outcome not in (W, N) else ())
    assert (body != without) == (outcome == W)


@pytest.mark.parametrize(
    ("entry", "toward", "profile", "user", "field"),
    [
        ("messages", "chat", "openai", "u_1", "user"),
        ("messages", "responses", "azure", "u_1", "user"),
        ("chat", "messages", "anthropic", "u_1", "metadata"),
        ("responses", "messages", "anthropic", "u_1", "metadata"),
        ("chat", "responses", "", "u_1", "user"),
        ("responses", "chat", "deepseek", "u_1", "user"),
        ("messages", "chat", "deepseek", "u_1", ""),
        ("messages", "responses", "codex-relay", "u_1", ""),
        ("messages", "chat", "openai", "u" * 65, ""),
        ("responses", "messages", "glm", "u_1", ""),
    ],
)
def test_who_the_user_is_goes_to_those_that_know_their_users(
    entry: str, toward: str, profile: str, user: str, field: str
) -> None:
    asked = {"metadata": {"user_id": user}} if entry == "messages" else {"user": user}
    body, lost = sent(entry, toward, asked, profile=profile)
    assert body.get(field or "none") == {"": None, "user": user, "metadata": {"user_id": user}}[field]
    name = "metadata.user_id" if entry == "messages" else "user"
    assert (name in lost) == (not field) and (user in str(body)) == bool(field)


def test_what_the_upstream_refuses_of_a_shared_field_is_lost() -> None:
    body, lost = sent("responses", "chat", {"metadata": {"a": "b"}}, unsupported_parameters=("metadata",))
    assert "metadata" not in body and lost == ("metadata",)


def test_every_name_is_on_the_page() -> None:
    page = PAGE.read_text("utf-8")
    assert sorted(name for name in reported() if f"`{name}`" not in page) == []
