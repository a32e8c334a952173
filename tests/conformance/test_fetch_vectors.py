"""Every case of fetch-vectors.json: what node-fetch 2.6.0 did against a server, here against a server on loopback."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from headgate_runtime import Executor, Limits
from headgate_runtime.fetch import Egress, Fetcher
from tests.guest.evaluate import image
from tests.runtime.fetch.asking import NO_TRUST, in_loop
from tests.runtime.fetch.server import Connection, Got, redirect, response, serving

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "fetch-vectors.json").read_text())

PATIENT = Limits(time_ms=15_000)
"""Whatever the machine does meanwhile."""

NEVER_FOUND = "no-such-host.invalid"


class Seen(NamedTuple):
    """What the function returned, what the server got, and where that was."""

    value: Any
    requests: list[Got]
    url: str


async def handle(got: Got, connection: Connection) -> bytes | None:
    """A server for all cases, each at its path."""
    name, _, rest = got.path.lstrip("/").partition("/")
    match name:
        case "redirect":
            return redirect("/target", int(rest))
        case "loop":
            return redirect("/loop")
        case "status":
            return response(b"", f"{rest} Whatever")
        case "text":
            return response(b"0123456789")
        case "multi":
            return response(b"", headers=(("X-Multi", "one"), ("X-Multi", "two"), ("X-One", "1")))
        case "silent":
            await connection.wait_closed_by_peer()
            return None
    return response(b'{"ok":true}')


def see(code: str, path: str = "/") -> Seen:
    """Runs *code*, the body of an async function of `url`; in it `caught` makes an error a value."""
    seen: list[Seen] = []
    preamble = "const c = new AbortController(); const caught = (e) => ({ name: e.name, type: e.type, code: e.code, errno: e.errno, message: e.message });"

    async def run() -> None:
        fetcher = Fetcher(Egress(allow_private=True), ssl_context=NO_TRUST)
        async with serving(handle) as server, fetcher as fetch, Executor(fetch=fetch) as executor:
            url = server.url(path)
            event = {"type": "track", "code": f"{preamble} const url = {json.dumps(url)};\n{code}"}
            outcome = await executor.invoke(image(), event, limits=PATIENT)
            assert outcome.output is not None, outcome
            seen.append(Seen(json.loads(outcome.output).get("value"), server.requests, url))

    in_loop(run)()
    return seen[0]


def unused_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


def test_every_part_is_tried() -> None:
    assert set(VECTORS) == {
        "note",
        "defaultRequestHeaders",
        "bodyTypes",
        "errors",
        "redirects",
        "response",
        "headers",
        "exports",
        "acceptsInput",
        "methodUpperCased",
    }


def test_default_request_headers() -> None:
    (got,) = see("await fetch(url)").requests

    expected = {name.lower(): value for name, value in VECTORS["defaultRequestHeaders"].items()}
    assert {name: value for name, value in got.headers if name != "host"} == expected


BODIES = {
    "string": ("'text'", "text"),
    "plain object": ("({ a: 1 })", None),
    "URLSearchParams({a:'1 2'})": ("new URLSearchParams({ a: '1 2' })", None),
    "Buffer": ("Buffer.from('bytes')", "bytes"),
    "FormData (form-data 2.4.0)": (
        "(() => { const form = new FormData(); form.append('a', '1'); return form })()",
        None,
    ),
    "null/undefined": ("null", ""),
}


@pytest.mark.parametrize("case", VECTORS["bodyTypes"], ids=lambda case: case["body"])
def test_body_types(case: dict[str, Any]) -> None:
    expression, sent = BODIES[case["body"]]
    (got,) = see(f"await fetch(url, {{ method: 'POST', body: {expression} }})").requests

    content_type = got.header("content-type")
    if case["contentType"] is None or "<" not in case["contentType"]:
        assert content_type == case["contentType"]
    else:
        assert content_type is not None
        prefix = case["contentType"].partition("<")[0]
        assert content_type.startswith(prefix)
        assert content_type.removeprefix(prefix).encode() in got.body
        assert b'name="a"\r\n\r\n1\r\n' in got.body
    if (expected := case.get("sent", sent)) is not None:
        assert got.body.decode() == expected


ERRORS: dict[str, tuple[str, str]] = {
    "GET or HEAD with a body": ("return fetch(url, { body: 'x' }).catch(caught)", "/"),
    "relative URL": ("return fetch('/relative').catch(caught)", "/"),
    "scheme other than http/https": ("return fetch('ftp://127.0.0.1/').catch(caught)", "/"),
    "illegal header name 'a b'": ("return fetch(url, { headers: { 'a b': '1' } }).catch(caught)", "/"),
    "body read twice": ("const r = await fetch(url); await r.text(); return r.text().catch(caught)", "/"),
    "connection refused": ("return fetch(url.replace(/:\\d+/, ':PORT')).catch(caught)", "/"),
    "DNS failure": (f"return fetch('http://{NEVER_FOUND}/').catch(caught)", "/"),
    "timeout option hit": ("return fetch(url, { timeout: 50 }).catch(caught)", "/silent"),
    "size option exceeded": ("return (await fetch(url, { size: 5 })).text().catch(caught)", "/text"),
    "more than 20 redirects": ("return fetch(url).catch(caught)", "/loop"),
    "redirect:'error'": ("return fetch(url, { redirect: 'error' }).catch(caught)", "/redirect/302"),
    "json() on non-JSON or empty body": ("return (await fetch(url)).json().catch(caught)", "/status/200"),
    "AbortController abort": (
        "setTimeout(() => c.abort(), 10); return fetch(url, { signal: c.signal }).catch(caught)",
        "/silent",
    ),
}

PLACES = {"<system message>": r"connect ECONNREFUSED .+", "<parser message>": r".+", "<n>": "5"}


def message_pattern(message: str, url: str) -> str:
    """The message as a regular expression, its placeholders filled."""
    pattern = re.escape(message)
    for place, filled in PLACES.items():
        pattern = pattern.replace(re.escape(place), filled)
    pattern = pattern.replace(re.escape("<host>"), re.escape(NEVER_FOUND))
    return re.sub(r"\bURL\b(?!s)", lambda _: re.escape(url), pattern)


@pytest.mark.parametrize("case", VECTORS["errors"], ids=lambda case: case["case"])
def test_errors(case: dict[str, Any]) -> None:
    code, path = ERRORS[case["case"]]
    port = unused_port()
    seen = see(code.replace("PORT", str(port)), path)

    url = seen.url
    if case["case"] == "connection refused":
        url = re.sub(r":\d+", f":{port}", url)
    elif case["case"] == "DNS failure":
        url = f"http://{NEVER_FOUND}/"
    assert seen.value["name"] == case["name"]
    for member in ("type", "code", "errno"):
        assert seen.value.get(member) == case.get(member), member
    assert re.fullmatch(message_pattern(case["message"], url), seen.value["message"]), seen.value


def test_every_body_and_error_has_its_code() -> None:
    assert {case["body"] for case in VECTORS["bodyTypes"]} == set(BODIES)
    assert {case["case"] for case in VECTORS["errors"]} == set(ERRORS)


POST = "method: 'POST', body: 'sent', headers: { 'Content-Type': 'text/x' }"


@pytest.mark.parametrize(("status", "method"), [(301, "POST"), (302, "POST"), (303, "POST"), (303, "PUT")])
def test_redirects_that_become_get(status: int, method: str) -> None:
    case = VECTORS["redirects"][0]
    seen = see(
        f"const r = await fetch(url, {{ {POST}, method: '{method}' }}); return r.redirected",
        f"/redirect/{status}",
    )

    _, second = seen.requests
    assert (case["status"], case["method"], case["body"], case["contentTypeHeader"]) == (
        "301/302 after POST, any 303",
        "GET",
        "dropped",
        "kept",
    )
    assert (second.method, second.body, second.header("content-type")) == ("GET", b"", "text/x")
    assert seen.value is True


@pytest.mark.parametrize("status", [307, 308])
def test_redirects_that_repeat(status: int) -> None:
    case = VECTORS["redirects"][1]
    seen = see(f"await fetch(url, {{ {POST} }})", f"/redirect/{status}")

    assert (case["status"], case["method"], case["body"]) == ("307/308", "same", "resent")
    assert [(got.method, got.body) for got in seen.requests] == [("POST", b"sent")] * 2


def test_manual_redirects() -> None:
    case = VECTORS["redirects"][2]
    code = "const r = await fetch(url, { redirect: 'manual' }); return [r.status, r.headers.get('location'), r.redirected]"
    seen = see(code, "/redirect/302")

    assert case["mode"] == "manual"
    assert (
        case["result"] == "response returned with status 3xx and absolute location header, redirected=false"
    )
    assert seen.value == [302, seen.url.replace("/redirect/302", "/target"), False]
    assert len(VECTORS["redirects"]) == 3


def test_response_members() -> None:
    expected = VECTORS["response"]
    members = ", ".join(f"'{name}' in r" for name in expected["present"])
    seen = see(f"const r = await fetch(url); return [{members}]")

    assert seen.value == [True] * len(expected["present"])


def test_response_members_that_are_not_there() -> None:
    seen = see("const r = await fetch(url); return [typeof r.formData, typeof r.body.getReader]")

    assert VECTORS["response"]["absent"] == ["formData", "body.getReader"]
    assert seen.value == ["undefined"] * 2


def test_the_body_is_a_node_stream() -> None:
    code = """
        const { body } = await fetch(url)
        return new Promise((resolve) => {
          const chunks = []
          body.on('data', (chunk) => chunks.push(chunk))
          body.on('end', () => resolve([Buffer.concat(chunks).toString(), typeof body.pipe, typeof body.read]))
        })
        """

    assert VECTORS["response"]["bodyIs"] == "Node readable stream"
    assert see(code, "/text").value == ["0123456789", "function", "function"]


@pytest.mark.parametrize("status", [500, 503, 404])
def test_error_statuses_resolve(status: int) -> None:
    seen = see("const r = await fetch(url); return [r.status, r.ok]", f"/status/{status}")

    assert VECTORS["response"]["http5xx"] == "resolves with ok=false"
    assert seen.value == [status, False]


HEADERS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "caseInsensitive": (
        "[h.get('X-ONE'), h.get('x-one'), h.has('X-oNe')]",
        lambda value: value == ["1", "1", True],
    ),
    "multi": ("h.get('x-multi')", lambda value: value == "one, two"),
    "raw": ("[h.raw()['x-multi'], h.raw()['x-one']]", lambda value: value == [["one, two"], ["1"]]),
    "iterable": ("[...h].map(([name]) => name)", lambda value: {"x-multi", "x-one"} <= set(value)),
}


@pytest.mark.parametrize("name", VECTORS["headers"])
def test_headers(name: str) -> None:
    expression, is_right = HEADERS[name]
    seen = see(f"const h = (await fetch(url)).headers; return {expression}", "/multi")

    assert is_right(seen.value), seen.value


def test_exports() -> None:
    names = VECTORS["exports"]

    assert see(f"return [{', '.join(f'typeof {name}' for name in names)}]").value == ["function"] * len(names)


INPUTS = {"string": "url", "URL object": "new URL(url)", "Request": "new Request(url)"}


@pytest.mark.parametrize("kind", VECTORS["acceptsInput"])
def test_inputs(kind: str) -> None:
    assert see(f"return (await fetch({INPUTS[kind]})).status").value == 200


def test_the_method_is_upper_cased() -> None:
    assert VECTORS["methodUpperCased"] is True
    assert [got.method for got in see("await fetch(url, { method: 'put' })").requests] == ["PUT"]
