"""Naming faults."""

from __future__ import annotations

import pytest

from daemon.simulate.faults import FAULTS, OK, UnknownFault, parse, parse_counted


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_goes_by_its_name(name: str) -> None:
    assert parse(name).name == name


def test_values_of_a_fault_may_be_changed() -> None:
    fault = parse({"fault": "rate_limit", "retry-after": 7, "status": 420, "message": "slow down", "after": 3})
    assert (fault.status, fault.retry_after, fault.problem.message, fault.after) == (420, 7, "slow down", 3)
    assert FAULTS["rate_limit"].status == 429


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nonsense", "there are: ok, rate_limit"),
        ({"fault": "cut", "befor": 1}, "befor"),
        ({"after": 1}, "fault"),
        (7, "object"),
    ],
)
def test_what_is_no_fault_is_refused_with_what_there_is(given: object, message: str) -> None:
    with pytest.raises(UnknownFault, match=message):
        parse(given)


@pytest.mark.parametrize(("text", "names"), [("cut", ["cut"]), ("ok:2", ["ok", "ok"]), ("stall:1", ["stall"])])
def test_the_command_line_counts_faults(text: str, names: list[str]) -> None:
    assert [fault.name for fault in parse_counted(text)] == names


def test_the_command_line_refuses_a_count_that_is_none() -> None:
    with pytest.raises(UnknownFault, match="count"):
        parse_counted("cut:often")


def test_ok_does_nothing() -> None:
    assert OK.kind == "none"
