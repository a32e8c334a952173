"""`http` and `https` over the host's answers: what is asked, and what functions are given."""

from __future__ import annotations

import pytest

from tests.guest.network import Reply, converse

HTTPS = """
    const read = (response) => new Promise((done, fail) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => (text += chunk)).on('end', () => done(text)).on('error', fail)
    })
    """


def test_https_request() -> None:
    code = f"""{HTTPS}
        const response = await new Promise((done, fail) => {{
          const request = https.request({{ hostname: 'h.example', port: 8443, path: '/p?q', method: 'post', auth: 'u:p',
            headers: {{ 'X-A': ['1', '2'], 'content-type': 'a/b' }} }}, done)
          request.on('error', fail)
          request.setHeader('X-B', 3)
          request.write('one ')
          request.end(Buffer.from('two'))
        }})
        return [response.statusCode, response.statusMessage, response.headers, response.rawHeaders, await read(response)]
        """
    headers = (("X", "1"), ("Set-Cookie", "a"))
    conversation = converse(code, Reply(301, headers, "né".encode(), status_text="Moved Permanently"))

    assert conversation.value == [
        301,
        "Moved Permanently",
        {"x": "1", "set-cookie": ["a"]},
        ["X", "1", "Set-Cookie", "a"],
        "né",
    ]
    (asked,) = conversation.asked
    assert asked.body == b"one two"
    assert asked.message == {
        "method": "POST",
        "url": "https://h.example:8443/p?q",
        "headers": [
            ["X-A", "1"],
            ["X-A", "2"],
            ["content-type", "a/b"],
            ["Authorization", "Basic dTpw"],
            ["X-B", "3"],
            ["Content-Length", "7"],
        ],
        "redirect": "manual",
        "follow": 0,
        "timeout": 0,
        "compress": False,
        "size": 0,
    }


def test_https_get_by_url() -> None:
    code = f"""{HTTPS}
        return Promise.all(['https://h/a', new URL('http://u:p@h:81/b?c#d')].map((url) =>
          new Promise((done) => https.get(url, {{ headers: {{ a: '1' }} }}, async (r) => done(await read(r))))))
        """
    conversation = converse(code, Reply(body=b"1"), Reply(body=b"2"))

    assert conversation.value == ["1", "2"]
    assert [asked.message["url"] for asked in conversation.asked] == ["https://h/a", "http://h:81/b?c"]
    assert conversation.asked[1].headers == {"a": "1", "Authorization": "Basic dTpw"}


@pytest.mark.parametrize(
    ("call", "url"),
    [
        ("http.get('http://h/a', take)", "http://h/a"),
        ("http.get({ hostname: 'h', path: '/a' }, take)", "http://h/a"),
        ("http.get({ host: 'h', port: 8080 }, take)", "http://h:8080/"),
        ("http.get({ host: 'h', port: 80 }, take)", "http://h/"),
        ("https.get({ host: 'h', port: 443 }, take)", "https://h/"),
        ("http.request({ host: 'h', method: 'GET' }, take).end()", "http://h/"),
        ("http.get({ host: 'h', agent: new https.Agent({ keepAlive: true }) }, take)", "https://h/"),
        ("https.get({ host: 'h', agent: new http.Agent({ keepAlive: true }) }, take)", "http://h/"),
        ("https.get('https://h/', { agent: https.globalAgent }, take)", "https://h/"),
        ("http.get('http://h/', { agent: false }, take)", "http://h/"),
        ("http.get(new URL('https://h/'), take)", "https://h/"),
        ("https.get({ protocol: 'http:', host: 'h' }, take)", "http://h/"),
        ("new http.ClientRequest({ host: 'h', callback: take }).end()", "http://h/"),
    ],
)
def test_http_and_https_take_each_other(call: str, url: str) -> None:
    code = f"return new Promise((done) => {{ const take = (response) => done(response.statusCode); {call} }})"
    conversation = converse(code, Reply(204))

    assert conversation.value == 204
    assert [asked.message["url"] for asked in conversation.asked] == [url]


@pytest.mark.parametrize(
    ("params", "url"),
    [
        ("'https://h/a'", "https://h/a"),
        ("{ host: 'h', path: '/a' }", "http://h/a"),
        ("{ host: 'h', path: '/a', protocol: 'https:' }", "https://h/a"),
    ],
)
def test_a_form_submits_itself(params: str, url: str) -> None:
    code = f"""
        const form = new FormData()
        form.append('name', 'value')
        return new Promise((done, fail) => form.submit({params}, (error, response) => error ? fail(error) : done(response.statusCode)))
        """
    conversation = converse(code, Reply(201))

    assert conversation.value == 201
    (asked,) = conversation.asked
    assert (asked.message["method"], asked.message["url"]) == ("POST", url)
    assert asked.headers["Content-Length"] == str(len(asked.body or b""))
    assert b'name="name"\r\n\r\nvalue\r\n' in (asked.body or b"")


def test_http_has_what_clients_ask_of_it() -> None:
    code = """
        const names = ['request', 'get', 'Agent', 'ClientRequest', 'IncomingMessage']
        let refused
        try { http.request('ftp://h/') } catch (error) { refused = error.message }
        return [names.map((name) => typeof http[name]), http.STATUS_CODES[404], http.METHODS.length, http.METHODS.includes('PATCH'),
          new https.Agent() instanceof http.Agent, http.Agent.name, https.Agent.name, refused,
          [http, https].map(({ globalAgent }) => [globalAgent.protocol, globalAgent.defaultPort])]
        """

    assert converse(code).value == [
        *(["function"] * 5, "Not Found", 34, True, True, "Agent", "Agent"),
        'Protocol "ftp:" not supported. Expected "http:"',
        [["http:", 80], ["https:", 443]],
    ]


def test_https_sends_when_the_socket_is_there() -> None:
    """As stripe's library does, and others that want to be told of a connection."""
    code = """
        return new Promise((done) => {
          const request = https.request('https://h/', { method: 'POST' }, (r) => done([r.statusCode, r.socket === request.socket]))
          request.once('socket', (socket) => {
            if (socket.connecting) return done('not connected')
            request.write('data')
            request.end()
          })
        })
        """
    conversation = converse(code, Reply(201))

    assert conversation.value == [201, True]
    assert conversation.asked[0].body == b"data"


def test_https_failures_are_events() -> None:
    code = """
        const failed = (request) => new Promise((done) => request.on('error', (e) => done([e.name, e.code, e.message])))
        const destroyed = https.get('https://h/')
        const timed = https.request('https://h/', { timeout: 5 }).on('timeout', () => timed.destroy())
        timed.end()
        let refused
        try { https.request('ftp://h/') } catch (error) { refused = [error.name, error.code] }
        const gone = failed(destroyed)
        destroyed.destroy()
        return [await failed(https.get('https://h/')), await gone, await failed(timed), refused]
        """
    failure = {
        "name": "FetchError",
        "type": "system",
        "code": "ECONNREFUSED",
        "message": "request to https://h/ failed, reason: connect ECONNREFUSED 1.2.3.4:443",
    }

    assert converse(code, Reply(hangs=True), Reply(failure=failure)).value == [
        ["Error", "ECONNREFUSED", "connect ECONNREFUSED 1.2.3.4:443"],
        ["Error", "ECONNRESET", "socket hang up"],
        ["Error", "ECONNRESET", "socket hang up"],
        ["TypeError", "ERR_INVALID_PROTOCOL"],
    ]
