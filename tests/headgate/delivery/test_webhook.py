"""Webhooks: what is sent, what an answer means, and what is never reached."""

import asyncio
import base64
import contextlib
import gc
import hashlib
import hmac
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from headgate.delivery import wire
from headgate.delivery.carrier import Parcel
from tests.headgate.delivery.delivering import parcel, webhook
from tests.runtime.fakes import Frozen, until
from tests.runtime.fetch.secure import secured, trusting
from tests.runtime.fetch.server import Connection, Got, Server, redirect, response, serving


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def test_sends_the_event_and_keeps_the_connection() -> None:
    async def main() -> None:
        async with (
            serving(response(b"thanks")) as server,
            webhook(server.url("/in?x=1"), method="PUT", headers={"Authorization": "Bearer t"}) as carrier,
        ):
            for number in range(5):
                receipt = await carrier.deliver([parcel(number)])
                assert (receipt.verdict, receipt.status) == ("delivered", 200)
            assert server.connections == 1
            got = server.requests[3]
            assert (got.method, got.path, got.body) == ("PUT", "/in?x=1", b'{"n":3}')
            assert got.header("content-type") == "application/json"
            assert got.header("idempotency-key") == "m3/d"
            assert got.header("authorization") == "Bearer t"
            assert got.header("user-agent") == "Headgate"
            assert got.header("webhook-signature") is None

    asyncio.run(main())


def test_a_batch_is_an_array_whose_key_is_the_same_for_the_same_events() -> None:
    async def main() -> None:
        async with serving(response()) as server, webhook(server.url(), batch_max_count=10) as carrier:
            assert (carrier.batching.events, carrier.batching.wait_ms) == (10, 1_000)
            await carrier.deliver([parcel(1), parcel(2)])
            await carrier.deliver([parcel(1, attempt=2), parcel(2, attempt=2)])
            await carrier.deliver([parcel(2)])
            assert [got.body for got in server.requests] == [b'[{"n":1},{"n":2}]'] * 2 + [b'[{"n":2}]']
            keys = [got.header("idempotency-key") for got in server.requests]
            assert keys[0] == keys[1] != keys[2]

    asyncio.run(main())


@given(st.text(min_size=1, max_size=99))
def test_ids_may_hold_anything(message: str) -> None:
    async def main() -> None:
        async with serving(response()) as server, webhook(server.url(), signing_secret="s" * 24) as carrier:
            for _ in range(2):
                receipt = await carrier.deliver([Parcel(f"{message}/d", message, "track", 1, b"{}")])
                assert receipt.verdict == "delivered"
            first, second = (got.header("idempotency-key") for got in server.requests)
            assert first == second
            assert first is not None
            assert unquote(first) == f"{message}/d"

    asyncio.run(main())


@pytest.mark.parametrize("raw", [True, False])
def test_signs_as_standard_webhooks_does(raw: bool) -> None:
    key = b"0123456789abcdef01234567"
    secret = key.decode() if raw else "whsec_" + base64.b64encode(key).decode()

    async def main() -> None:
        clock = Frozen()
        async with (
            serving(response()) as server,
            webhook(server.url(), clock, signing_secret=secret) as carrier,
        ):
            await carrier.deliver([parcel()])
            (got,) = server.requests
        timestamp = str(int(clock.wall_ms() // 1_000))
        assert got.header("webhook-id") == "m1/d"
        assert got.header("webhook-timestamp") == timestamp
        signed = f"m1/d.{timestamp}.".encode() + got.body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert got.header("webhook-signature") == f"v1,{expected}"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("status", "verdict", "reason", "is_outage"),
    [
        (204, "delivered", "", False),
        (400, "discard", "400", False),
        (401, "discard", "401", False),
        (403, "discard", "MESSAGE_REJECTED", False),
        (404, "discard", "404", False),
        (302, "discard", "MESSAGE_REJECTED", False),
        (408, "retry", "429", False),
        (429, "retry", "429", False),
        (500, "retry", "INTERNAL", True),
        (502, "retry", "502", True),
        (503, "retry", "503", True),
    ],
)
def test_what_a_status_means(status: int, verdict: str, reason: str, is_outage: bool) -> None:
    async def main() -> None:
        async with serving(response(b"why\nnot", f"{status} X")) as server, webhook(server.url()) as carrier:
            receipt = await carrier.deliver([parcel()])
        assert (receipt.verdict, receipt.reason, receipt.is_outage) == (verdict, reason, is_outage)
        assert receipt.status == status
        if verdict != "delivered":
            assert receipt.message.startswith(f"the destination answered {status}")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("7", 7_000),
        ("0", 0),
        ("999999999", 3_600_000),
        ("Tue, 14 Nov 2023 22:13:30 GMT", 10_000),
        ("soon", None),
        ("Mon, 31 January 9999 1.2.3 12345678901234567890", None),
        ("99999 Feb 1:2 12345678901234567890", None),
    ],
)
def test_retry_after(value: str, pause: float | None) -> None:
    async def main() -> None:
        answer = response(b"", "429 Slow", (("Retry-After", value),))
        async with serving(answer) as server, webhook(server.url()) as carrier:
            assert (await carrier.deliver([parcel()])).retry_after_ms == pause

    asyncio.run(main())


