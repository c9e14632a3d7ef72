"""Who may set which upstream through the API: the SSRF rule over whole configurations."""

from __future__ import annotations

import pytest
from msgspec import structs

from daemon.api.management.upstream_rule import UpstreamRule, changed_urls, system_lookup
from daemon.config.schema import Config, Packycode, Tppc, TppcProvider
from daemon.config.sections import RemoteManagement
from daemon.gateway.caller import Caller
from daemon.upstream.http.addresses import AllowedNetworks
from daemon.upstream.http.egress import EgressPolicy

HERE = Caller("127.0.0.1", local=True)
AWAY = Caller("203.0.113.9", local=False)
NAMES = {
    "public.example": ("8.8.8.8",),
    "lan.example": ("10.0.0.5",),
    "both.example": ("8.8.8.8", "192.168.0.1"),
    "metadata.example": ("169.254.169.254",),
}


async def lookup(host: str) -> tuple[str, ...]:
    return NAMES.get(host) or await system_lookup(host)


def config(url: str, *, allow_private_upstreams: bool = False) -> Config:
    provider = TppcProvider(name="Fox", enabled=True, base_url=url)
    remote = RemoteManagement(allow_private_upstreams=allow_private_upstreams)
    return Config(tppc=Tppc(providers=(provider,)), remote_management=remote)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "url, refused_here, refused_away",
    [
        ("https://public.example/v1", False, False),
        ("https://8.8.8.8/v1", False, False),
        ("https://no-such-name.invalid/v1", False, False),
        ("https://lan.example/v1", False, True),
        ("https://both.example/v1", False, True),
        ("http://localhost:8000", False, True),
        ("http://LOCALHOST.:8000", False, True),
        ("http://any.localhost", False, True),
        ("http://127.0.0.1:8000", False, True),
        ("http://127.0.0.1.", False, True),
        ("http://127.1:8000", False, True),
        ("http://2130706433", False, True),
        ("http://0x7f.1/", False, True),
        ("http://0.0.0.0:80", False, True),
        ("http://[::1]:8000", False, True),
        ("http://[::ffff:10.0.0.5]/", False, True),
        ("http://[64:ff9b::7f00:1]/", False, True),
        ("http://[2002:7f00:1::]/", False, True),
        ("http://8.8.8.8:80@127.0.0.1/", False, True),
        ("http://metadata.example/latest", True, True),
        ("http://169.254.169.254/latest/meta-data", True, True),
        ("http://[fe80::1]/", True, True),
        ("http://[::ffff:169.254.169.254]/", True, True),
    ],
)
async def test_what_may_be_set_from_where(url: str, refused_here: bool, refused_away: bool) -> None:
    rule = UpstreamRule(EgressPolicy(), lookup)
    assert bool(await rule.check(HERE, Config(), config(url))) is refused_here
    (*found,) = await rule.check(AWAY, Config(), config(url))
    assert bool(found) is refused_away
    assert {each.dotted for each in found} <= {"tppc.providers[0].base-url"}


@pytest.mark.asyncio
async def test_the_setting_opens_private_but_never_link_local_and_not_by_the_same_write() -> None:
    rule = UpstreamRule(EgressPolicy(), lookup)
    allowing = Config(remote_management=RemoteManagement(allow_private_upstreams=True))
    assert not await rule.check(AWAY, allowing, config("http://lan.example"))
    assert await rule.check(AWAY, allowing, config("http://metadata.example"))
    assert await rule.check(AWAY, Config(), config("http://lan.example", allow_private_upstreams=True))


@pytest.mark.asyncio
async def test_what_stays_is_not_asked_again() -> None:
    """A provider on the local network, written by hand, may be switched on and off from anywhere."""
    rule = UpstreamRule(EgressPolicy(), lookup)
    old = config("http://lan.example")
    off = Config(tppc=Tppc(providers=(structs.replace(old.tppc.providers[0], enabled=False),)))
    assert await rule.check(AWAY, old, off) == ()
    renamed = Config(tppc=Tppc(providers=(structs.replace(old.tppc.providers[0], name="wolf"),)))
    assert await rule.check(AWAY, old, renamed)


@pytest.mark.asyncio
async def test_proxies_and_packycode_count_too() -> None:
    rule = UpstreamRule(EgressPolicy(), lookup)
    new = Config(
        proxy_url="http://lan.example:3128",
        packycode=Packycode(base_url="http://lan.example", proxy_url="http://lan.example:3128"),
        tppc=Tppc(providers=(TppcProvider(name="a", proxy_url="direct"), TppcProvider(proxy_url="socks5://127.0.0.1"))),
    )
    found = await rule.check(AWAY, Config(), new)
    assert [each.dotted for each in found] == [
        "proxy-url",
        "packycode.base-url",
        "packycode.proxy-url",
        "tppc.providers[1].proxy-url",
    ]


def test_what_was_written_is_remembered_for_connect_time() -> None:
    egress = EgressPolicy()
    rule = UpstreamRule(egress, lookup)
    rule.note(AWAY, Config(), config("https://Public.example/v1"))
    assert egress.of("public.example") is AllowedNetworks.PUBLIC
    rule.note(HERE, Config(), config("https://public.example/v1"))
    assert egress.of("public.example") is AllowedNetworks.NOT_LINK_LOCAL
    assert changed_urls(config("https://a.example"), config("https://a.example")) == ()
