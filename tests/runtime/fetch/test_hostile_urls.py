"""
Every way we know to write an address so that a filter takes it for another: none reaches the machine or its networks.

Each row is asked of a Fetcher with everything as it is by default, whose resolver says what a hostile name server could
say, and whose dialling is recorded: nothing may be dialled.
"""

# ruff: noqa: RUF001 - characters that look like others are the point

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate_runtime.fetch import Failure, Fetcher, SystemFailure
from headgate_runtime.fetch.ranges import kind_of
from headgate_runtime.fetch.target import parse
from tests.runtime.fetch.asking import NO_TRUST, ask, in_loop

NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "localhost.localdomain": ["127.0.0.1"],
    "ip6-localhost": ["::1"],
    "metadata.google.internal": ["169.254.169.254"],
    "metadata": ["169.254.169.254"],
    "instance-data": ["169.254.169.254"],
    "kubernetes.default.svc": ["10.96.0.1"],
    "redis": ["172.17.0.2"],
    "printer.local": ["192.168.1.20"],
    "localtest.me": ["127.0.0.1"],
    "127.0.0.1.nip.io": ["127.0.0.1"],
    "a.mixed.example": ["93.184.216.34", "10.0.0.1"],
    "b.mixed.example": ["2606:4700::1111", "::1"],
    "c.mixed.example": ["93.184.216.34", "93.184.216.35", "93.184.216.36", "169.254.169.254"],
    "mapped.example": ["::ffff:10.0.0.1"],
    "nat64.example": ["64:ff9b::a00:1"],
    "zoned.example": ["fe80::1%1"],
    "zoned-public.example": ["2606:4700::1%1"],
    "wild.example": ["0.0.0.0"],
    "wild6.example": ["::"],
    "multicast.example": ["224.0.0.251"],
    "broadcast.example": ["255.255.255.255"],
    "ula.example": ["fd12:3456::1"],
    "azure.example": ["168.63.129.16"],
    "xn--bcher-kva.example": ["10.0.0.1"],
    "empty.example": [],
    "nonsense.example": ["127.1"],
    "nonsense2.example": ["not an address"],
    "under_score.example": ["10.0.0.1"],
}

REFUSED_ADDRESSES = """
http://127.0.0.1/                     http://127.0.0.1:8080/               http://127.1/
http://127.0.1/                       http://0177.0.0.1/                   http://0177.1/
http://0x7f.0.0.1/                    http://0x7f.1/                       http://0x7f000001/
http://2130706433/                    http://017700000001/                 http://00000000177.0.0.1/
http://0x7F.0x0.0x0.0x1/              http://127.0.0.1./                   http://127.255.255.254/
http://0/                             http://0.0.0.0/                      http://0x0/
http://00/                            http://[::]/                         http://[::1]/
http://[0:0:0:0:0:0:0:1]/             http://[0000::1]/                    http://[::ffff:127.0.0.1]/
http://[::ffff:7f00:1]/               http://[0:0:0:0:0:ffff:127.0.0.1]/   http://[::127.0.0.1]/
http://[::ffff:0:127.0.0.1]/          http://[64:ff9b::127.0.0.1]/         http://[64:ff9b:1::127.0.0.1]/
http://[2002:7f00:1::]/               http://[2001:0:7f00:1::1]/           http://[::ffff:169.254.169.254]/
http://[64:ff9b::169.254.169.254]/    http://169.254.169.254/              http://169.254.169.254:80/latest/meta-data/
http://0xa9fea9fe/                    http://2852039166/                   http://025177524776/
http://0251.0376.0251.0376/           http://0xa9.0xfe.0xa9.0xfe/          http://169.16689662/
http://169.254.43518/                 http://0xa9.254.0251.254/            http://[fd00:ec2::254]/
http://[fe80::a9fe:a9fe]/             http://10.0.0.1/                     http://10.1/
http://012.1/                         http://172.16.0.1/                   http://172.31.255.255/
http://192.168.0.1/                   http://192.168.257/                  http://3232235777/
http://100.64.0.1/                    http://100.100.100.200/              http://168.63.129.16/
http://192.0.0.192/                   http://198.18.0.1/                   http://192.0.2.1/
http://203.0.113.1/                   http://224.0.0.1/                    http://239.255.255.250:1900/
http://240.0.0.1/                     http://255.255.255.255/              http://4294967295/
http://[fc00::1]/                     http://[fd12:3456:789a::1]/          http://[fec0::1]/
http://[ff02::1]/                     http://[2001:db8::1]/                http://[100::1]/
http://[5f00::1]/                     http://[4000::1]/                    http://192.88.99.1/
http://１２７.０.０.１/                  http://①②⑦.⓪.⓪.①/                   http://127。0。0。1/
http://127．0．0．1/                    http://127｡0｡0｡1/                    http://%31%32%37%2e%30%2e%30%2e%31/
http://%31%32%37.0.0.1/               http://0%78%37f.1/                   http://%30/
http://user@127.0.0.1/                http://user:pass@127.0.0.1/          http://example.com@127.0.0.1/
http://example.com:80@127.0.0.1/      http://8.8.8.8@10.0.0.1/             http://example.com%2f@127.0.0.1/
http://127.0.0.1\\@10.0.0.1/          http://10.0.0.1#@public.example/   HTTP://127.0.0.1/
https://127.0.0.1/                    hTTps://[::1]/                       http:127.0.0.1/
http:/127.0.0.1/                      http:////127.0.0.1/                  http:\\\\127.0.0.1/
http://10.0.0.1\\@public.example/     http://10.0.0.1?@public.example/     http://public.example%40127.0.0.1/
http://169.254.169.254.:80/           http://１６９.254.１６９.254/             http://127.0.0.1%2e/
"""

