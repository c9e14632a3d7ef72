"""``balance-url``: the number in the answer, what is sent to whom, and what comes of answers that are none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.config.urls import place_steps
from daemon.errors import RemoteError
from daemon.snapshot.core_auths import CoreAuth
from daemon.upstream.balance import MOST_BYTES, BalanceAnswer, ask_balance, balance_in
from daemon.upstream.http.transport import Transport
from tests.router.auths import core_auth
from tests.upstream.model_server import ModelServer, models_at, response

DEEPSEEK = {"is_available": True, "balance_infos": [{"currency": "CNY", "total_balance": "110.00"}]}
NEW_API = {"code": True, "data": {"object": "token_usage", "total_granted": 10, "total_used": 4, "total_available": 6}}


@pytest.mark.parametrize(
    ("answer", "place", "amount"),
    [
        ({"balance": 12.5}, "", 12.5),
        (DEEPSEEK, "", 110.0),
        (NEW_API, "", 6.0),
        ({"code": 0, "data": {"available_balance": 49.58}}, "", 49.58),
        ({"data": {"totalBalance": "88.00"}}, "", 88.0),
        ({"data": {"limit_remaining": None}, "hard_limit_usd": 100}, "", 100.0),
        ({"balance": "$5.00"}, "", 5.0),
        ({"balance": -0.25}, "", -0.25),
        ({"data": {"user": {"quota": 7}}, "balance": 1}, "data.user.quota", 7.0),
        (DEEPSEEK, "balance_infos.0.total_balance", 110.0),
        (DEEPSEEK, "$.balance_infos[0].total_balance", 110.0),
        ({"balance": True}, "", None),
        ({"balance": {"amount": 3}}, "", None),
        ({"balance": 1e30}, "", None),
        ({"balance": "1e3"}, "", None),
        ({"balance": "much"}, "", None),
        (DEEPSEEK, "balance_infos.7.total_balance", None),
        (DEEPSEEK, "is_available.x.y", None),
        ([1, 2], "", None),
        ("text", "data.balance", None),
    ],
)
def test_the_number_is_found_where_it_is_said_or_usual(answer: object, place: str, amount: float | None) -> None:
    found = balance_in(json.dumps(answer).encode(), place_steps(place))
    assert found.amount == amount
    assert bool(found.problem) == (amount is None)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"\xff\xfe", b'{"balance": NaN}', b'{"balance": Infinity}', b"[" * 100_000, b"1" * 60_000],
    ids=lambda body: repr(body[:20]),
)
def test_an_answer_that_is_none_has_no_number(body: bytes) -> None:
    assert balance_in(body, ()).amount is None


def auth(server: ModelServer, path: str = "/user/balance", **changes: Any) -> CoreAuth:
    return core_auth(base_url=server.url, balance_url=server.url.removesuffix("/v1") + path, **changes)


async def asked(auth: CoreAuth) -> BalanceAnswer:
    transport = Transport()
    try:
        return await ask_balance(transport.open, auth, connect_timeout=5.0)
    finally:
        await transport.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("wire", ["responses", "chat", "messages"])
async def test_it_is_asked_with_the_key_and_without_what_is_behind_the_hash(wire: str) -> None:
    async with models_at(response(b'{"left": "3.5"}')) as server:
        answer = await asked(auth(server, "/api/me?day=1#left", wire=wire, headers=(("X-Team", "blue"),)))
    assert answer == BalanceAnswer(3.5)
    lines = server.heads[0].lower().splitlines()
    assert lines[0] == "get /api/me?day=1 http/1.1"
    assert "authorization: bearer sk-fox" in lines
    assert "x-team: blue" in lines


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("says", "problem"),
    [
        (response(b"{}", status="401 Unauthorized"), "HTTP 401"),
        (response(b"{}", status="500 Down"), "HTTP 500"),
        (response(b"", "location: http://127.0.0.1:1/", status="302 Found"), "redirects are not followed"),
        (response(b"<p>", kind="text/html"), "no JSON"),
        (response(b"{}"), "no number in the usual places"),
    ],
)
async def test_what_is_no_answer_says_why(says: bytes, problem: str) -> None:
    async with models_at(says) as server:
        answer = await asked(auth(server))
    assert answer.amount is None
    assert problem in answer.problem
    assert len(server.heads) == 1


@pytest.mark.asyncio
async def test_no_more_of_an_answer_is_read_than_a_balance_needs() -> None:
    async with models_at(response(b"[" + b"1," * MOST_BYTES + b"1]")) as server:
        with pytest.raises(RemoteError, match="more than"):
            await asked(auth(server))


@pytest.mark.asyncio
@pytest.mark.parametrize("base", ["http://127.0.0.1:1/v1", "https://127.0.0.1/v1", "http://localhost/v1"])
async def test_the_key_goes_to_no_other_server(base: str) -> None:
    """The rules of the configuration refuse it; this is the last door."""
    async with models_at(response(b'{"balance": 1}')) as server:
        answer = await asked(core_auth(base_url=base, balance_url=server.url))
    assert "not on the host" in answer.problem
    assert server.heads == []
