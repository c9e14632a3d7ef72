"""What is remembered of who set which upstream, and that a connection obeys it."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from daemon.errors import RemoteError
from daemon.upstream.http.addresses import AllowedNetworks
from daemon.upstream.http.call import UpstreamCall
from daemon.upstream.http.egress import EgressPolicy
from daemon.upstream.http.transport import Transport


def test_a_host_nobody_set_through_the_api_may_be_anywhere() -> None:
    assert EgressPolicy().refusal("vllm.lan", ["10.0.0.5", "169.254.1.1"]) == ""


def test_what_was_noted_survives_a_restart_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "upstream-hosts.json"
    EgressPolicy(path).note(["Fox.Example.", "[::1]"], AllowedNetworks.PUBLIC)
    again = EgressPolicy(path)
    assert again.of("fox.example") is AllowedNetworks.PUBLIC
    assert again.refusal("FOX.example", ["8.8.8.8", "127.0.0.1"]) == "127.0.0.1 (loopback)"
    assert again.of("::1") is AllowedNetworks.PUBLIC
    assert path.stat().st_mode & 0o777 == 0o600


def test_who_sets_it_last_counts(tmp_path: Path) -> None:
    egress = EgressPolicy(tmp_path / "hosts")
    egress.note(["fox.example"], AllowedNetworks.PUBLIC)
    egress.note(["fox.example"], AllowedNetworks.NOT_LINK_LOCAL)
    assert egress.of("fox.example") is AllowedNetworks.NOT_LINK_LOCAL


def test_the_setting_in_force_lifts_all_but_link_local() -> None:
    allowed = [False]
    egress = EgressPolicy(private_allowed=lambda: allowed[0])
    egress.note(["fox.example"], AllowedNetworks.PUBLIC)
    assert egress.refusal("fox.example", ["10.0.0.5"])
    allowed[0] = True
    assert not egress.refusal("fox.example", ["10.0.0.5"])
    assert egress.refusal("fox.example", ["169.254.169.254"])


@pytest.mark.parametrize("text", ["", "[]", "{", '{"fox": "NOWHERE"}', "\xff"])
def test_a_damaged_file_is_told_and_costs_only_the_memory(tmp_path: Path, text: str) -> None:
    (tmp_path / "hosts").write_bytes(text.encode("latin-1"))
    assert EgressPolicy(tmp_path / "hosts").of("fox") is AllowedNetworks.ANYWHERE


def test_a_state_directory_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    egress = EgressPolicy(tmp_path / "gone" / "hosts")
    egress.note(["fox.example"], AllowedNetworks.PUBLIC)
    assert egress.of("fox.example") is AllowedNetworks.PUBLIC


@pytest.mark.asyncio
@pytest.mark.parametrize("host, proxy", [("fox.invalid", "localhost"), ("localhost", "127.0.0.1")])
async def test_neither_a_proxy_that_leads_home_nor_a_host_behind_one_is_connected_to(host: str, proxy: str) -> None:
    egress = EgressPolicy()
    egress.note(["localhost", "fox.invalid"], AllowedNetworks.PUBLIC)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        transport = Transport(egress)
        way = f"http://{proxy}:{port}"
        call = UpstreamCall(url=f"http://{host}:{port}/v1", headers={}, body=b"{}", connect_timeout=5, proxy=way)
        try:
            with pytest.raises(RemoteError, match=r"\(loopback\)"):
                await transport.open(call)
        finally:
            await transport.close()
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.asyncio
async def test_a_name_that_leads_home_at_connect_time_is_not_connected_to() -> None:
    """DNS rebinding: public when it was set, loopback when it is asked."""
    egress = EgressPolicy()
    egress.note(["localhost"], AllowedNetworks.PUBLIC)
    with socket.create_server(("127.0.0.1", 0)) as server:
        transport = Transport(egress)
        url = f"http://localhost:{server.getsockname()[1]}/v1/responses"
        try:
            with pytest.raises(RemoteError, match=r"\(loopback\)"):
                await transport.open(UpstreamCall(url=url, headers={}, body=b"{}", connect_timeout=5))
        finally:
            await transport.close()
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.asyncio
@pytest.mark.parametrize("proxied", [False, True])
async def test_a_connection_from_before_is_not_used_for_a_url_that_another_host_has_set_since(proxied: bool) -> None:
    """It leads where that URL must not lead; the address is looked at when a connection is opened only."""
    egress, accepted, closed = EgressPolicy(), 0, asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        try:
            while (await reader.readuntil(b"\r\n\r\n")).startswith(b"CONNECT"):
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while await reader.readexactly(2):
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            writer.close()
            closed.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        proxy = f"http://127.0.0.1:{port}" if proxied else ""
        transport = Transport(egress)
        call = UpstreamCall(url=f"http://localhost:{port}/v1", headers={}, body=b"{}", connect_timeout=5, proxy=proxy)

        async def ask() -> int:
            with await transport.open(call) as response:
                assert await response.read_whole() == b""
                return response.status

        try:
            assert [await ask(), await ask(), accepted] == [200, 200, 1]
            egress.note(["127.0.0.1" if proxied else "localhost"], AllowedNetworks.PUBLIC)
            for _ in range(2):
                with pytest.raises(RemoteError, match=r"\(loopback\)"):
                    await ask()
            egress.note(["127.0.0.1" if proxied else "localhost"], AllowedNetworks.NOT_LINK_LOCAL)
            assert [await ask(), await ask(), accepted] == [200, 200, 2]
        finally:
            closed.clear()
            await transport.close()
            await closed.wait()
