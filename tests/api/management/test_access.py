"""The management key: literal and hashed, lock-out, remote callers."""

from __future__ import annotations

import asyncio
from typing import Any

import argon2
import bcrypt
import pytest

from daemon.api.management.access import BURST, LOCKED_SECONDS, MOST_PEERS, PER_SECOND, ManagementAccess
from daemon.config.sections import RemoteManagement
from daemon.errors import LocalError
from daemon.secret import Secret
from daemon.telemetry.audit import AuditLog

KEY = "the-right-key"
CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
STORED = {
    "literal": KEY,
    "bcrypt": bcrypt.hashpw(KEY.encode(), bcrypt.gensalt(4)).decode(),
    "bcrypt of others": bcrypt.hashpw(KEY.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$", 1),
    "argon2id": CHEAP.hash(KEY),
}
SERVER = ("127.0.0.1", 8317)


class Gate:
    """One ``ManagementAccess`` with a clock that is set by hand."""

    def __init__(self, stored: str = KEY, *, allow_remote: bool = False, trusted: tuple[str, ...] = ()) -> None:
        self.now = 0.0
        self.audit = AuditLog()
        self.access = ManagementAccess(lambda: self.now, self.audit)
        self.settings = RemoteManagement(secret_key=Secret(stored), allow_remote=allow_remote, trusted_proxies=trusted)

    async def ask(self, key: str | None, client: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope: dict[str, Any] = {"client": (client, 1), "server": SERVER, "headers": sent}
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        try:
            await self.access.check(scope, headers, self.settings)
        except LocalError as error:
            return error.status, error.message
        return 200, ""


@pytest.mark.asyncio
@pytest.mark.parametrize("stored", STORED.values(), ids=STORED)
async def test_the_right_key_opens_and_a_wrong_one_does_not(stored: str) -> None:
    gate = Gate(stored)
    assert (await gate.ask(KEY))[0] == 200
    assert await gate.ask("wrong") == (401, "invalid management key")
    assert await gate.ask(None) == (401, "missing management key")
    assert (await gate.ask(KEY))[0] == 200


@pytest.mark.asyncio
async def test_the_key_may_come_in_its_own_header_or_bare() -> None:
    gate = Gate()
    assert (await gate.ask(None, **{"x-management-key": KEY}))[0] == 200
    assert (await gate.ask(None, authorization=KEY))[0] == 200


@pytest.mark.asyncio
@pytest.mark.parametrize("form", [form for form in STORED if form != "literal"])
async def test_the_hash_itself_is_not_a_key(form: str) -> None:
    assert (await Gate(STORED[form]).ask(STORED[form]))[0] == 401


@pytest.mark.asyncio
@pytest.mark.parametrize("stored", ["$2b$nonsense", "$argon2id$nonsense", "$2b$04$" + "!" * 53])
async def test_a_broken_hash_lets_nobody_in(stored: str) -> None:
    assert (await Gate(stored).ask(KEY))[0] == 401


@pytest.mark.asyncio
async def test_a_key_longer_than_bcrypt_reads_still_works() -> None:
    long = "k" * 100
    gate = Gate(bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode())
    assert (await gate.ask(long))[0] == 200


@pytest.mark.asyncio
async def test_a_changed_key_closes_the_old_one() -> None:
    gate = Gate(STORED["bcrypt"])
    assert (await gate.ask(KEY))[0] == 200
    gate.settings = RemoteManagement(secret_key=Secret(bcrypt.hashpw(b"new", bcrypt.gensalt(4)).decode()))
    assert (await gate.ask(KEY))[0] == 401
    assert (await gate.ask("new"))[0] == 200


@pytest.mark.asyncio
async def test_a_missing_key_is_refused_and_not_counted() -> None:
    """seed case 168 but for the count (decision 0003): a dashboard or a browser tab locks nobody out."""
    gate = Gate(allow_remote=True)
    assert [await gate.ask(None) for _ in range(20)] == [(401, "missing management key")] * 20
    assert [(await gate.ask("wrong"))[0] for _ in range(4)] == [401] * 4
    assert (await gate.ask(None))[0] == 401
    assert (await gate.ask(KEY))[0] == 200


@pytest.mark.asyncio
async def test_five_wrong_ones_lock_the_address_out_for_the_right_key_too() -> None:
    """seed case 167: also for loopback."""
    gate = Gate(allow_remote=True)
    assert [(await gate.ask("wrong"))[0] for _ in range(5)] == [401] * 5
    status, message = await gate.ask(KEY)
    assert status == 403
    assert message.startswith("IP banned due to too many failed attempts. Try again in 30m")
    assert (await gate.ask(KEY, "10.0.0.5"))[0] == 200
    gate.now = LOCKED_SECONDS - 1
    assert (await gate.ask(KEY))[0] == 403
    gate.now = LOCKED_SECONDS
    assert (await gate.ask(KEY))[0] == 200


@pytest.mark.asyncio
@pytest.mark.parametrize("stored", STORED.values(), ids=STORED)
async def test_of_many_at_once_five_are_told_that_they_are_wrong(stored: str) -> None:
    """Also while hashes are computed: the right one among those that come later looks like all others."""
    gate = Gate(stored)
    answers = await asyncio.gather(*(gate.ask("wrong" if number != 9 else KEY) for number in range(12)))
    statuses = [status for status, _ in answers]
    assert statuses == [401] * 5 + [403] * 7


@pytest.mark.asyncio
async def test_the_lock_out_says_when_to_come_back() -> None:
    gate = Gate()
    for _ in range(5):
        await gate.ask("wrong")
    gate.now = 600.0
    with pytest.raises(LocalError) as caught:
        await gate.access.check({"client": ("127.0.0.1", 1), "server": SERVER}, {}, gate.settings)
    assert caught.value.retry_after == pytest.approx(LOCKED_SECONDS - 600, abs=2)


@pytest.mark.asyncio
async def test_success_and_time_forgive_single_mistakes() -> None:
    gate = Gate()
    for _ in range(3):
        for _ in range(4):
            await gate.ask("wrong")
        assert (await gate.ask(KEY))[0] == 200
    for _ in range(8):
        gate.now += LOCKED_SECONDS + 1
        assert (await gate.ask("wrong"))[0] == 401
    assert (await gate.ask(KEY))[0] == 200


@pytest.mark.asyncio
async def test_other_hosts_are_refused_unless_allowed_and_a_header_does_not_help() -> None:
    assert (await Gate().ask(KEY, "10.0.0.5", **{"x-forwarded-for": "127.0.0.1"}))[0] == 403
    assert (await Gate(allow_remote=True).ask(KEY, "10.0.0.5"))[0] == 200


@pytest.mark.asyncio
async def test_the_table_of_addresses_is_bounded() -> None:
    gate = Gate(allow_remote=True)
    for number in range(MOST_PEERS + 10):
        gate.now += 1 / PER_SECOND
        await gate.ask("wrong", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(gate.access._failures) == MOST_PEERS


@pytest.mark.asyncio
async def test_only_the_admin_socket_needs_no_key() -> None:
    gate = Gate()
    for name, status in (("admin.sock", 200), ("gateway.sock", 401)):
        scope = {"client": None, "server": (f"/run/tppcd/{name}", None)}
        try:
            await gate.access.check(scope, {}, gate.settings)
            assert status == 200
        except LocalError as error:
            assert error.status == status


@pytest.mark.asyncio
async def test_a_tcp_peer_that_has_gone_is_remote() -> None:
    with pytest.raises(LocalError) as caught:
        await Gate().access.check({"client": None, "server": SERVER}, {"x-management-key": KEY}, Gate().settings)
    assert caught.value.status == 403


@pytest.mark.asyncio
async def test_a_header_neither_hides_a_caller_nor_locks_out_another() -> None:
    gate = Gate(allow_remote=True)
    for number in range(5):
        assert (await gate.ask("wrong", **{"x-forwarded-for": f"10.0.0.{number}"}))[0] == 401
    assert (await gate.ask(KEY, **{"x-forwarded-for": "10.9.9.9"}))[0] == 403


@pytest.mark.asyncio
async def test_behind_a_trusted_proxy_each_caller_is_counted_alone() -> None:
    gate = Gate(allow_remote=True, trusted=("127.0.0.1",))
    for _ in range(5):
        assert (await gate.ask("wrong", **{"x-forwarded-for": "10.0.0.1"}))[0] == 401
    assert (await gate.ask(KEY, **{"x-forwarded-for": "8.8.8.8, 10.0.0.1"}))[0] == 403
    assert (await gate.ask(KEY, **{"x-forwarded-for": "10.0.0.2"}))[0] == 200
    assert (await gate.ask(KEY))[0] == 200


@pytest.mark.asyncio
@pytest.mark.parametrize("trusted", [(), ("127.0.0.1",)])
async def test_what_a_proxy_passes_on_is_remote_unless_a_trusted_one_says_that_it_is_from_here(
    trusted: tuple[str, ...],
) -> None:
    gate = Gate(trusted=trusted)
    for forwarded in ("10.0.0.1", "nonsense", "127.0.0.1, 10.0.0.1"):
        assert (await gate.ask(KEY, **{"x-forwarded-for": forwarded}))[0] == 403
    for forwarded in ("127.0.0.1", "::1", "127.0.0.1, 127.0.0.1"):
        assert (await gate.ask(KEY, **{"x-forwarded-for": forwarded}))[0] == (200 if trusted else 403)


@pytest.mark.asyncio
async def test_one_network_of_ipv6_is_one_caller() -> None:
    gate = Gate(allow_remote=True)
    for number in range(5):
        await gate.ask("wrong", f"2001:db8::{number}")
    assert (await gate.ask(KEY, "2001:db8::99"))[0] == 403
    assert (await gate.ask(KEY, "2001:db8:0:1::1"))[0] == 200


@pytest.mark.asyncio
async def test_a_thousand_addresses_guess_no_faster_than_a_few_a_second() -> None:
    """Reliability row 98: the right key from an address that has proved it stays welcome meanwhile."""
    gate = Gate(allow_remote=True)
    assert (await gate.ask(KEY, "10.1.0.1"))[0] == 200
    looked_at = 0
    for number in range(1000):
        status, _ = await gate.ask("wrong", f"10.0.{number >> 8}.{number & 255}")
        assert status in (401, 429)
        looked_at += status == 401
    assert looked_at == BURST
    assert (await gate.ask(KEY, "10.1.0.2"))[0] == 429
    assert (await gate.ask(KEY, "10.1.0.1"))[0] == 200
    gate.now += 1
    assert (await gate.ask(KEY, "10.1.0.2"))[0] == 200


@pytest.mark.asyncio
async def test_failures_and_lock_outs_are_audit_events_without_the_key() -> None:
    gate = Gate()
    for _ in range(7):
        await gate.ask("planted-wrong-key")
    kinds = [event.kind for event in gate.audit.recent(100)]
    assert kinds == ["authentication"] * 5 + ["lock-out"]
    assert {event.fields["address"] for event in gate.audit.recent(100)} == {"127.0.0.1"}
    assert "planted" not in repr(gate.audit.recent(100))
