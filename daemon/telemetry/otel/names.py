"""Every name that OpenTelemetry gets from the daemon: one table for spans, one for metrics. Pure data.

The conventions for generative AI are still in development and rename things; this is the one module to change then.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct

CONVENTIONS: Final = "semantic conventions 1.44.0, and those for generative AI as of 2026-11 (status: development)"
"""https://github.com/open-telemetry/semantic-conventions and …-genai (``docs/gen-ai/client-inference.md``, with the
names that change 521 of 2026-10 gave to durations and change 374 of 2026-09 to token counts)."""

SCOPE: Final = "tppcd"
CHAT: Final = "chat"
"""``gen_ai.operation.name`` of all three APIs."""

Place = Literal["request", "attempt", "both"]
"""Whose span has it."""


class Name(StrEnum):
    """Attributes. Those that begin with ``tppcd.`` are the daemon's own, where the conventions have none."""

    METHOD = "http.request.method"
    ROUTE = "http.route"
    PATH = "url.path"
    SCHEME = "url.scheme"
    STATUS = "http.response.status_code"
    ERROR = "error.type"
    REQUEST_ID = "tppcd.request.id"
    ENTRY = "tppcd.entry"
    ASKED_MODEL = "tppcd.request.model"
    ATTEMPTS = "tppcd.attempts"
    PROVIDER = "tppcd.provider"
    AUTH = "tppcd.auth"
    ERROR_CLASS = "tppcd.error.class"
    OPERATION = "gen_ai.operation.name"
    SYSTEM = "gen_ai.provider.name"
    MODEL = "gen_ai.request.model"
    STREAM = "gen_ai.request.stream"
    ANSWER_ID = "gen_ai.response.id"
    ANSWER_MODEL = "gen_ai.response.model"
    FINISH = "gen_ai.response.finish_reasons"
    FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
    INPUT = "gen_ai.usage.input_tokens"
    OUTPUT = "gen_ai.usage.output_tokens"
    CACHE_READ = "gen_ai.usage.cache_read.input_tokens"
    CACHE_WRITE = "gen_ai.usage.cache_write.input_tokens"
    REASONING = "gen_ai.usage.reasoning.output_tokens"
    HOST = "server.address"
    PORT = "server.port"


NAMES: Final[Mapping[Name, tuple[Place, str]]] = {
    Name.METHOD: ("request", "the method; `_OTHER` for one that HTTP does not define"),
    Name.ROUTE: ("request", "the path of the entry; absent for a path that is none"),
    Name.PATH: ("request", "the same"),
    Name.SCHEME: ("request", "`http`, or `https` with `tls.cert`"),
    Name.STATUS: ("both", "the status that was sent to the client; of an attempt: that of the upstream's refusal"),
    Name.ERROR: ("both", "why it failed: `reason` of the [log](logs.md)"),
    Name.REQUEST_ID: ("request", "`request_id` of the log, and the response's `x-request-id`"),
    Name.ENTRY: ("request", "`entry` of the log"),
    Name.ASKED_MODEL: ("request", "the model that the client asked for"),
    Name.ATTEMPTS: ("request", "how many attempts were made"),
    Name.PROVIDER: ("both", "the provider's name in config.yaml"),
    Name.AUTH: ("attempt", "the ID of the core auth"),
    Name.ERROR_CLASS: ("attempt", "`error` of the log: the class of the upstream's failure"),
    Name.OPERATION: ("attempt", "`chat`"),
    Name.SYSTEM: ("attempt", "whose API it is, by the provider's profile; else `openai` or `anthropic`"),
    Name.MODEL: ("attempt", "the upstream's name of the model"),
    Name.STREAM: ("attempt", "`true` where the upstream was asked for a stream; else absent"),
    Name.ANSWER_ID: ("attempt", "the ID that the upstream gave its answer"),
    Name.ANSWER_MODEL: ("attempt", "the model that the upstream says has answered"),
    Name.FINISH: ("attempt", "why the answer ended: `stop`, `length`, `tool_calls` …"),
    Name.FIRST_CHUNK: ("attempt", "seconds until the upstream's first event, of a stream"),
    Name.INPUT: ("attempt", "tokens of the prompt, cached ones included"),
    Name.OUTPUT: ("attempt", "tokens of the answer"),
    Name.CACHE_READ: ("attempt", "tokens of the prompt that came from a cache"),
    Name.CACHE_WRITE: ("attempt", "tokens of the prompt that were written to a cache"),
    Name.REASONING: ("attempt", "tokens of the answer that were reasoning"),
    Name.HOST: ("attempt", "the host of `base-url`"),
    Name.PORT: ("attempt", "its port"),
}  # fmt: skip
"""Where each one stands, and what it says."""

FIRST_EVENT: Final = "tppcd.first_event"
"""The event of a request's span: the first piece of the answer was written to the client."""
OVERFLOW: Final = "otel.metric.overflow"
"""The attribute of the one series that counts what has no room for series of its own (metrics SDK specification)."""

BUCKETS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Those of the conventions, in seconds."""

_OF_A_COUNT: Final = (Name.OPERATION, Name.SYSTEM, Name.MODEL, Name.HOST, Name.PORT, Name.PROVIDER)


class Instrument(Struct, frozen=True):
    """A metric of the conventions. ``unit`` as UCUM writes it."""

    name: str
    kind: Literal["histogram", "counter"]
    unit: str
    help: str
    attributes: tuple[Name, ...] = _OF_A_COUNT


DURATION: Final = Instrument(
    "gen_ai.client.inference.duration",
    "histogram",
    "s",
    "Seconds of an attempt at an upstream, from the request to the end of its answer or to its failure.",
    (*_OF_A_COUNT, Name.ERROR),
)
TIME_TO_FIRST: Final = Instrument(
    "gen_ai.client.inference.time_to_first_chunk",
    "histogram",
    "s",
    "Seconds until the first event of an upstream's stream.",
)
USAGE: Final = tuple(
    Instrument(f"gen_ai.client.inference.usage.{kind}_tokens", "counter", "{token}", text)
    for kind, text in (
        ("input", "Tokens of prompts, cached ones included."),
        ("output", "Tokens of answers."),
        ("cache_read.input", "Tokens of prompts that came from a cache."),
        ("cache_write.input", "Tokens of prompts that were written to a cache."),
        ("reasoning.output", "Tokens of answers that were reasoning."),
    )
)
"""In the order of ``USAGE_NAMES``."""
USAGE_NAMES: Final = (Name.INPUT, Name.OUTPUT, Name.CACHE_READ, Name.CACHE_WRITE, Name.REASONING)
"""The same numbers as attributes of one attempt."""

INSTRUMENTS: Final = (DURATION, TIME_TO_FIRST, *USAGE)

SYSTEMS: Final[Mapping[str, str]] = {
    "azure": "azure.ai.openai",
    "deepseek": "deepseek",
    "kimi": "moonshot_ai",
    "mistral": "mistral_ai",
    "groq": "groq",
    "xai": "x_ai",
    "gemini": "gcp.gemini",
}
"""Profile -> ``gen_ai.provider.name``, where the conventions have a word for it."""
FAMILIES: Final[Mapping[str, str]] = {"anthropic": "anthropic", "codex": "openai", "openai": "openai"}
"""The same for all others: by the family of a core auth's API (``CoreAuth.provider``). A profile that was recognised by
the owners of models says nothing of it."""