def test_429_halves_the_requests_at_once_and_success_brings_them_back() -> None:
    async def main() -> None:
        open_now, most = 0, 0
        busy = True

        async def handler(_: Got, __: Connection) -> bytes | None:
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            for _turn in range(20):
                await asyncio.sleep(0)
            open_now -= 1
            return response(b"", "429 Slow") if busy else response()

        async with serving(handler) as server, webhook(server.url(), concurrency=8) as carrier:
            await asyncio.gather(*(carrier.deliver([parcel()]) for _ in range(8)))
            assert most == 8
            busy, most = False, 0
            await asyncio.gather(*(carrier.deliver([parcel()]) for _ in range(8)))
            assert most < 4
            for _ in range(4):
                await asyncio.gather(*(carrier.deliver([parcel()]) for _ in range(16)))
            assert carrier._window.size == 8

    asyncio.run(main())


@pytest.mark.parametrize("share", [1, 2])
def test_no_more_events_a_second_than_allowed(share: int) -> None:
    async def main() -> None:
        clock = Frozen()
        async with (
            serving(response()) as server,
            webhook(server.url(), clock, rate_per_s=10, share=share) as carrier,
        ):
            going = [asyncio.ensure_future(carrier.deliver([parcel()])) for _ in range(15)]
            burst = 10 // share

            def waited(times: int) -> Callable[[], bool]:
                return lambda: clock.waits.count(100 * share) == times

            await until(lambda: len(server.requests) == burst)
            assert len(server.requests) == burst
            for done in range(burst + 1, 16):
                await until(waited(done - burst))
                clock.advance(100 * share)
                await server.until(requests=done)
            await asyncio.gather(*going)

    asyncio.run(main())


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_over_tls_the_name_of_the_url_is_what_counts(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def in_the_clear(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response(b"plain"))
        writer.close()

    async def main() -> None:
        trusted = trusting()
        body = response(b"x" * 100_000, "400 No")
        async with serving(body, ssl=secured("localhost")) as server:
            url = f"https://localhost:{server.port}/"
            async with webhook(url, context=trusted) as carrier:
                for _ in range(3):
                    assert (await carrier.deliver([parcel()])).reason == "400"
            async with webhook(url) as carrier:
                unknown = await carrier.deliver([parcel()])
            async with webhook(f"https://127.0.0.1:{server.port}/", context=trusted) as carrier:
                other = await carrier.deliver([parcel()])
            assert len(server.requests) == 3
        plain = await asyncio.start_server(in_the_clear, "127.0.0.1", 0)
        port = plain.sockets[0].getsockname()[1]
        async with plain, webhook(f"https://localhost:{port}/", context=trusted) as carrier:
            no_tls = await carrier.deliver([parcel()])
        for receipt, code in ((unknown, ""), (other, "ERR_TLS_CERT_ALTNAME_INVALID"), (no_tls, "EPROTO")):
            assert (receipt.verdict, receipt.reason) == ("retry", "INTERNAL")
            assert code in receipt.message

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


def test_nobody_there_and_no_such_name() -> None:
    async def main() -> None:
        async with webhook(f"http://127.0.0.1:{free_port()}/") as carrier:
            refused = await carrier.deliver([parcel()])
        async with webhook("http://nothing.invalid/") as carrier:
            unknown = await carrier.deliver([parcel()])
        assert (refused.verdict, refused.reason) == ("retry", "EREFUSED")
        assert "ECONNREFUSED" in refused.message
        assert (unknown.verdict, unknown.reason) == ("retry", "ENOTFOUND")

    asyncio.run(main())


def test_a_server_that_hangs_is_left_when_the_time_is_up() -> None:
    async def hang(_: Got, connection: Connection) -> None:
        await connection.wait_closed_by_peer()

    async def main() -> None:
        clock = Frozen()
        async with serving(hang) as server, webhook(server.url(), clock, timeout_ms=5_000) as carrier:
            going = asyncio.ensure_future(carrier.deliver([parcel()]))
            await server.until(requests=1)
            clock.advance(4_999)
            await asyncio.sleep(0)
            assert not going.done()
            clock.advance(1)
            receipt = await going
            assert (receipt.verdict, receipt.reason, receipt.is_outage) == ("retry", "ETIMEDOUT", True)
            await server.all_closed()

    asyncio.run(main())


class Steps(Frozen):
    """Time is up after so many turns of the event loop; never, for None."""

    steps: int | None = None

    async def wait(self, tasks: Any, timeout_ms: float) -> Any:
        if self.steps is None:
            return await super().wait(tasks, timeout_ms)
        for _ in range(self.steps):
            await asyncio.sleep(0)
        return {task for task in tasks if task.done()}


@pytest.mark.parametrize("answer", [response(b"ok"), b"220 mail.example.com ESMTP\r\n\r\n"])
def test_whenever_the_time_is_up_the_connection_is_given_back(answer: bytes) -> None:
    async def main() -> None:
        answers = [answer]

        async def handler(_: Got, __: Connection) -> bytes:
            return answers[0]

        clock = Steps()
        receipts = []
        async with serving(handler) as server, webhook(server.url(), clock, concurrency=1) as carrier:
            for steps in range(80):
                answers[0], clock.steps = answer, steps
                receipts.append(await carrier.deliver([parcel()]))
                answers[0], clock.steps = response(b"ok"), None
                receipt = await asyncio.wait_for(carrier.deliver([parcel()]), 10)
                assert receipt.verdict == "delivered", steps
        reasons = [receipt.reason for receipt in receipts]
        assert reasons[0] == "ETIMEDOUT"
        assert reasons[-1] != "ETIMEDOUT", "there are moments after the last one that was tried"

    asyncio.run(main())


def test_of_an_endless_answer_no_more_is_read_than_it_takes() -> None:
    sent = 0

    async def endless(_: Got, connection: Connection) -> None:
        nonlocal sent
        await connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        with contextlib.suppress(OSError):
            while True:
                await connection.send(b"x" * 65_536)
                sent += 65_536

    async def main() -> None:
        async with serving(endless) as server, webhook(server.url()) as carrier:
            assert (await carrier.deliver([parcel()])).verdict == "delivered"
            await server.all_closed()
        assert sent < wire.BODY_BYTES + (8 << 20)  # what the sockets' buffers took

    asyncio.run(main())


def test_what_is_quoted_of_an_answer_is_short_and_printable() -> None:
    async def main() -> None:
        answer = response(b"\x1b[31mred\r\nInjected: line" + b"y" * 5_000, "400 No")
        async with serving(answer) as server, webhook(server.url()) as carrier:
            message = (await carrier.deliver([parcel()])).message
        assert message.isprintable()
        assert len(message) < 300

    asyncio.run(main())


def test_follows_307_and_308_within_the_origin_only() -> None:
    async def main() -> None:
        async def handler(got: Got, _: Connection) -> bytes:
            return response() if got.path == "/new" else redirect(target[got.path], 307)

        async with serving(response()) as elsewhere, serving(handler) as server:
            target = {"/old": "/new", "/away": elsewhere.url(), "/loop": "/loop"}
            async with webhook(server.url("/old")) as carrier:
                assert (await carrier.deliver([parcel()])).verdict == "delivered"
                assert [got.body for got in server.requests] == [b'{"n":1}'] * 2
            for path in ("/away", "/loop"):
                async with webhook(server.url(path), headers={"X-Key": "k"}) as carrier:
                    receipt = await carrier.deliver([parcel()])
                    assert (receipt.verdict, receipt.status) == ("discard", 307)
            assert not elsewhere.requests

    asyncio.run(main())


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/",
        "http://2130706433:8080/",
        "http://169.254.169.254/latest",
        "http://[::1]:8080/",
    ],
)
def test_nothing_inside_is_reached(url: str) -> None:
    async def main() -> None:
        async with webhook(url, private=False) as carrier:
            receipt = await carrier.deliver([parcel()])
        assert (receipt.verdict, receipt.reason) == ("discard", "INVALID_SETTINGS")
        assert "EACCES" in receipt.message

    asyncio.run(main())


