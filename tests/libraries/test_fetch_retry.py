"""`fetchretrylib.fetchretry`: a `fetch` that asks again."""

from __future__ import annotations

from tests.libraries.harness import reply, use


def test_it_asks_again() -> None:
    code = """
        const patient = fetchretrylib.fetchretry(fetch, { retries: 3, retryDelay: 1, retryOn: [503] })
        const response = await patient('https://a.example/x', { method: 'POST', body: 'b' })
        return [response.status, await response.text()]
        """
    conversation = use(code, reply("", 503), reply("", 503), reply("done"))

    assert conversation.value == [200, "done"]
    assert [(asked.message["method"], asked.body) for asked in conversation.asked] == [("POST", b"b")] * 3
