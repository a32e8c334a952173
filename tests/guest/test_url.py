"""`URL` and `URLSearchParams` by the URL standard: the Web Platform Tests, and what they leave out."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.guest.evaluate import Evaluate
from tests.guest.network import converse
from tests.guest.web_platform_tests import chosen

PARTS = [
    "href",
    "origin",
    "protocol",
    "username",
    "password",
    "host",
    "hostname",
    "port",
    "pathname",
    "search",
    "hash",
]


def test_web_platform_tests_of_the_constructor(evaluate: Evaluate) -> None:
    data, _ = chosen("urltestdata.json")
    code = f"""
        const wrong = []
        for (const {{ input, base, failure, ...expected }} of {json.dumps(data)}) {{
          let url
          try {{ url = new URL(input, base ?? undefined) }} catch (error) {{
            if (!failure || error.code !== 'ERR_INVALID_URL' || !(error instanceof TypeError)) wrong.push([input, base, String(error)])
            if (URL.canParse(input, base ?? undefined)) wrong.push([input, base, 'canParse'])
            continue
          }}
          if (failure) wrong.push([input, base, url.href])
          else for (const part of {json.dumps(PARTS)}) {{
            if (part in expected && url[part] !== expected[part]) wrong.push([input, base, part, url[part], expected[part]])
          }}
          if ('searchParams' in expected && String(url.searchParams) !== expected.searchParams) wrong.push([input, base])
        }}
        return wrong
        """

    assert len(data) > 750
    assert evaluate(code).value == []


def test_web_platform_tests_of_the_setters(evaluate: Evaluate) -> None:
    data = [
        [case["part"], case["href"], case["new_value"], case["expected"]]
        for case in chosen("setters_tests.json")[0]
    ]
    code = f"""
        const wrong = []
        for (const [part, href, value, expected] of {json.dumps(data)}) {{
          const url = new URL(href)
          const params = url.searchParams
          url[part] = value
          for (const name in expected) if (url[name] !== expected[name]) wrong.push([part, href, value, name, url[name]])
          if (String(params) !== String(new URLSearchParams(url.search))) wrong.push([part, href, value, String(params)])
        }}
        return wrong
        """

    assert len(data) > 230
    assert evaluate(code).value == []


@pytest.mark.parametrize(("name", "least"), [("toascii.json", 30), ("IdnaTestV2.json", 1750)])
def test_web_platform_tests_of_international_hosts(evaluate: Evaluate, name: str, least: int) -> None:
    data = [[case["input"], case["output"]] for case in chosen(name)[0]]
    code = f"""
        const wrong = []
        for (const [input, output] of {json.dumps(data)}) {{
          let host = null
          try {{ host = new URL(`https://${{input}}/x`).host }} catch {{}}
          // Since 2023 a host that is all ASCII is taken as it is.
          const isPlain = output === null && /^[\\0-\\x7f]*$/.test(input) && host === input.toLowerCase()
          if (host !== output && !isPlain) wrong.push([input, host, output])
        }}
        return wrong
        """

    assert len(data) > least
    assert evaluate(code).value == []


def test_what_node_adds_to_an_invalid_url(evaluate: Evaluate) -> None:
    code = "try { new URL('/x', 'y') } catch (e) { return [e.name, e.code, e.message, e.input, e.base] }"

    assert evaluate(code).value == ["TypeError", "ERR_INVALID_URL", "Invalid URL", "/x", "y"]


def test_parameters_and_url_follow_each_other(evaluate: Evaluate) -> None:
    code = """
        const url = new URL('http://x/?a=1&b=2&a=3#h')
        const params = url.searchParams
        const seen = [params === url.searchParams, params.getAll('a'), params.size]
        params.append('c d', 'é&')
        params.delete('a', '1')
        seen.push(url.href)
        url.search = '?z=9'
        seen.push([...params])
        url.href = 'http://y/?q=1'
        seen.push([...params])
        params.delete('q')
        seen.push(url.href, JSON.stringify({ url }))
        return seen
        """

    assert evaluate(code).value == [
        True,
        ["1", "3"],
        3,
        "http://x/?b=2&a=3&c+d=%C3%A9%26#h",
        [["z", "9"]],
        [["q", "1"]],
        "http://y/",
        '{"url":"http://y/"}',
    ]


def test_search_params_of_every_kind_of_argument(evaluate: Evaluate) -> None:
    code = """
        const inputs = ['?a=1', 'a=%zz&b', { b: 2, a: [1, 2] }, [['x', 'y'], ['x', 'z']], new Map([['k', 'v']]),
          new URLSearchParams('p=q'), undefined, null, '', '??a', 5, '\\ud800=1']
        return inputs.map((input) => String(new URLSearchParams(input)))
        """

    assert evaluate(code).value == [
        "a=1",
        "a=%25zz&b=",
        "b=2&a=1%2C2",
        "x=y&x=z",
        "k=v",
        "p=q",
        "",
        "",
        "",
        "%3Fa=",
        "5=",
        "%EF%BF%BD=1",
    ]


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ("{ [Symbol.iterator]: 1 }", "ERR_ARG_NOT_ITERABLE"),
        ("[1]", "ERR_INVALID_TUPLE"),
        ("[['a']]", "ERR_INVALID_TUPLE"),
        ("[['a', 'b', 'c']]", "ERR_INVALID_TUPLE"),
    ],
)
def test_search_params_refuse(evaluate: Evaluate, argument: str, code: str) -> None:
    snippet = f"try {{ new URLSearchParams({argument}) }} catch (e) {{ return [e.name, e.code] }}"

    assert evaluate(snippet).value == ["TypeError", code]


def test_search_params_are_live_and_sorted_by_code_units(evaluate: Evaluate) -> None:
    code = """
        const params = new URLSearchParams('z=1&\\u{1f600}=2&\\uffff=3&z=0&a=4')
        params.sort()
        const keys = [...params.keys()]
        const seen = []
        for (const [name] of params) { seen.push(name); if (seen.length === 1) params.append('late', '') }
        return [keys, seen.length, Object.prototype.toString.call(params.keys()), params.has('z', '0'), params.has('z', '9')]
        """

    assert evaluate(code).value == [
        ["a", "z", "z", "\U0001f600", "\uffff"],
        6,
        "[object URLSearchParams Iterator]",
        True,
        False,
    ]


@pytest.mark.parametrize(
    "code",
    [
        "new URLSearchParams('a=b&'.repeat(2e6))",
        "new URLSearchParams('é'.repeat(8e6))",
        "String(new URLSearchParams({ a: '/'.repeat(1e7) }))",
        "new URL('http://x/' + 'é'.repeat(6e6))",
        "new URL('x'.repeat(1e7), 'http://x/')",
        "new URL('http://x/').hash = ' '.repeat(1e7)",
        "for (const all = []; ; ) all.push(new URL('http://x/?' + all.length).searchParams)",
    ],
)
def test_exhausted_memory_is_told_as_such(code: str) -> None:
    outcome = converse(code, memory_bytes=32 << 20).outcome

    assert "out of memory" in (outcome.message or "")


def test_inspection(evaluate: Evaluate) -> None:
    lines = evaluate(
        "console.log(new URLSearchParams('a=1&b=2')); console.log(new URL('http://x/?a=1'))"
    ).lines

    assert lines[0] == "URLSearchParams { 'a' => '1', 'b' => '2' }"
    assert lines[1].startswith("URL {\n  href: 'http://x/?a=1',\n  origin: 'http://x',")
    assert "searchParams: URLSearchParams { 'a' => '1' }," in lines[1]


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=30, deadline=None)
@given(pairs=st.lists(st.tuples(text, text), max_size=8))
def test_forms_agree_with_urllib(evaluate: Evaluate, pairs: list[tuple[str, str]]) -> None:
    encoded = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)
    code = f"""
        const pairs = {json.dumps(pairs)}
        return [[...new URLSearchParams({json.dumps(encoded)})], String(new URLSearchParams(pairs))]
        """
    parsed, serialized = evaluate(code).value

    assert [tuple(pair) for pair in parsed] == pairs
    assert parse_qsl(serialized, keep_blank_values=True) == [
        pair for pair in pairs if pair != ("", "")
    ] or any(pair == ("", "") for pair in pairs)