def test_a_name_that_leads_inside_is_not_followed() -> None:
    async def main() -> None:
        async with (
            serving(response()) as server,
            webhook(server.url(host="localhost"), private=False) as carrier,
        ):
            receipt = await carrier.deliver([parcel()])
            assert (receipt.verdict, receipt.reason) == ("discard", "INVALID_SETTINGS")
            assert not server.requests

    asyncio.run(main())


def test_closing_waits_for_what_is_under_way() -> None:
    async def main() -> None:
        gate = asyncio.Event()

        async def handler(_: Got, __: Connection) -> bytes:
            await gate.wait()
            return response()

        async with serving(handler) as server:
            assert isinstance(server, Server)
            async with webhook(server.url()) as carrier:
                going = asyncio.ensure_future(carrier.deliver([parcel()]))
                await server.until(requests=1)
                closing = asyncio.ensure_future(carrier.aclose())
                await asyncio.sleep(0)
                assert not closing.done()
                gate.set()
                assert (await going).verdict == "delivered"
                await closing

    asyncio.run(main())


def test_what_was_not_delivered_says_what_was_sent_and_answered() -> None:
    async def handle(got: Got, _: Connection) -> bytes:
        if got.path == "/":
            return redirect("/there", 308)
        return response(b"no " + b"x" * 20_000, "400 Bad Request", (("X-Why", "because"),))

    async def main() -> None:
        async with serving(handle) as server, webhook(server.url(), headers={"X-Key": "k"}) as carrier:
            receipt = await carrier.deliver([parcel()])
            assert receipt.request is not None
            outgoing, incoming, _, error = receipt.request
            assert (outgoing.method, outgoing.target.href, outgoing.body) == (
                "POST",
                server.url("/there"),
                parcel().body,
            )
            assert ("x-key", "k") in [(name.lower(), value) for name, value in outgoing.headers]
            assert incoming is not None
            assert (incoming.status, incoming.header("x-why"), error) == (400, "because", None)
            assert incoming.body.startswith(b"no xxx")
            assert len(incoming.body) >= 10 << 10
        async with webhook(f"http://127.0.0.1:{free_port()}/") as carrier:
            receipt = await carrier.deliver([parcel()])
            assert receipt.request is not None
            assert receipt.request.incoming is None
            assert receipt.request.error == receipt.message
        async with serving(response()) as server, webhook(server.url()) as carrier:
            assert (await carrier.deliver([parcel()])).request is None

    asyncio.run(main())


