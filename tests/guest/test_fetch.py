"""`fetch` over the host's answers: what is asked, and what functions are given (SPEC 4.4)."""

from __future__ import annotations

from typing import Any

import pytest

from headgate_runtime import Cause
from tests.guest.network import Reply, converse

DEFAULT_HEADERS = {
    "Accept": "*/*",
    "User-Agent": "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
    "Accept-Encoding": "gzip,deflate",
    "Connection": "close",
}

CAUGHT = ".catch((e) => [e.name, e.type, e.code, e.errno, e.message])"


def test_the_least_request() -> None:
    conversation = converse("return (await fetch('http://x.example')).status", Reply(204))

    assert conversation.value == 204
    (asked,) = conversation.asked
    assert asked.body is None
    assert asked.message == {
        "method": "GET",
        "url": "http://x.example/",
        "headers": [[name, value] for name, value in DEFAULT_HEADERS.items()],
        "redirect": "follow",
        "follow": 20,
        "timeout": 0,
        "compress": True,
        "size": 0,
    }


def test_every_option() -> None:
    code = """
        await fetch(new URL('https://x.example:8443/p?q=1#part'), { method: 'patch', headers: [['X-A', '1'], ['x-a', '2'],
          ['accept', 'a/b'], ['User-Agent', 'me']], body: 'é', redirect: 'manual', follow: 3, timeout: 50, compress: false,
          size: 9, agent: {}, unknown: 1 })
        """
    (asked,) = converse(code, Reply()).asked

    assert asked.body == "é".encode()
    assert asked.message == {
        "method": "PATCH",
        "url": "https://x.example:8443/p?q=1",
        "headers": [
            ["X-A", "1"],
            ["X-A", "2"],
            ["accept", "a/b"],
            ["User-Agent", "me"],
            ["Content-Type", "text/plain;charset=UTF-8"],
            ["Content-Length", "2"],
        ],
        "redirect": "manual",
        "follow": 3,
        "timeout": 50,
        "compress": False,
        "size": 9,
    }


def test_a_request_as_input() -> None:
    code = """
        const request = new Request('http://x/', { method: 'POST', body: 'a', headers: { one: '1' }, timeout: 7 })
        await fetch(request, { headers: { two: '2' } })
        """
    (asked,) = converse(code, Reply()).asked

    assert (asked.message["method"], asked.message["timeout"], asked.body) == ("POST", 7, b"a")
    # Headers given anew replace all; the body of a Request is bytes and says no type, as in node-fetch.
    assert asked.headers == DEFAULT_HEADERS | {"two": "2", "Content-Length": "1"}


def test_credentials_in_the_url_become_a_header() -> None:
    code = "return (await fetch('http://us%20er:p%40ss@x/')).url"
    conversation = converse(code, Reply())

    assert conversation.asked[0].message["url"] == "http://x/"
    assert conversation.asked[0].headers["Authorization"] == "Basic dXMgZXI6cEBzcw=="
    assert conversation.value == "http://us%20er:p%40ss@x/"


@pytest.mark.parametrize(
    ("body", "content_type", "sent"),
    [
        ("'text'", "text/plain;charset=UTF-8", b"text"),
        ("{ a: 1 }", "text/plain;charset=UTF-8", b"[object Object]"),
        ("12", "text/plain;charset=UTF-8", b"12"),
        (
            "new URLSearchParams({ a: '1 2' })",
            "application/x-www-form-urlencoded;charset=UTF-8",
            b"a=1+2",
        ),
        ("Buffer.from([1, 2])", None, b"\1\2"),
        ("Uint8Array.of(1, 2, 3).subarray(1)", None, b"\2\3"),
        ("Uint16Array.of(1).buffer", None, b"\1\0"),
        ("new Blob(['b'], { type: 'x/y' })", "x/y", b"b"),
        ("new Blob(['stream']).stream()", None, b"stream"),
    ],
)
def test_bodies(body: str, content_type: str | None, sent: bytes) -> None:
    (asked,) = converse(f"await fetch('http://x/', {{ method: 'POST', body: {body} }})", Reply()).asked

    assert asked.body == sent
    assert asked.headers.get("Content-Type") == content_type
    assert asked.headers["Content-Length"] == str(len(sent))


