"""The operator's lists: who may be reached, by name, by address and by port."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pytest

from headgate_runtime.fetch import DefaultPorts, Egress, EgressError, SystemFailure
from headgate_runtime.fetch.target import parse

PUBLIC = "93.184.216.34"


def allows(egress: Egress, url: str, addresses: Sequence[str] = (PUBLIC,)) -> bool:
    target = parse(url)
    found = [ipaddress.ip_address(each) for each in addresses] if target.address is None else [target.address]
    try:
        egress.check_target(target)
        egress.check_addresses(target.host, target.port, found)
    except SystemFailure:
        return False
    return True


@pytest.mark.parametrize(
    ("lists", "url", "addresses", "expected"),
    [
        ({}, "http://a.example/", [PUBLIC], True),
        ({}, "http://a.example/", [PUBLIC, "10.0.0.1"], False),
        ({}, "http://a.example/", ["10.0.0.1", PUBLIC], False),
        ({"deny": ["a.example"]}, "http://a.example/", [PUBLIC], False),
        ({"deny": ["a.example"]}, "http://A.EXAMPLE./", [PUBLIC], False),
        ({"deny": ["A.Example."]}, "http://a.example/", [PUBLIC], False),
        ({"deny": ["a.example"]}, "http://b.a.example/", [PUBLIC], True),
        ({"deny": ["*.a.example"]}, "http://b.a.example/", [PUBLIC], False),
        ({"deny": ["*.a.example"]}, "http://c.b.a.example/", [PUBLIC], False),
        ({"deny": ["*.a.example"]}, "http://a.example/", [PUBLIC], True),
        ({"deny": ["*.a.example"]}, "http://xa.example/", [PUBLIC], True),
        ({"deny": ["93.184.0.0/16"]}, "http://a.example/", [PUBLIC], False),
        ({"deny": ["93.184.0.0/16"]}, "http://a.example/", ["8.8.8.8", PUBLIC], False),
        ({"deny": ["93.184.216.34"]}, "http://93.184.216.34/", [], False),
        ({"deny": ["93.184.216.34"]}, "http://0x5d.0xb8d822/", [], False),
        ({"deny": ["2606:4700::/32"]}, "http://[2606:4700::1]/", [], False),
        ({"deny": ["8.8.8.0/24"], "allow": ["64:ff9b::/96"]}, "http://[64:ff9b::8.8.8.8]/", [], False),
        ({"allow": ["64:ff9b::/96"]}, "http://[64:ff9b::8.8.8.8]/", [], True),
        ({"allow": ["64:ff9b::/96"]}, "http://[64:ff9b::10.0.0.1]/", [], False),
        ({"allow": ["10.1.0.0/16"]}, "http://10.1.2.3/", [], True),
        ({"allow": ["10.1.0.0/16"]}, "http://10.2.2.3/", [], False),
        ({"allow": ["10.1.0.0/16"]}, "http://a.example/", ["10.1.0.1"], True),
        ({"allow": ["10.1.0.0/16"]}, "http://a.example/", ["10.1.0.1", "10.2.0.1"], False),
        ({"allow": ["a.corp"]}, "http://a.corp/", ["10.0.0.1"], True),
        ({"allow": ["*.corp"]}, "http://a.corp/", ["10.0.0.1"], True),
        ({"allow": ["*.corp"]}, "http://a.example/", ["10.0.0.1"], False),
        ({"allow": ["*.corp"], "deny": ["10.0.0.0/8"]}, "http://a.corp/", ["10.0.0.1"], False),
        ({"allow": ["*.corp"], "deny": ["a.corp"]}, "http://a.corp/", ["10.0.0.1"], False),
        ({"only": ["a.example"]}, "http://a.example/", [PUBLIC], True),
        ({"only": ["a.example"]}, "http://b.example/", [PUBLIC], False),
        ({"only": ["a.example"]}, "http://a.example/", ["10.0.0.1"], False),
        ({"only": ["a.example"], "allow": ["10.0.0.1"]}, "http://a.example/", ["10.0.0.1"], True),
        ({"only": ["93.184.216.0/24"]}, "http://b.example/", [PUBLIC], True),
        ({"only": ["93.184.216.0/24"]}, "http://b.example/", [PUBLIC, "8.8.8.8"], False),
        ({"only": ["a.example"], "deny": ["a.example"]}, "http://a.example/", [PUBLIC], False),
        ({"only": []}, "http://a.example/", [PUBLIC], False),
        ({"allow_private": True}, "http://127.0.0.1/", [], True),
        ({"allow_private": True}, "http://localhost/", ["127.0.0.1", "::1"], True),
        ({"allow_private": True}, "http://10.0.0.1/", [], True),
        ({"allow_private": True}, "http://[fd00::1]/", [], True),
        ({"allow_private": True}, "http://169.254.1.1/", [], True),
        ({"allow_private": True}, "http://169.254.169.254/", [], False),
        ({"allow_private": True}, "http://[fd00:ec2::254]/", [], False),
        ({"allow_private": True}, "http://168.63.129.16/", [], False),
        ({"allow_private": True}, "http://0.0.0.0/", [], False),
        ({"allow_private": True}, "http://224.0.0.1/", [], False),
        ({"allow_private": True}, "http://[::ffff:127.0.0.1]/", [], False),
        ({"allow_private": True, "deny": ["127.0.0.0/8"]}, "http://127.0.0.1/", [], False),
        ({"allow": ["169.254.169.254"]}, "http://169.254.169.254/", [], True),
        ({"ports": {8443}}, "https://a.example:8443/", [PUBLIC], True),
        ({"ports": {8443}}, "https://a.example/", [PUBLIC], False),
        ({"ports": range(1, 65536)}, "http://a.example:25/", [PUBLIC], True),
        ({"allow_private": True}, "http://127.0.0.1:22/", [], False),
    ],
)
def test_lists(lists: dict[str, object], url: str, addresses: list[str], expected: bool) -> None:
    assert allows(Egress(**lists), url, addresses) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "entry",
    ["", "*", "*.", "a.*", "a*.example", "http://a.example", "a.example/x", "a.example:80", "10.0.0.0/33", "10.0.0.1/8",
     "10.0.0", "1.2.3.4.5", "[::1]", "::1/129", "a b", "fe80::1%eth0", "ex\u00e4mple.com"],
)  # fmt: skip
def test_entries_that_are_none(entry: str) -> None:
    with pytest.raises(EgressError, match="neither a host"):
        Egress(deny=[entry])


def test_default_ports() -> None:
    ports = DefaultPorts()

    assert [port for port in range(1024) if port in ports] == [80, 443]
    assert {1024, 3000, 8080, 8443, 49152, 65535} == {
        port for port in (1024, 3000, 6000, 6667, 8080, 8443, 49152, 65535) if port in ports
    }


def test_a_refusal_does_not_tell_the_address() -> None:
    with pytest.raises(SystemFailure) as caught:
        Egress().check_addresses("db.internal", 5432, [ipaddress.ip_address("10.11.12.13")])

    assert (
        caught.value.reason == "connect EACCES db.internal:5432 (private addresses are not open to functions)"
    )