def test_closing_waits_for_what_waits_for_its_turn() -> None:
    """Sent after the end, its connection would be kept by nobody and never closed."""

    async def main() -> None:
        clock = Frozen()
        async with serving(response()) as server, webhook(server.url(), clock, rate_per_s=1) as carrier:
            await carrier.deliver([parcel(1)])
            waiting = asyncio.ensure_future(carrier.deliver([parcel(2)]))
            closing = asyncio.ensure_future(carrier.aclose())
            for _ in range(20):
                await asyncio.sleep(0)
            assert not closing.done()
            clock.advance(1_000)
            assert (await waiting).verdict == "delivered"
            await closing

    asyncio.run(main())


def test_a_time_out_leaves_no_exception_behind(caplog: pytest.LogCaptureFixture) -> None:
    """It would be logged, with a traceback, for each delivery to a server that hangs."""

    async def main() -> None:
        clock = Frozen()

        async def handler(_: Got, __: Connection) -> bytes:
            await asyncio.Event().wait()
            raise AssertionError

        async with serving(handler) as server, webhook(server.url(), clock, timeout_ms=1_000) as carrier:
            assert isinstance(server, Server)
            delivering = asyncio.ensure_future(carrier.deliver([parcel()]))
            await server.until(requests=1)
            clock.advance(1_000)
            assert (await delivering).reason == "ETIMEDOUT"
            for _ in range(20):
                await asyncio.sleep(0)
            gc.collect()

    asyncio.run(main())
    assert not caplog.records