@pytest.mark.parametrize(("method", "length"), [("POST", "0"), ("PUT", "0"), ("DELETE", None), ("GET", None)])
def test_no_body(method: str, length: str | None) -> None:
    (asked,) = converse(f"await fetch('http://x/', {{ method: '{method}', body: null }})", Reply()).asked

    assert asked.body is None
    assert asked.headers.get("Content-Length") == length


def test_form_data() -> None:
    code = """
        const form = new FormData()
        form.append('field', 'value')
        form.append('file', Buffer.from('data'), { filename: 'a.json' })
        await fetch('http://x/', { method: 'POST', body: form })
        return form.getBoundary()
        """
    conversation = converse(code, Reply())
    boundary = conversation.value

    assert conversation.asked[0].headers["Content-Type"] == f"multipart/form-data;boundary={boundary}"
    assert (
        conversation.asked[0].body
        == (
            f'--{boundary}\r\nContent-Disposition: form-data; name="field"\r\n\r\nvalue\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.json"\r\n'
            f"Content-Type: application/json\r\n\r\ndata\r\n--{boundary}--\r\n"
        ).encode()
    )


def test_a_response() -> None:
    code = """
        const r = await fetch('http://x/#h')
        const c = r.clone()
        const present = ['ok', 'status', 'statusText', 'url', 'redirected', 'headers', 'body', 'bodyUsed', 'json', 'text',
          'buffer', 'arrayBuffer', 'blob', 'textConverted', 'clone'].filter((name) => !(name in r))
        return [r.ok, r.status, r.statusText, r.url, r.redirected, r.headers.get('CONTENT-TYPE'), r.headers.raw(),
          await r.json(), c.bodyUsed, await c.text(), r instanceof Response, r instanceof fetch.Response, present,
          'formData' in r, typeof r.body.getReader]
        """
    headers = (
        ("Content-Type", "application/json"),
        ("Set-Cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("X", "1"),
        ("x", "2"),
    )
    reply = Reply(503, headers, b'{"a":1}', status_text="Service Unavailable")

    assert converse(code, reply).value == [
        False,
        503,
        "Service Unavailable",
        "http://x/#h",
        False,
        "application/json",
        {"content-type": ["application/json"], "set-cookie": ["a=1", "b=2"], "x": ["1, 2"]},
        {"a": 1},
        False,
        '{"a":1}',
        True,
        True,
        [],
        False,
        "undefined",
    ]


def test_a_redirected_response() -> None:
    code = "const r = await fetch('http://x/'); return [r.url, r.redirected, r.clone().redirected]"

    assert converse(code, Reply(redirected=True, url="http://y/z")).value == ["http://y/z", True, True]


def test_a_manual_redirect_has_an_absolute_location() -> None:
    code = """
        const r = await fetch('http://x/a/b', { redirect: 'manual' })
        return [r.status, r.headers.get('location'), r.redirected, r.ok]
        """

    assert converse(code, Reply(302, (("Location", "../c?d"),))).value == [302, "http://x/c?d", False, False]


@pytest.mark.parametrize(
    "reading",
    [
        "const parts = []; for await (const part of r.body) parts.push(part); return Buffer.concat(parts).toString()",
        "return new Promise((done) => { let t = ''; r.body.setEncoding('utf8'); r.body.on('data', (c) => t += c).on('end', () => done(t)) })",
        "return new Promise((done) => { r.body.on('readable', () => { const c = r.body.read(); if (c) done(String(c)) }) })",
        (
            "const out = []; return new Promise((done) => r.body.pipe({ write: (c) => out.push(c), end: () => done(String(Buffer.concat(out))), "
            "on() {}, once() {}, emit() {} }))"
        ),
        "r.body; return r.text()",
    ],
)
def test_the_body_as_a_stream(reading: str) -> None:
    assert converse(f"const r = await fetch('http://x/'); {reading}", Reply(body="né".encode())).value == "né"


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("/path", "", "Only absolute URLs are supported"),
        ("", "", "Only absolute URLs are supported"),
        ("ftp://x/", "", "Only HTTP(S) protocols are supported"),
        ("file:///etc/passwd", "", "Only absolute URLs are supported"),
        ("http://x/", "{ body: 'x' }", "Request with GET/HEAD method cannot have body"),
        ("http://x/", "{ method: 'head', body: '' }", "Request with GET/HEAD method cannot have body"),
        ("http://x/", "{ headers: { 'a b': '1' } }", "a b is not a legal HTTP header name"),
        ("http://x:99999/", "", "Invalid URL"),
        ("http://[::1/", "", "Invalid URL"),
    ],
)
def test_what_is_refused_before_anything_is_asked(url: str, options: str, message: str) -> None:
    conversation = converse(f"return fetch('{url}', {options or '{}'}).catch((e) => [e.name, e.message])")

    assert conversation.value == ["TypeError", message]
    assert conversation.asked == []


