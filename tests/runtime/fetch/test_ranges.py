"""Every kind of address that is not of the public Internet, at the edges of its range."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate_runtime.fetch.ranges import embedded, kind_of

SPECIAL = """
0.0.0.0 this network            | 0.255.255.255 this network      | 10.0.0.0 private
10.255.255.255 private          | 100.64.0.0 carrier-grade NAT    | 100.127.255.255 carrier-grade NAT
127.0.0.1 loopback              | 127.255.255.255 loopback        | 169.254.0.0 link-local
169.254.255.255 link-local      | 172.16.0.0 private              | 172.31.255.255 private
192.0.0.0 protocol assignments  | 192.0.0.255 protocol assignments | 192.0.2.0 documentation
192.0.2.255 documentation       | 192.31.196.1 AS112              | 192.52.193.1 AMT
192.88.99.0 6to4 relay          | 192.88.99.255 6to4 relay        | 192.168.0.0 private
192.168.255.255 private         | 192.175.48.1 AS112              | 198.18.0.0 benchmarking
198.19.255.255 benchmarking     | 198.51.100.0 documentation      | 203.0.113.255 documentation
224.0.0.0 multicast             | 239.255.255.255 multicast       | 240.0.0.0 reserved
255.255.255.254 reserved        | 255.255.255.255 broadcast       | 169.254.169.254 cloud metadata
169.254.170.2 cloud metadata    | 169.254.170.23 cloud metadata   | 100.100.100.200 cloud metadata
192.0.0.192 cloud metadata      | 168.63.129.16 cloud metadata    | 169.254.169.253 cloud metadata
:: this network                 | ::1 loopback                    | ::2 IPv4-compatible
::7f00:1 IPv4-compatible        | ::ffff:0:0 IPv4-mapped          | ::ffff:127.0.0.1 IPv4-mapped
::ffff:8.8.8.8 IPv4-mapped      | ::ffff:0:7f00:1 IPv4-translated | 64:ff9b:: NAT64
64:ff9b::127.0.0.1 NAT64        | 64:ff9b::8.8.8.8 NAT64          | 64:ff9b:1:: local NAT64
64:ff9b:1:ffff::1 local NAT64   | 64:ff9b:2::1 reserved           | 100::1 discard-only
100:0:0:1::1 dummy prefix       | 2001::1 Teredo                  | 2001:0:ffff::1 Teredo
2001:2::1 benchmarking          | 2001:3::1 protocol assignments  | 2001:4:112::1 protocol assignments
2001:10::1 ORCHID               | 2001:1f:ffff::1 ORCHID          | 2001:20::1 ORCHID
2001:2f:ffff::1 ORCHID          | 2001:30::1 protocol assignments | 2001:1ff:ffff::1 protocol assignments
2001:db8::1 documentation       | 2001:db8:ffff::1 documentation  | 2002:: 6to4
2002:7f00:1:: 6to4              | 2002:ffff::1 6to4               | 2620:4f:8000::1 AS112
3ffe::1 reserved                | 3fff::1 documentation           | 3fff:fff::1 documentation
5f00::1 segment routing         | 1::1 reserved                   | 4000::1 reserved
8000::1 reserved                | fbff::1 reserved                | fc00:: unique local
fdff:ffff::1 unique local       | fd00:ec2::254 cloud metadata    | fd00:ec2::23 cloud metadata
fd20:ce::254 cloud metadata     | fd00:c1::a9fe:a9fe cloud metadata | fd00:42::42 cloud metadata
fe00::1 reserved                | fe80:: link-local               | febf:ffff::1 link-local
fe80::1%eth0 link-local         | 2606:4700::1%eth0 link-local    | fec0::1 site-local
feff:ffff::1 site-local         | ff00:: multicast                | ff02::1 multicast
ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff multicast
"""

PUBLIC = """
1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255
169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.88.98.255 192.88.100.0 192.167.255.255
192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255
168.63.129.15 168.63.129.17 2000::1 2001:200::1 2001:db7:ffff::1 2001:db9::1 2003::1 2606:4700::1111 2620:4f:8001::1
2a00:1450::1 3ffd::1 3fff:1000::1
"""


def rows() -> list[tuple[str, str]]:
    cells = [cell.strip() for line in SPECIAL.strip().splitlines() for cell in line.split("|")]
    return [(address, kind) for address, _, kind in (cell.partition(" ") for cell in cells)]


@pytest.mark.parametrize(("address", "kind"), rows())
def test_special(address: str, kind: str) -> None:
    assert kind_of(ipaddress.ip_address(address)) == kind


@pytest.mark.parametrize("address", PUBLIC.split())
def test_public(address: str) -> None:
    assert kind_of(ipaddress.ip_address(address)) is None


def test_there_are_rows() -> None:
    assert len(rows()) == 97


@given(st.ip_addresses())
def test_stricter_than_the_standard_library(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert kind_of(address) is not None


@pytest.mark.parametrize(
    ("address", "inner"),
    [
        ("::ffff:127.0.0.1", ["127.0.0.1"]),
        ("::ffff:0:7f00:1", ["127.0.0.1"]),
        ("::10.0.0.1", ["10.0.0.1"]),
        ("64:ff9b::a9fe:a9fe", ["169.254.169.254"]),
        ("64:ff9b:1::10.1.2.3", ["10.1.2.3"]),
        ("2002:a00:1::", ["10.0.0.1"]),
        ("2001:0:7f00:1::f5ff:fffe", ["127.0.0.1", "10.0.0.1"]),
        ("2606:4700::5efe:7f00:1", ["127.0.0.1"]),
        ("2606:4700::200:5efe:7f00:1", ["127.0.0.1"]),
        ("2606:4700::1", []),
        ("::1", []),
        ("8.8.8.8", []),
    ],
)
def test_addresses_within_addresses(address: str, inner: list[str]) -> None:
    assert [str(each) for each in embedded(ipaddress.ip_address(address))] == inner