REFUSED_NAMES = """
http://localhost/                     http://LOCALHOST/                    http://localhost./
http://localhost.localdomain/         http://ip6-localhost/                http://ｌｏｃａｌｈｏｓｔ/
http://loc%61lhost/                   http://local­host/                   http://metadata.google.internal/
http://metadata.google.internal./     http://METADATA/                     http://instance-data/latest/
http://kubernetes.default.svc/        http://redis:6379/                   http://printer.local/
http://localtest.me/                  http://127.0.0.1.nip.io/             http://a.mixed.example/
http://b.mixed.example/               http://c.mixed.example/              http://mapped.example/
http://nat64.example/                 http://zoned.example/                http://zoned-public.example/
http://wild.example/                  http://wild6.example/                http://multicast.example/
http://broadcast.example/             http://ula.example/                  http://azure.example/
http://bücher.example/                http://under_score.example/          http://user@localhost/
http://public.example@localhost/      https://localhost/                   http://localhost:8080/
"""

REFUSED_PORTS = """
http://public.example:22/             http://public.example:25/            http://public.example:53/
http://public.example:0/              http://public.example:465/           http://public.example:6667/
http://public.example:2049/           http://public.example:1023/          http://93.184.216.34:25/
https://public.example:587/           http://public.example:445/           http://public.example:10080/
"""

NO_URLS = [
    "",
    "/",
    "//127.0.0.1/",
    "127.0.0.1",
    "http://",
    "http:///",
    "http://[::1",
    "http://::1/",
    "http://[::1%25lo]/",
    "http://[fe80::1%eth0]/",
    "http://[::1]x/",
    "http://[127.0.0.1]/",
    "http://256.256.256.256/",
    "http://127.0.0.1.1/",
    "http://0x100000000/",
    "http://1.2.3.4.5/",
    "http://example.0x7f/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:-1/",
    "http://127.0.0.1:8o/",
    "http://a b/",
    "http://exa mple.com@127.0.0.1/",
    "http://127.0.0.1\t/",
    "http://127.0.0.1\r\nHost: x/",
    "http://127.0.0.1\n/",
    " http://127.0.0.1/",
    "http://127.0.0.1/ ",
    "http://127.0.0.1/\x00",
    "http://exam\x00ple.com/",
    "http://a..b/",
    "http://.example/",
    "http://-x.example/",
    "http://a$b.example/",
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 200 + "example/",
    "http://x.example/" + "a" * (64 << 10),
    "http://%00/",
    "http://%0d%0a/",
    "http://%ff/",
    "http://\ud800/",
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1:6379/_INFO",
    "dict://127.0.0.1:11211/",
    "ws://127.0.0.1/",
    "wss://127.0.0.1/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "blob:http://127.0.0.1/x",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
    "jar:http://127.0.0.1!/",
    "about:blank",
    "view-source:http://127.0.0.1/",
]