@pytest.mark.parametrize(
    ("failure", "caught"),
    [
        (
            {
                "name": "FetchError",
                "type": "system",
                "code": "ECONNREFUSED",
                "message": "request to http://x/ failed, reason: connect ECONNREFUSED 127.0.0.1:80",
            },
            [
                "FetchError",
                "system",
                "ECONNREFUSED",
                "ECONNREFUSED",
                "request to http://x/ failed, reason: connect ECONNREFUSED 127.0.0.1:80",
            ],
        ),
        (
            {"name": "FetchError", "type": "request-timeout", "message": "network timeout at: http://x/"},
            ["FetchError", "request-timeout", None, None, "network timeout at: http://x/"],
        ),
        (
            {
                "name": "FetchError",
                "type": "max-redirect",
                "message": "maximum redirect reached at: http://y/",
            },
            ["FetchError", "max-redirect", None, None, "maximum redirect reached at: http://y/"],
        ),
        (
            {
                "name": "FetchError",
                "type": "no-redirect",
                "message": "redirect mode is set to error: http://x/",
            },
            ["FetchError", "no-redirect", None, None, "redirect mode is set to error: http://x/"],
        ),
        (
            {"name": "AbortError", "type": "aborted", "message": "The user aborted a request."},
            ["AbortError", "aborted", None, None, "The user aborted a request."],
        ),
        (
            {"name": "TypeError", "code": "ERR_INVALID_URL", "message": "Invalid URL"},
            ["TypeError", None, "ERR_INVALID_URL", None, "Invalid URL"],
        ),
    ],
)
def test_failures(failure: dict[str, Any], caught: list[Any]) -> None:
    assert converse(f"return fetch('http://x/'){CAUGHT}", Reply(failure=failure)).value == caught


def test_an_escaped_fetch_error_is_a_bad_request() -> None:
    failure = {
        "name": "FetchError",
        "type": "system",
        "code": "ENOTFOUND",
        "message": "request to http://x/ failed",
    }
    outcome = converse("await fetch('http://x/')", Reply(failure=failure)).outcome

    assert outcome.cause is Cause.BAD_REQUEST
    assert "request to http://x/ failed" in str(outcome)


def test_a_body_over_size_and_one_cut_short() -> None:
    code = f"""
        const over = await fetch('http://x/', {{ size: 3 }})
        const exact = await fetch('http://x/', {{ size: 4 }})
        const cut = await fetch('http://x/')
        const streamed = await fetch('http://x/')
        let emitted
        streamed.body.on('error', (error) => emitted = error.message)
        return [over.status, await over.text(){CAUGHT}, await exact.text(), await cut.json(){CAUGHT},
          await streamed.text().catch((e) => e.message), emitted]
        """
    error = {"name": "FetchError", "type": "system", "code": "ECONNRESET", "message": "Invalid response body"}
    reply = Reply(body=b"four")

    assert converse(
        code, reply, reply, reply._replace(body_error=error), reply._replace(body_error=error)
    ).value == [
        200,
        ["FetchError", "max-size", None, None, "content size at http://x/ over limit: 3"],
        "four",
        ["FetchError", "system", "ECONNRESET", "ECONNRESET", "Invalid response body"],
        "Invalid response body",
        "Invalid response body",
    ]


