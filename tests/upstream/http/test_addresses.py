"""The SSRF table: every way to write an address that is not the public internet."""

from __future__ import annotations

import pytest

from daemon.upstream.http.addresses import AllowedNetworks, forbidden, kind

KINDS = {
    "8.8.8.8": "",
    "1.1.1.1": "",
    "172.32.0.1": "",
    "100.128.0.1": "",
    "2606:4700::1111": "",
    "2a00:1450:4001:80e::200e": "",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "::1": "loopback",
    "0.0.0.0": "unspecified",
    "0.1.2.3": "unspecified",
    "::": "unspecified",
    "10.0.0.1": "private",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.168.1.1": "private",
    "100.64.0.1": "private",
    "fc00::1": "private",
    "fd12:3456::1": "private",
    "fec0::1": "private",
    "169.254.169.254": "link-local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "fd00:ec2::254": "link-local",
    "168.63.129.16": "link-local",
    "100.100.100.200": "link-local",
    "192.0.0.192": "link-local",
    "192.0.0.8": "reserved",
    "198.18.0.1": "reserved",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "2001:db8::1": "reserved",
    "224.0.0.1": "multicast",
    "ff02::1": "multicast",
    "::ffff:10.0.0.1": "private",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:a9fe:a9fe": "link-local",
    "::ffff:8.8.8.8": "",
    "::127.0.0.1": "loopback",
    "::10.0.0.1": "private",
    "64:ff9b::7f00:1": "loopback",
    "64:ff9b::a00:1": "private",
    "64:ff9b::a9fe:a9fe": "link-local",
    "64:ff9b::808:808": "",
    "64:ff9b:1::1": "private",
    "2002:7f00:1::": "loopback",
    "2002:a00:1::1": "private",
    "2002:a9fe:a9fe::1": "link-local",
    "2002:808:808::1": "",
    "2001:0:a00:1::": "private",
    "2a00::5efe:10.0.0.1": "private",
    "2a00::200:5efe:7f00:1": "loopback",
    "localhost": "unreadable",
    "": "unreadable",
    "127.1": "unreadable",
}


@pytest.mark.parametrize("address, expected", KINDS.items())
def test_the_kind_of_an_address(address: str, expected: str) -> None:
    assert kind(address) == expected


@pytest.mark.parametrize(
    "address, least",
    [
        ("8.8.8.8", None),
        ("10.0.0.5", AllowedNetworks.PUBLIC),
        ("127.0.0.1", AllowedNetworks.PUBLIC),
        ("::ffff:192.168.0.1", AllowedNetworks.PUBLIC),
        ("169.254.169.254", AllowedNetworks.NOT_LINK_LOCAL),
        ("64:ff9b::a9fe:a9fe", AllowedNetworks.NOT_LINK_LOCAL),
    ],
)
def test_the_least_reach_that_forbids_an_address(address: str, least: AllowedNetworks | None) -> None:
    forbidding = [reach for reach in AllowedNetworks if forbidden([address], reach)]
    assert forbidding == [reach for reach in AllowedNetworks if least is not None and reach >= least]


def test_one_forbidden_address_among_public_ones_is_enough() -> None:
    assert forbidden(["8.8.8.8", "10.0.0.5"], AllowedNetworks.PUBLIC) == "10.0.0.5 (private)"