class Dialled(Exception):
    pass


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that a connection was tried to."""
    addresses: list[str] = []

    async def connect(_: object, host: str, *__: Any, **___: Any) -> httpcore.AsyncNetworkStream:
        addresses.append(host)
        raise httpcore.ConnectError(Dialled(host))

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    return addresses


async def resolve(host: str) -> Sequence[str]:
    if host == "public.example":
        return ["93.184.216.34"]
    if host not in NAMES:
        raise SystemFailure("ENOTFOUND", f"getaddrinfo ENOTFOUND {host}")
    return NAMES[host]


async def check_refused(url: str, codes: set[str | None], dialled: list[str]) -> None:
    async with Fetcher(resolver=resolve, ssl_context=NO_TRUST) as fetch:
        told = await ask(fetch, url)
        assert told.is_failure
        assert told.failure[2] in codes, told
    assert dialled == []


@pytest.mark.parametrize("url", REFUSED_ADDRESSES.split())
def test_addresses(url: str, dialled: list[str]) -> None:
    # %40 is an @ in the host, where the URL standard has none: no URL.
    in_loop(check_refused)(url, {None} if "%40" in url else {"EACCES"}, dialled)


@pytest.mark.parametrize("url", REFUSED_NAMES.split())
def test_names(url: str, dialled: list[str]) -> None:
    in_loop(check_refused)(url, {"EACCES"}, dialled)


@pytest.mark.parametrize(
    "url", ["http://empty.example/", "http://nonsense.example/", "http://nonsense2.example/"]
)
def test_answers_of_resolvers_that_are_none(url: str, dialled: list[str]) -> None:
    in_loop(check_refused)(url, {"ENOTFOUND"}, dialled)


@pytest.mark.parametrize("url", REFUSED_PORTS.split())
def test_ports(url: str, dialled: list[str]) -> None:
    in_loop(check_refused)(url, {"EACCES"}, dialled)


@pytest.mark.parametrize("url", NO_URLS, ids=lambda url: ascii(url)[:40])
def test_what_is_no_url(url: str, dialled: list[str]) -> None:
    async def check() -> None:
        async with Fetcher(resolver=resolve, ssl_context=NO_TRUST) as fetch:
            told = await ask(fetch, url)
            name, _, _, message = told.failure
            assert name == "TypeError", told
            assert message in {
                "Only absolute URLs are supported",
                "Only HTTP(S) protocols are supported",
                "malformed fetch request",
            }

    in_loop(check)()
    assert dialled == []


def test_there_are_rows() -> None:
    rows = [*REFUSED_ADDRESSES.split(), *REFUSED_NAMES.split(), *REFUSED_PORTS.split(), *NO_URLS]
    assert len(rows) == len(set(rows)) > 190


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://public.example/", "93.184.216.34"),
        ("http://public.example:8443/", "93.184.216.34"),
        ("http://PUBLIC.example./", "93.184.216.34"),
        ("http://127.0.0.1@public.example/", "93.184.216.34"),
        ("http://0x8.8.8.8/", "8.8.8.8"),
        ("http://[2606:4700::1111]/", "2606:4700::1111"),
    ],
)
def test_what_is_public_is_dialled_where_it_was_checked(url: str, address: str, dialled: list[str]) -> None:
    async def check() -> None:
        async with Fetcher(resolver=resolve, ssl_context=NO_TRUST) as fetch:
            await ask(fetch, url)

    in_loop(check)()
    assert dialled == [address]


@given(st.text(max_size=40) | st.from_regex(r"\A[0-9a-fx.%\[\]:@/]{1,30}\Z"))
def test_any_host_is_an_address_or_a_name(text: str) -> None:
    """What the parser leaves as a name, no resolver of the system can take for an address."""
    try:
        target = parse(f"http://{text}/")
    except Failure:
        return
    if target.address is None:
        assert not target.host.rpartition(".")[2].isdigit()
        assert all(
            character.isascii() and (character.isalnum() or character in ".-_") for character in target.host
        )
    else:
        assert str(target.address) == target.host or ":" in target.host
        kind_of(target.address)