def test_an_abort_reaches_the_host() -> None:
    code = f"""
        const controller = new AbortController()
        const pending = fetch('http://x/', {{ signal: controller.signal }}){CAUGHT}
        await Promise.resolve()
        controller.abort()
        return pending
        """
    conversation = converse(code, Reply(hangs=True))

    assert conversation.value == ["AbortError", "aborted", None, None, "The user aborted a request."]


def test_aborted_before_and_after() -> None:
    code = f"""
        const controller = new AbortController()
        const response = await fetch('http://x/', {{ signal: controller.signal }})
        controller.abort()
        return [await response.text(), await fetch('http://x/', {{ signal: controller.signal }}){CAUGHT},
          await fetch('http://x/', {{ signal: AbortSignal.abort() }}){CAUGHT}]
        """
    conversation = converse(code, Reply(body=b"done"))

    aborted = ["AbortError", "aborted", None, None, "The user aborted a request."]
    assert conversation.value == ["done", aborted, aborted]
    assert len(conversation.asked) == 1


def test_a_time_limit_by_signal() -> None:
    code = f"return fetch('http://x/', {{ signal: AbortSignal.timeout(5) }}){CAUGHT}"
    conversation = converse(code, Reply(hangs=True))

    assert conversation.value[0] == "AbortError"
    assert [asked.message.get("op") for asked in conversation.asked][:1] == [None]


def test_many_at_once_and_one_too_many() -> None:
    code = """
        const all = await Promise.allSettled(Array.from({ length: 12 }, (_, i) => fetch(`http://x/${i}`)))
        return all.map(({ status, reason }) => reason ? [reason.name, reason.type] : status)
        """
    conversation = converse(code, *[Reply()] * 10, operations=10)

    assert conversation.value == ["fulfilled"] * 10 + [["FetchError", "system"]] * 2
    assert [asked.message["url"] for asked in conversation.asked] == [f"http://x/{i}" for i in range(10)]


def test_a_clone_has_bytes_of_its_own() -> None:
    code = """
        const response = await fetch('http://x/')
        const copy = response.clone()
        const bytes = await response.buffer()
        bytes[0] = 88
        return [String(bytes), await copy.text()]
        """

    assert converse(code, Reply(body=b"abc")).value == ["Xbc", "abc"]


def test_answers_go_to_who_asked() -> None:
    code = """
        const texts = await Promise.all([1, 2, 3].map(async (n) => (await fetch(`http://x/${n}`)).text()))
        return texts
        """

    assert converse(code, *(Reply(body=b"%d" % n) for n in (1, 2, 3))).value == ["1", "2", "3"]


def test_hermetic_functions_fetch_too() -> None:
    assert (
        converse("return (await fetch('http://x/')).text()", Reply(body=b"b"), isolation="hermetic").value
        == "b"
    )


