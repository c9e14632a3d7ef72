"""What is left of the money at a provider: ``GET balance-url`` with its key, and the number in the answer.

    https://host.example/user/balance#data.balance
    └──────────── asked ────────────┘ └─ steps ─┘

The number is the upstream's own, in its own unit. Without steps it is looked for where relays and vendors have it
(``KNOWN``). No clock is read here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from daemon.config.urls import ascii_url, place_steps, same_origin
from daemon.errors import ErrorKind, RemoteError
from daemon.snapshot.core_auths import CoreAuth
from daemon.upstream.adapters.table import adapter_of
from daemon.upstream.http.call import UpstreamCall
from daemon.upstream.model_list import Open

MOST_BYTES: Final = 64 * 1024
MOST_MONEY: Final = 1e15
KNOWN: Final = (
    ("balance",),
    ("data", "balance"),
    ("remaining",),  # sub2api: GET /v1/usage
    ("data", "remaining"),
    ("data", "total_available"),  # new-api: GET /api/usage/token/
    ("total_available",),  # GET /dashboard/billing/credit_grants
    ("data", "available_balance"),  # Moonshot: GET /v1/users/me/balance
    ("balance_infos", "0", "total_balance"),  # DeepSeek: GET /user/balance
    ("data", "totalBalance"),  # SiliconFlow: GET /v1/user/info
    ("data", "limit_remaining"),  # OpenRouter: GET /api/v1/key
    ("hard_limit_usd",),  # one-api: GET /dashboard/billing/subscription
)
"""The steps to the number, the first that leads to one counts (vendors' API pages and the relays' sources, 2026-11)."""
_MONEY: Final = re.compile(r"[$¥€]?\s{0,2}(-?\d{1,15}(?:\.\d{1,18})?)", re.ASCII)


class BalanceAnswer(Struct, frozen=True):
    """``amount`` None: ``problem`` says why, in words of ours."""

    amount: float | None = None
    problem: str = ""


async def ask_balance(open: Open, auth: CoreAuth, *, connect_timeout: float, ca: str = "") -> BalanceAnswer:
    """Raises ``RemoteError`` where no answer comes. The connection is not kept, as for the list of models."""
    address, _, place = auth.balance_url.partition("#")
    if not same_origin(address, auth.base_url):  # the rules of the configuration say so, too
        return BalanceAnswer(problem="balance-url is not on the host of base-url")
    headers = adapter_of(auth).headers(auth, {}, same_wire=False) | {
        "accept": "application/json",
        "connection": "close",
    }
    del headers["content-type"]
    if "authorization" not in headers and (key := auth.api_key.reveal()):
        headers["authorization"] = f"Bearer {key}"  # also of relays whose Messages API takes x-api-key
    call = UpstreamCall(
        method="GET",
        url=ascii_url(address),
        headers=headers,
        connect_timeout=connect_timeout,
        proxy=auth.proxy_url,
        ca=ca,
        most_unpacked=MOST_BYTES,
    )
    with await open(call) as response:
        if response.status != 200:
            moved = " (redirects are not followed)" if 300 <= response.status < 400 else ""
            return BalanceAnswer(problem=f"HTTP {response.status}{moved}")
        try:
            body = await response.read_whole(MOST_BYTES)
        except RemoteError as error:
            raise RemoteError(ErrorKind.API, f"the answer cannot be read: {error.message}") from error
    return balance_in(body, place_steps(place))


def balance_in(body: bytes, steps: Sequence[str]) -> BalanceAnswer:
    """The number in an answer; ``steps`` empty: in one of the usual places."""
    try:
        data: object = json.loads(body)
    except (ValueError, RecursionError):
        return BalanceAnswer(problem="the answer is no JSON")
    found = (_number(_at(data, way)) for way in ([steps] if steps else KNOWN))
    amount = next((each for each in found if each is not None), None)
    if amount is not None:
        return BalanceAnswer(amount)
    where = f"no number at {'.'.join(steps)}" if steps else "no number in the usual places"
    return BalanceAnswer(problem=f"{where} (write the way to it behind # in balance-url)")


def _at(data: object, steps: Sequence[str]) -> object:
    for step in steps:
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and step.isascii() and step.isdigit() and int(step) < len(data):
            data = data[int(step)]
        else:
            return None
    return data


def _number(value: object) -> float | None:
    """12.5, "12.50", "$12.50"; None for what is no amount."""
    if isinstance(value, str):
        match = _MONEY.fullmatch(value.strip())
        return float(match[1]) if match else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= MOST_MONEY and math.isfinite(value) else None
