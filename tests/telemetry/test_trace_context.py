"""Which trace context counts, by the rules of W3C Trace Context."""

from __future__ import annotations

import pytest
from opentelemetry.trace import INVALID_SPAN, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from daemon.telemetry.trace_context import MOST_MEMBERS, MOST_STATE, combined_state, context_of, is_parent, keep_valid

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"

VALID = [
    PARENT,
    f"00-{TRACE}-{SPAN}-00",
    f"00-{TRACE}-{SPAN}-ff",
    f"cc-{TRACE}-{SPAN}-01",
    f"cc-{TRACE}-{SPAN}-01-more",
]
INVALID = [
    "", "00", PARENT.upper(), f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"ff-{TRACE}-{SPAN}-01",
    f"{PARENT}-more", f"{PARENT}-", f"{PARENT}0", f"cc-{TRACE}-{SPAN}-01.more", f"00-{TRACE[:-1]}-{SPAN}-01",
    f"00-{TRACE}-{SPAN}-1", f"00-{TRACE[:-1]}g-{SPAN}-01", f"00_{TRACE}_{SPAN}_01", f"0-{TRACE}-{SPAN}-01",
    f"cc-{TRACE}-{SPAN}-01-caf\u00e9", f"00-{TRACE}-{SPAN}-01\n", f" {PARENT}",
]  # fmt: skip


@pytest.mark.parametrize("value", VALID)
def test_a_valid_parent(value: str) -> None:
    """So the official propagator sees it, too."""
    assert is_parent(value)
    assert get_current_span(TraceContextTextMapPropagator().extract({"traceparent": value})) is not INVALID_SPAN


@pytest.mark.parametrize("value", INVALID)
def test_an_invalid_parent(value: str) -> None:
    assert not is_parent(value)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [([], ""), ([""], ""),
     (["a=1"], "a=1"), (["a=1, b=2"], "a=1,b=2"), (["a=1", "b=2"], "a=1,b=2"), (["a=1,,b=2"], "a=1,b=2"),
     (["tenant@system=x"], "tenant@system=x"), (["a=1,a=2"], ""), (["a"], ""), (["A=1"], ""), (["a=caf\u00e9"], ""),
     (["a=b=c"], ""), (["a="], ""), ([",".join(f"a{i}=1" for i in range(MOST_MEMBERS))],) * 2,
     ([",".join(f"a{i}=1" for i in range(MOST_MEMBERS + 1))], ""),
     (["a=" + "x" * 200 + ",b=" + "x" * 200 + ",c=" + "x" * (MOST_STATE - 407)], ""),
     (["a=" + "x" * 257], "")],
)  # fmt: skip
def test_a_state_is_one_list_or_nothing(lines: list[str], expected: str | list[str]) -> None:
    assert combined_state(lines) == (expected if isinstance(expected, str) else expected[0])


def test_only_what_is_valid_stays_in_the_headers() -> None:
    fields = [(b"traceparent", b"\t00-1 "), (b"tracestate", b"a=1"), (b"accept", b"x")]
    headers = {"traceparent": "00-1", "tracestate": "a=1", "accept": "x"}
    keep_valid(headers, fields)
    assert headers == {"accept": "x"}


def test_blanks_around_a_parent_are_not_part_of_it() -> None:
    assert context_of([(b"traceparent", f"\t{PARENT} ".encode())]) == {"traceparent": PARENT}


def test_nothing_counts_where_it_is_switched_off() -> None:
    assert context_of([(b"traceparent", PARENT.encode())], passes=False) == {}