def test_the_host_is_out_of_reach() -> None:
    """Nothing that user code can patch is handed the prelude's native functions."""
    code = """
        const seen = []
        const { apply, ownKeys, getOwnPropertyDescriptor, defineProperty, getPrototypeOf } = Reflect
        let isWatching = false
        const see = (value) => {
          if (value !== null && (typeof value === 'object' || typeof value === 'function')) seen[seen.length] = value
        }
        const watch = (owner) => {
          for (const key of ownKeys(owner)) {
            const property = getOwnPropertyDescriptor(owner, key)
            if (!property.configurable || key === 'constructor') continue
            for (const part of ['value', 'get', 'set']) {
              const original = property[part]
              if (typeof original !== 'function' || original.prototype !== undefined) continue
              property[part] = function (...args) {
                if (isWatching) {
                  isWatching = false
                  see(this)
                  for (let i = 0; i < args.length; i++) see(args[i])
                  isWatching = true
                }
                return apply(original, this, args)
              }
            }
            defineProperty(owner, key, property)
          }
        }
        const TypedArray = getPrototypeOf(Uint8Array)
        const owners = [Object, Array, String, Number, Function, Promise, Map, Set, WeakMap, RegExp, Error, ArrayBuffer, DataView,
          TypedArray, Uint8Array, Symbol, Buffer, URL, URLSearchParams, Headers, Request, Response, Blob, TextDecoder, TextEncoder,
          FormData, AbortSignal, EventTarget].flatMap((Class) => [Class, Class.prototype])
        owners.push(JSON, Reflect, Math, http, https, getPrototypeOf([][Symbol.iterator]()), getPrototypeOf(new Map().keys()),
          getPrototypeOf(FormData.prototype), getPrototypeOf(getPrototypeOf(FormData.prototype)))
        for (const name of ['utf8Encode', 'file', 'parse', 'formParse']) {
          defineProperty(Object.prototype, name, { configurable: true, get() { see(this) }, set(value) { see(this); see(value) } })
        }
        owners.forEach(watch)
        isWatching = true
        const response = await fetch(new URL('http://x/é'), { method: 'POST', body: new URLSearchParams({ a: 1 }), signal: new AbortController().signal })
        for await (const part of response.clone().body) String(part)
        await response.json().catch(() => 0)
        const form = new FormData()
        form.append('a', new Blob(['b']))
        await fetch('http://x/', { method: 'POST', body: form })
        await new Promise((done) => https.get('https://x/', (r) => r.on('data', () => 0).on('end', done)))
        for (const name of ['utf8', 'hex', 'base64', 'latin1', 'ucs2', 'ascii']) Buffer.from(Buffer.from('é').toString(name), name).indexOf('é', name)
        Buffer.alloc(9, 'ab').writeDoubleLE(1)
        new TextDecoder('utf-8', { fatal: true }).decode(new TextEncoder().encode('é'))
        new TextDecoder('latin1').decode(Uint8Array.of(200))
        const url = new URL('../q?a=b', 'http://u:p@é/x')
        url.searchParams.append('c', 'd')
        url.hash = 'h'
        try { new URL('/') } catch {}
        isWatching = false
        const natives = ['utf8Encode', 'utf8Decode', 'base64Encode', 'base64Decode', 'hexEncode', 'hexDecode', 'latin1', 'file',
          'formParse', 'formSerialize', 'promiseState', 'className']
        const has = (value, name) => getOwnPropertyDescriptor(value, name)?.value
        const caught = seen.filter((value) => typeof has(value, 'utf8Encode') === 'function' || typeof has(value, 'formParse') === 'function' ||
          (typeof value === 'function' && natives.includes(has(value, 'name')) && has(value, 'prototype') === undefined))
        return [seen.length > 100, caught.map((value) => has(value, 'name') ?? typeof value)]
        """

    conversation = converse(code, *[Reply(body=b"x")] * 3)

    assert conversation.value == [True, []], conversation.outcome


@pytest.mark.parametrize(
    "options",
    [
        "{ get body() { throw new RangeError('mine') } }",
        "{ headers: { get a() { throw new RangeError('mine') } } }",
        "{ method: { toString() { throw new RangeError('mine') } } }",
        "new Proxy({}, { get() { throw new RangeError('mine') } })",
        "{ method: 'POST', body: { toString() { throw new RangeError('mine') } } }",
        "{ method: 'POST', body: new Proxy({}, { getPrototypeOf() { throw new RangeError('mine') }, get() { throw new RangeError('mine') } }) }",
    ],
)
def test_what_options_throw_is_what_fetch_rejects_with(options: str) -> None:
    conversation = converse(f"return fetch('http://x/', {options}).catch((e) => [e.name, e.message])")

    assert conversation.value == ["RangeError", "mine"]
    assert conversation.asked == []
