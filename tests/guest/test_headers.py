"""`Headers` as node-fetch 2.6.0 has it."""

from __future__ import annotations

import json

import pytest

from tests.guest.evaluate import Evaluate
from tests.guest.network import Reply, converse
from tests.guest.web_vectors import VECTORS, differences


def test_every_recorded_expression_gives_what_node_fetch_gives(evaluate: Evaluate) -> None:
    assert len(VECTORS["headers"]) > 25
    assert differences(evaluate, "headers") == {}


def test_set_cookie(evaluate: Evaluate) -> None:
    code = """
        const headers = new Headers([['Set-Cookie', 'a=1, b'], ['set-cookie', 'c=2']])
        return [headers.getSetCookie(), headers.get('set-cookie'), new Headers().getSetCookie()]
        """

    assert evaluate(code).value == [["a=1, b", "c=2"], "a=1, b, c=2", []]


@pytest.mark.parametrize("text", ["a\r\nb", "a\nb", "a\rb", "a\0b", "\u0100", "a\x7fb"])
def test_no_value_can_carry_another_header(evaluate: Evaluate, text: str) -> None:
    code = f"""
        const seen = []
        for (const attempt of [(h, v) => h.set('x', v), (h, v) => h.append('x', v), (h, v) => new Headers({{ x: v }})]) {{
          try {{ attempt(new Headers(), {json.dumps(text)}); seen.push('accepted') }} catch (error) {{ seen.push(error.name) }}
        }}
        return seen
        """

    assert evaluate(code).value == ["TypeError"] * 3


def test_a_replaced_exec_lets_nothing_through(evaluate: Evaluate) -> None:
    code = """
        RegExp.prototype.exec = RegExp.prototype.test = () => null
        try { new Headers({ x: 'a\\r\\nb' }) } catch (error) { return error.name }
        """

    assert evaluate(code).value == "TypeError"


def test_names_from_the_network_are_only_names() -> None:
    headers = (
        ("__proto__", "1"),
        ("constructor", "2"),
        ("X-A", "3"),
        ("x-a", "4"),
        ("Content-Type", "5"),
        ("content-type", "6"),
    )
    code = "const r = await fetch('http://x/'); return [[...r.headers], ({}).a === undefined]"

    assert converse(code, Reply(headers=headers)).value == [
        [["__proto__", "1"], ["constructor", "2"], ["content-type", "5"], ["x-a", "3, 4"]],
        True,
    ]


def test_received_headers_outside_of_the_grammar_are_dropped() -> None:
    headers = (("a b", "1"), ("ok", "caf\xe9"), ("bad", "x\ny"))
    conversation = converse("return (await fetch('http://x/')).headers.raw()", Reply(headers=headers))

    assert conversation.value == {"ok": ["caf\xe9"]}
