"""HTTPS: the certificate is held to the name in the URL, and failures have Node's codes."""

from __future__ import annotations

import asyncio
import gc
import ssl

import pytest
import trustme

from headgate_runtime.fetch import tls
from tests.runtime.fakes import Frozen
from tests.runtime.fetch.asking import ask, in_loop
from tests.runtime.fetch.secure import local_secure, secured
from tests.runtime.fetch.server import redirect, response, serving


@in_loop
async def test_the_name_of_the_url_is_what_counts() -> None:
    async with serving(response(b"secret"), ssl=secured("right.example")) as server, local_secure() as fetch:
        told = await ask(fetch, f"https://right.example:{server.port}/")
        assert (told.body, server.requests[0].header("host")) == (b"secret", f"right.example:{server.port}")
        assert (await ask(fetch, f"https://right.example.:{server.port}/")).body == b"secret"

        told = await ask(fetch, f"https://wrong.example:{server.port}/")
        name, kind, code, message = told.failure
        assert (name, kind, code) == ("FetchError", "system", "ERR_TLS_CERT_ALTNAME_INVALID")
        assert "reason: Hostname/IP does not match certificate's altnames: Host: wrong.example." in message


@in_loop
async def test_an_address_has_a_certificate_of_its_own() -> None:
    async with serving(response(b"ip"), ssl=secured("127.0.0.1")) as server, local_secure() as fetch:
        assert (await ask(fetch, f"https://127.0.0.1:{server.port}/")).body == b"ip"


@in_loop
async def test_an_authority_nobody_knows() -> None:
    context = secured("x.example", issuer=trustme.CA())
    async with serving(response(), ssl=context) as server, local_secure() as fetch:
        told = await ask(fetch, f"https://x.example:{server.port}/")
        assert told.failure[2] in {"UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "SELF_SIGNED_CERT_IN_CHAIN"}
        assert server.requests == []


@in_loop
async def test_http_where_tls_was_expected() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response(b"plain"))
        writer.close()

    plain = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with plain, local_secure() as fetch:
        told = await ask(fetch, f"https://x.example:{plain.sockets[0].getsockname()[1]}/")
        assert told.failure[:3] == ("FetchError", "system", "EPROTO")


@in_loop
async def test_from_https_down_to_http_without_credentials() -> None:
    async with serving(response(b"plain")) as plain, local_secure() as fetch:
        location = f"http://x.example:{plain.port}/"
        async with serving(redirect(location), ssl=secured("x.example")) as server:
            told = await ask(
                fetch, f"https://x.example:{server.port}/", headers=[("Authorization", "secret")]
            )
            assert (told.body, plain.requests[0].header("authorization")) == (b"plain", None)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (9, "certificate is not yet valid", "CERT_NOT_YET_VALID"),
        (10, "certificate has expired", "CERT_HAS_EXPIRED"),
        (18, "self-signed certificate", "DEPTH_ZERO_SELF_SIGNED_CERT"),
        (21, "unable to verify the first certificate", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
        (62, "hostname mismatch", "ERR_TLS_CERT_ALTNAME_INVALID"),
        (64, "IP address mismatch", "ERR_TLS_CERT_ALTNAME_INVALID"),
        (77, "something new", "ERR_TLS_CERT_INVALID"),
    ],
)
def test_nodes_names(code: int, text: str, expected: str) -> None:
    error = ssl.SSLCertVerificationError(1, text)
    error.verify_code, error.verify_message = code, text
    outer = RuntimeError()
    outer.__cause__ = error

    failure = tls.failure_of(outer, "x.example")

    assert failure.code == expected
    if not expected.startswith("ERR_TLS_CERT_ALT"):
        assert failure.reason == text


def test_other_failures_of_the_handshake() -> None:
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    assert tls.failure_of(error, "x").code == "ECONNRESET"
    error.reason = "WRONG_VERSION_NUMBER"
    assert tls.failure_of(error, "x").reason == "write EPROTO wrong version number"
    assert tls.failure_of(RuntimeError(), "x").code == "ECONNRESET"


def test_whom_to_trust_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    own = trustme.CA()
    with own.cert_pem.tempfile() as path:
        monkeypatch.setenv("SSL_CERT_FILE", path)
        assert len(tls.default_context().get_ca_certs()) == 1
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    assert len(tls.default_context().get_ca_certs()) > 50


@in_loop
async def test_a_handshake_that_never_ends() -> None:
    """Cancelled or out of time, its connection is closed at once, not when somebody collects it."""
    closed = asyncio.Semaphore(0)
    hello = asyncio.Semaphore(0)
    clock = Frozen()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        hello.release()
        while await reader.read(1 << 16):
            pass
        closed.release()
        writer.close()

    gc.disable()
    try:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        url = f"https://x.example:{server.sockets[0].getsockname()[1]}/"
        async with server, local_secure(clock=clock, connect_ms=100) as hasty, local_secure() as patient:
            task = asyncio.ensure_future(ask(hasty, url))
            await hello.acquire()
            clock.advance(100)
            assert (await task).failure[:3] == ("FetchError", "system", "ETIMEDOUT")
            await closed.acquire()

            task = asyncio.ensure_future(ask(patient, url))
            await hello.acquire()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await closed.acquire()
    finally:
        gc.enable()
