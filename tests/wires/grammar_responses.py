"""The event grammar of the Responses stream, strictly, and the answer a stream carries once it holds.

``check(stream)`` raises ``AssertionError`` naming the breach and gives the last response object back.
Written from the API reference and from what OpenAI's service sends, knowing nothing of the encoder.
"""

from __future__ import annotations

import json
from typing import Any

from tests.wires.fields_responses import event_misfits

TERMINAL = {"response.completed": "completed", "response.incomplete": "incomplete", "response.failed": "failed"}
PARTS = {"output_text": "text", "refusal": "refusal"}
CALLS = {
    "function_call": ("arguments", "response.function_call_arguments"),
    "custom_tool_call": ("input", "response.custom_tool_call_input"),
}
PREFIXES = {"message": "msg_", "reasoning": "rs_", "function_call": "fc_", "custom_tool_call": "ctc_"}


def frames(stream: bytes) -> list[dict[str, Any]]:
    """Every event of the stream, each an ``event:`` line, a ``data:`` line and a blank one."""
    assert stream.endswith(b"\n\n"), "the last event is not terminated"
    events = []
    for frame in stream.decode().removesuffix("\n\n").split("\n\n"):
        name, _, data = frame.partition("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}", f"{name!r} carries {event['type']}"
        events.append(event)
    return events


def check(stream: bytes, *, ended: bool = True) -> dict[str, Any]:
    """The response object of the last event that has one. ``ended`` false: a stream still running."""
    grammar = Grammar()
    for event in frames(stream):
        grammar.take(event)
    assert grammar.terminal is not None or not ended, "no terminal event"
    return grammar.response


class Item:
    """One output item as it grows."""

    def __init__(self, added: dict[str, Any]) -> None:
        self.added = added
        self.type: str = added["type"]
        self.parts: list[str] = []
        self.kinds: list[str] = []
        self.annotations: list[Any] = []
        self.open_part = False
        self.part_said: str | None = None
        self.text = ""
        self.said: str | None = None
        self.done: dict[str, Any] | None = None


class Grammar:
    def __init__(self) -> None:
        self.sequence = 0
        self.response: dict[str, Any] = {}
        self.items: list[Item] = []
        self.terminal: str | None = None

    def take(self, event: dict[str, Any]) -> None:
        type_ = event["type"]
        assert self.terminal is None, f"{type_} after {self.terminal}"
        assert event["sequence_number"] == self.sequence, f"{type_} has number {event['sequence_number']}"
        first = {0: "response.created", 1: "response.in_progress"}.get(self.sequence)
        assert first is None or type_ == first, f"event {self.sequence} is {type_}"
        assert type_ != "response.created" or self.sequence == 0, "created twice"
        self.sequence += 1
        assert not (wrong := event_misfits(event)), wrong
        if "response" in event:
            self._object(type_, event["response"])
            return
        if type_ == "response.output_item.added":
            assert event["output_index"] == len(self.items), f"item {event['output_index']} out of order"
            self._added(event["item"])
            return
        item = self.items[event["output_index"]]
        assert item.done is None, f"{type_} after the item was done"
        if "item_id" in event:
            assert event["item_id"] == item.added["id"], f"{type_} names another item"
        getattr(self, "_" + type_.removeprefix("response.").replace(".", "_"))(item, event)

    def _object(self, type_: str, response: dict[str, Any]) -> None:
        assert not self.response or response["id"] == self.response["id"], "the response id changes"
        assert response["id"].startswith("resp_")
        self.response = response
        if type_ not in TERMINAL:
            assert response["status"] == "in_progress" and response["output"] == [] and response["usage"] is None
            return
        self.terminal = type_
        assert response["status"] == TERMINAL[type_]
        done = [item.done for item in self.items if item.done is not None]
        assert response["output"] == done, "the output differs from the items that were done"
        if type_ == "response.failed":
            assert response["error"]["message"] and response["error"]["code"]
            return
        assert len(done) == len(self.items), "an item was never done"
        assert (response["incomplete_details"] is not None) == (type_ == "response.incomplete")
        usage = response["usage"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert isinstance(usage["input_tokens_details"]["cached_tokens"], int)
        assert isinstance(usage["output_tokens_details"]["reasoning_tokens"], int)

    def _added(self, item: dict[str, Any]) -> None:
        new = Item(item)
        prefix = PREFIXES.get(new.type)
        if prefix is not None:
            assert item["id"].startswith(prefix), f"{new.type} with id {item['id']}"
        if new.type == "message":
            assert item["content"] == [] and item["role"] == "assistant" and item["status"] == "in_progress"
        if new.type == "reasoning":
            assert item["summary"] == []
        if new.type in CALLS:
            assert item["call_id"] and item["name"] and item[CALLS[new.type][0]] == ""
        self.items.append(new)

    # --- text and refusals ---

    def _content_part_added(self, item: Item, event: dict[str, Any]) -> None:
        assert item.type == "message" and not item.open_part and event["content_index"] == len(item.parts)
        part = event["part"]
        assert part[PARTS[part["type"]]] == ""
        item.open_part, item.part_said = True, None
        item.parts.append("")
        item.kinds.append(part["type"])
        item.annotations.append([])

    def _part_delta(self, item: Item, event: dict[str, Any], kind: str) -> None:
        assert item.open_part and item.kinds[event["content_index"]] == kind and item.part_said is None
        assert isinstance(event["delta"], str) and event["delta"], "an empty delta"
        item.parts[event["content_index"]] += event["delta"]

    def _output_text_delta(self, item: Item, event: dict[str, Any]) -> None:
        self._part_delta(item, event, "output_text")

    def _refusal_delta(self, item: Item, event: dict[str, Any]) -> None:
        self._part_delta(item, event, "refusal")

    def _output_text_annotation_added(self, item: Item, event: dict[str, Any]) -> None:
        annotations = item.annotations[event["content_index"]]
        assert item.open_part and event["annotation_index"] == len(annotations) and event["annotation"]["type"]
        annotations.append(event["annotation"])

    def _part_text(self, item: Item, event: dict[str, Any], text: str) -> None:
        assert item.open_part and item.part_said is None and text == item.parts[event["content_index"]]
        item.part_said = text

    def _output_text_done(self, item: Item, event: dict[str, Any]) -> None:
        self._part_text(item, event, event["text"])

    def _refusal_done(self, item: Item, event: dict[str, Any]) -> None:
        self._part_text(item, event, event["refusal"])

    def _content_part_done(self, item: Item, event: dict[str, Any]) -> None:
        index, part = event["content_index"], event["part"]
        assert item.open_part and item.part_said == part[PARTS[part["type"]]] and part["type"] == item.kinds[index]
        assert part.get("annotations", []) == item.annotations[index]
        item.open_part = False

    # --- reasoning ---

    def _reasoning_summary_part_added(self, item: Item, event: dict[str, Any]) -> None:
        assert item.type == "reasoning" and not item.open_part and event["summary_index"] == len(item.parts)
        assert event["part"] == {"type": "summary_text", "text": ""}
        item.open_part, item.part_said = True, None
        item.parts.append("")

    def _reasoning_summary_text_delta(self, item: Item, event: dict[str, Any]) -> None:
        assert item.open_part and event["summary_index"] == len(item.parts) - 1 and event["delta"]
        item.parts[-1] += event["delta"]

    def _reasoning_summary_text_done(self, item: Item, event: dict[str, Any]) -> None:
        assert item.open_part and event["text"] == item.parts[-1]
        item.part_said = event["text"]

    def _reasoning_summary_part_done(self, item: Item, event: dict[str, Any]) -> None:
        assert item.open_part and event["part"]["text"] == item.part_said
        item.open_part = False

    # --- calls ---

    def _call_delta(self, item: Item, event: dict[str, Any], type_: str) -> None:
        assert item.type == type_ and item.said is None and isinstance(event["delta"], str) and event["delta"]
        item.text += event["delta"]

    def _function_call_arguments_delta(self, item: Item, event: dict[str, Any]) -> None:
        self._call_delta(item, event, "function_call")

    def _custom_tool_call_input_delta(self, item: Item, event: dict[str, Any]) -> None:
        self._call_delta(item, event, "custom_tool_call")

    def _function_call_arguments_done(self, item: Item, event: dict[str, Any]) -> None:
        assert item.type == "function_call" and event["arguments"] == item.text
        item.said = item.text

    def _custom_tool_call_input_done(self, item: Item, event: dict[str, Any]) -> None:
        assert item.type == "custom_tool_call" and event["input"] == item.text
        item.said = item.text

    # --- the end of an item ---

    def _output_item_done(self, item: Item, event: dict[str, Any]) -> None:
        done = event["item"]
        assert not item.open_part, "the item is done with a part open"
        assert done["type"] == item.type and done["id"] == item.added["id"]
        if item.type == "message":
            assert done["role"] == "assistant" and done["status"] != "in_progress"
            assert [part[PARTS[part["type"]]] for part in done["content"]] == item.parts
        if item.type == "reasoning":
            assert [part["text"] for part in done["summary"]] == item.parts
        if item.type in CALLS:
            assert done[CALLS[item.type][0]] == item.text == item.said
            assert (done["call_id"], done["name"]) == (item.added["call_id"], item.added["name"])
            if item.type == "function_call" and done["status"] == "completed":
                json.loads(done["arguments"])
        item.done = done
