"""The table of bounds in ``docs/explanation/security.md`` is the code's: each number is that of the constant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import inf
from typing import Final

from daemon import errors
from daemon.api import guard
from daemon.api.management import access, requests
from daemon.config.sections import Limits
from daemon.gateway import (
    attempts,
    client_stream,
    count_tokens,
    counting,
    gathered,
    key_verdicts,
    learned,
    ownership,
    response_pipe,
)
from daemon.gateway.reasoning import call_reasoning, owners
from daemon.router import affinity, cooldowns, headroom, health, rest_rules, retry_budget, selection, slots
from daemon.router import ownership as looking
from daemon.service.protocol import ConnectionLimits
from daemon.snapshot import model_unknown
from daemon.telemetry import (
    audit,
    journal,
    line_limit,
    log_ring,
    log_sink,
    long_text,
    metrics,
    model_labels,
    trace_context,
    usage,
)
from daemon.telemetry.otel import inference_numbers, running
from daemon.telemetry.otel.settings import DEFAULT_BATCH
from daemon.upstream import balance, discovery, model_list
from daemon.upstream.http import call, connection, egress, transport, trust
from daemon.wires import json, sse, sse_decoder
from daemon.wires.openai_chat import streamed_call
from daemon.wires.openai_responses import refilled_items, stream_encoder
from daemon.wires.openai_responses.compaction import MOST_SUMMARY
from daemon.wires.openai_responses.decode_request import MOST_GROUPS
from tests.harness import ROOT

TABLE = (ROOT / "docs/explanation/security.md").read_text("utf-8").partition("## Bounds")[2]
UNITS: Final[Mapping[str, int]] = {"KiB": 2**10, "MiB": 2**20}
ELSEWHERE: Final = frozenset({"nesting of JSON"})
"""Rows whose number is no constant of one module: tests of their own hold them."""

BOUNDS: Final[Mapping[str, float]] = {
    "head of a request": ConnectionLimits().header_bytes,
    "time for the head of a request": ConnectionLimits().header_seconds,
    "headers of a request": guard.MOST_HEADERS,
    "body of a request, unpacked": Limits().body,
    "pause between two reads of a body": ConnectionLimits().body_idle,
    "body of a request after its response": ConnectionLimits().late_bytes,
    "time for it": ConnectionLimits().late_seconds,
    "groups of tools inside each other": MOST_GROUPS,
    "summary in a `compaction` item, unpacked": MOST_SUMMARY,
    "objects of a request inside each other that are changed": json.MOST_LEVELS,
    "text of an error of the daemon's own": errors.MOST_WORDS,
    "what a client leaves unread": client_stream.STALL,
    "model name of a client": model_unknown.MOST_BYTES,
    "head of an upstream's response": connection.HEAD_LIMIT,
    "one event of an upstream": sse.FRAME_LIMIT,
    "values in one event or in one JSON answer of more than 256 KiB": sse.MOST_VALUES,
    "parts of one answer (blocks, calls, items)": sse_decoder.MOST_BLOCKS,
    "name of a called tool that comes in pieces": streamed_call.LONGEST_NAME,
    "times that the arguments of one call of more than 1 MiB are read to see whether they are whole": (
        streamed_call.READ_AGAIN
    ),
    "one answer that is collected": gathered.EACH,
    "what a stream keeps of one answer": gathered.EACH,
    "all answers that are collected or kept": gathered.ALL,
    "output that `response.failed` repeats": stream_encoder.MOST_REPEATED,
    "answer held back before its first piece of content": response_pipe.HELD_BYTES,
    "events held back before that": response_pipe.HELD_EVENTS,
    "compressed answer, unpacked": call.MOST_UNPACKED,
    "body of an upstream's error": call.ERROR_BODY_LIMIT,
    "silence that comments and pings may bridge": attempts.SIGNS_OF_LIFE,
    "list of models of one upstream": model_list.MOST_BYTES,
    "names in it": model_list.MOST_NAMES,
    "name of a listed model": model_list.LONGEST_NAME,
    "listed names of all upstreams": discovery.MOST_IN_ALL,
    "amendments learned of one core auth": learned.MOST_PER_AUTH,
    "amendments learned in all": learned.MOST,
    "remembered makers of encrypted reasoning, turn states and ids": owners.MOST_REMEMBERED,
    "reasoning remembered for Chat clients, which cannot carry it": call_reasoning.MOST_KEPT,
    "text of one running item that passes through on the Responses API": refilled_items.MOST_REFILLED,
    "core auths that are asked who made an id": looking.MOST_SEARCHED,
    "pieces of reasoning of one request whose maker is looked for": ownership.MOST_LOOKED_AT,
    "models whose prompts are calibrated": counting.MOST_MODELS,
    "core auths that do not count tokens": count_tokens.MOST_REMEMBERED,
    "model names whose turns are remembered": selection.MOST_NAMES,
    "sessions whose provider is remembered": affinity.MOST,
    "providers remembered of one session": affinity.PER_SESSION,
    "time for which it is remembered": affinity.LIFETIME,
    "providers, models and clients that rest": cooldowns.MOST,
    "time for which anything rests": rest_rules.LONGEST,
    "requests that wait for one provider": slots.MOST_WAITING,
    "requests that are counted for the repeats of one provider": retry_budget.MOST,
    "answers by which a provider's speed is known": health.SAMPLES,
    "limits remembered of one core auth": len({each.name for each in headroom.WINDOWS}),
    "answer about a balance": balance.MOST_BYTES,
    "finished requests that `/tps` looks back on": usage.MOST_SAMPLES,
    "idle connections to one upstream": transport.MOST_IDLE,
    "answers about the keys of writes": key_verdicts.MOST_REMEMBERED,
    "hosts set through the API that no configuration mentions": egress.MOST_LEFT,
    "sets of CA certificates": trust.MOST_KEPT,
    "message of a log line or event": long_text.MOST_MESSAGE,
    "one value in it": long_text.MOST_VALUE,
    "log lines of strangers in a second": line_limit.MOST,
    "model labels of metrics that upstreams list": model_labels.MOST_DISCOVERED,
    "model labels that clients make up": model_labels.MOST_MODELS,
    "`tracestate` that is passed on": trace_context.MOST_STATE,
    "members of it": trace_context.MOST_MEMBERS,
    "finished spans that wait for their export": DEFAULT_BATCH["OTEL_BSP_MAX_QUEUE_SIZE"],
    "series of each OpenTelemetry metric of attempts": inference_numbers.MOST_SERIES,
    "time for which a stop waits for the collector": running.STOP_SECONDS,
    "labels of lost fields": metrics.MOST_FIELDS,
    "one line in the journal, with its fields, that is too long for a message to journald": journal.MOST,
    "log lines that wait to be written": log_sink.CAPACITY,
    "log lines in memory": log_ring.CAPACITY,
    "audit events in memory": audit.CAPACITY,
    "audit events that wait to be written": audit.QUEUE_CAPACITY,
    "addresses with wrong keys": access.MOST_PEERS,
    "addresses that have used the right key": access.MOST_PROVED,
    "JSON of a management request": requests.MOST_JSON,
}


def number(text: str) -> float:
    """``64 KiB`` -> 65536.0; ``4 × …`` -> 4.0."""
    found = re.match(r"([\d,]+)(?: (KiB|MiB))?", text)
    return inf if found is None else float(found[1].replace(",", "")) * UNITS.get(found[2], 1)


def test_the_table_is_the_codes() -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLE.splitlines() if line[:1] == "|"][2:]
    assert {what: number(most) for what, most, _ in rows if what not in ELSEWHERE} == BOUNDS
    assert {what for what, _, _ in rows} >= ELSEWHERE
    assert all(above for _, _, above in rows)
