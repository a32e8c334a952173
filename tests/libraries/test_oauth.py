"""`OAuth`: signed requests of OAuth 1 and tokens of OAuth 2, the signature recomputed here (RFC 5849)."""

from __future__ import annotations

import base64
import hmac
import re
import urllib.parse

from tests.libraries.harness import reply, use


def escape(text: str) -> str:
    return urllib.parse.quote(text, safe="-._~")


def test_a_signed_request() -> None:
    code = """
        const oauth = new OAuth.OAuth('https://a.example/request', 'https://a.example/access', 'key', 'secret', '1.0',
          null, 'HMAC-SHA1')
        return await new Promise((resolve) => oauth.post('https://a.example/1/update.json?x=1', 'token', 'hush',
          { status: 'héllo wörld!' }, (error, data, response) => resolve([error, data, response.statusCode])))
        """
    conversation = use(code, reply("fine"))
    (asked,) = conversation.asked

    assert conversation.value == [None, "fine", 200]
    assert (asked.message["method"], asked.message["url"]) == ("POST", "https://a.example/1/update.json?x=1")
    assert asked.body is not None
    given = dict(re.findall(r'(oauth_\w+)="([^"]*)"', asked.headers["Authorization"]))
    signature = urllib.parse.unquote(given.pop("oauth_signature"))
    pairs = [(name, urllib.parse.unquote(text)) for name, text in given.items()]
    pairs += [("x", "1"), *urllib.parse.parse_qsl(asked.body.decode())]
    joined = "&".join(sorted(f"{escape(name)}={escape(text)}" for name, text in pairs))
    base = "&".join(map(escape, ("POST", "https://a.example/1/update.json", joined)))
    assert dict(pairs)["status"] == "héllo wörld!"
    assert signature == base64.b64encode(hmac.digest(b"secret&hush", base.encode(), "sha1")).decode()


def test_a_token_of_oauth_2() -> None:
    code = """
        const client = new OAuth.OAuth2('id', 'secret', 'https://a.example/', 'authorize', 'token')
        return await new Promise((resolve) => client.getOAuthAccessToken('code', { grant_type: 'authorization_code' },
          (error, access, refresh) => resolve([error, access, refresh])))
        """
    conversation = use(code, reply({"access_token": "A", "refresh_token": "R"}))
    (asked,) = conversation.asked

    assert conversation.value == [None, "A", "R"]
    assert asked.message["url"] == "https://a.example/token"
    assert asked.body is not None
    assert dict(urllib.parse.parse_qsl(asked.body.decode())) == {
        "grant_type": "authorization_code",
        "client_id": "id",
        "client_secret": "secret",
        "code": "code",
    }
