"""What cannot be carried is named, and every name is on the page about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec import Raw

from daemon.gateway.request_record import loss_names
from daemon.gateway.translation import TranslationPipe, answer_losses
from daemon.inference.blocks import HostedCall, Opaque
from daemon.inference.events import BlockDelta, BlockEnd, Event
from daemon.wires.losses import is_refused
from daemon.wires.table import WIRES
from tests.gateway.client_requests import client_request
from tests.gateway.targets import target
from tests.router.auths import candidate
from tests.wires.openai_chat.world import DONE, chunk

ROOT = Path(__file__).resolve().parents[2]
LITERAL = re.compile(r'lost(?:\.append\(|\.extend\(| \+= )\[?f?"([^"]+)"')
MCP = BlockEnd(0, opaque=Opaque("responses", Raw(b'{"type":"mcp_call","id":"x"}')))
IMAGE = BlockEnd(2, hosted=HostedCall(id="ig", name="image_generation"))
SEARCH = BlockEnd(1, hosted=HostedCall(id="ws", name="web_search"))


@pytest.mark.parametrize(
    ("lost", "entry", "events"),
    [
        (("answer.mcp_call",), "messages", [MCP]),
        (("answer.mcp_call",), "chat", [BlockDelta(3, "x"), MCP]),
        ((), "responses", [MCP, SEARCH]),
        (("answer.web_search",), "chat", [SEARCH]),
        ((), "messages", [SEARCH]),
        ((), "chat", [IMAGE]),
        (("answer.image_generation",), "messages", [IMAGE]),
        (("answer.block",), "chat", [BlockEnd(0, opaque=Opaque("x", Raw(b"[]")))]),
        ((), "chat", [BlockDelta(0, "x"), BlockEnd(0, signature="s")]),
    ],
)
def test_what_an_entry_cannot_show(lost: tuple[str, ...], entry: str, events: list[Event]) -> None:
    assert answer_losses(WIRES[entry], events) == lost


SIGNED = [{"content": "hi"}, {"extra_content": {"google": {"thought_signature": "s"}}}]
CALLED = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]}


@pytest.mark.parametrize(
    ("entry", "deltas", "lost"),
    [
        ("messages", SIGNED, ("answer.reasoning",)),
        ("responses", SIGNED, ()),
        ("messages", [*SIGNED, CALLED], ()),
        ("messages", [CALLED, *SIGNED[1:]], ()),
        ("messages", [{"content": "hi"}], ()),
        ("messages", [{"reasoning_content": "hm"}, {"content": "hi"}], ()),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_a_signature_behind_the_last_text_is_lost_where_an_answer_cannot_end_with_it(
    entry: str, deltas: list[dict[str, object]], lost: tuple[str, ...], stream: bool
) -> None:
    pipe = TranslationPipe(client_request(entry, stream=stream))
    pipe.prepare(target(candidate(wire="chat")))
    pipe.feed(b"".join(map(chunk, deltas)) + chunk(finish="stop") + DONE)
    shown = pipe.take() if stream else pipe.whole()
    assert pipe.summary().lost == lost
    assert (b"thought_signature" in shown) is (SIGNED[1] in deltas and not lost)


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("earlier_reasoning", False),
        ("reasoning.effort", False),
        ("metadata.user_id", False),
        ("metadata", True),
        ("messages[3].reasoning", False),
        ("reasoning", True),
        ("messages[3].image", True),
        ("input[3].reasoning", True),
        ("top_k", True),
    ],
)
def test_what_a_changed_provider_costs_is_not_refused(name: str, refused: bool) -> None:
    assert is_refused(name) is refused


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("top_k", "top_k"),
        ("tools.space.my-tool.format", "tools.space.my-tool.format"),
        ("messages[3].container_upload", "messages[3].container_upload"),
        ("messages[3].what the user said", "messages[3].unnamed"),
        ("tools.my own words.anyOf", "tools.unnamed"),
        ("tools." + "a" * 300, "tools.unnamed"),
        ("tools.名前", "tools.unnamed"),
        ("what the user said", "unnamed"),
        ("what the user. said", "unnamed"),
        ("context_management.what the user said", "context_management.unnamed"),
    ],
)
def test_a_name_is_reported_and_text_is_not(text: str, name: str) -> None:
    assert loss_names((text,)) == (name,)


def test_every_name_is_on_its_page() -> None:
    page = (ROOT / "docs" / "reference" / "losses.md").read_text("utf-8")
    sources = [*(ROOT / "daemon" / "wires").rglob("*.py"), *(ROOT / "daemon" / "gateway").rglob("*.py")]
    names = {name for source in sources for name in LITERAL.findall(source.read_text("utf-8"))}
    assert len(names) > 8
    listed = {re.split(r"[{\[]", name)[0].rstrip(".") for name in names}
    assert {name for name in listed if name.rpartition(".")[0] not in page or name.split(".")[0] not in page} == set()
