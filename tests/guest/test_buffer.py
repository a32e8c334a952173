"""`Buffer` as Node 20 has it."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.guest.evaluate import Evaluate
from tests.guest.web_vectors import VECTORS, differences


def test_every_recorded_expression_gives_what_node_gives(evaluate: Evaluate) -> None:
    assert len(VECTORS["buffer"]) > 1600
    assert differences(evaluate, "buffer") == {}


def test_a_buffer_in_the_event_is_written_as_its_json(evaluate: Evaluate) -> None:
    assert evaluate("return { a: Buffer.from('hi'), b: [new Buffer.from('x')] }").value == {
        "a": {"type": "Buffer", "data": [104, 105]},
        "b": [{"type": "Buffer", "data": [120]}],
    }


def test_a_buffer_prints_as_in_node(evaluate: Evaluate) -> None:
    lines = evaluate("console.log(Buffer.from('hi'), [Buffer.alloc(60, 1)])").lines

    assert lines == [f"<Buffer 68 69> [\n  <Buffer{' 01' * 50} ... 10 more bytes>\n]"]


def test_it_works_after_its_prototype_was_tampered_with(evaluate: Evaluate) -> None:
    code = """
        Uint8Array.prototype.set = Uint8Array.prototype.fill = () => { throw new Error('tampered') }
        String.prototype.charCodeAt = () => 0
        return [Buffer.concat([Buffer.from('é', 'latin1'), Buffer.alloc(2, 'z')]).toString('hex'), Buffer.from('aGk', 'base64').toString()]
        """

    assert evaluate(code).value == ["e97a7a", "hi"]


def test_fill_with_a_pattern_of_any_length(evaluate: Evaluate) -> None:
    code = """
        const wrong = []
        for (let length = 0; length < 40; length++) for (let size = 1; size < 9; size++) for (const from of [0, 3]) {
          const found = Buffer.alloc(length).fill('abcdefgh'.slice(0, size), Math.min(from, length))
          const expected = Buffer.from(Array.from({ length }, (_, i) => i < from ? 0 : 97 + (i - from) % size))
          if (!found.equals(expected)) wrong.push([length, size, from])
        }
        return wrong
        """

    assert evaluate(code).value == []


@pytest.mark.parametrize("size", ["2 ** 31", "2 ** 32", "Number.MAX_SAFE_INTEGER", "Infinity", "NaN", "-1"])
def test_an_absurd_size_is_an_error(evaluate: Evaluate, size: str) -> None:
    result = evaluate(f"try {{ Buffer.alloc({size}) }} catch (error) {{ return error.name }}")

    assert result.value in ("RangeError", "InternalError")


@settings(max_examples=30, deadline=None)
@given(data=st.binary(max_size=200))
def test_encodings_agree_with_python(evaluate: Evaluate, data: bytes) -> None:
    code = f"""
        const b = Buffer.from({json.dumps(data.hex())}, 'hex')
        return ['hex', 'base64', 'base64url', 'latin1', 'utf8'].map((name) => b.toString(name))
          .concat(['base64', 'base64url', 'latin1'].map((name) => Buffer.from(b.toString(name), name).equals(b)))
        """

    assert evaluate(code).value == [
        data.hex(),
        base64.b64encode(data).decode(),
        base64.urlsafe_b64encode(data).decode().rstrip("="),
        data.decode("latin1"),
        data.decode(errors="replace"),
        True,
        True,
        True,
    ]
