"""`TextEncoder` and `TextDecoder` by the Encoding standard."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.guest.evaluate import Evaluate
from tests.guest.web_vectors import VECTORS, differences


def test_every_recorded_expression_gives_what_node_gives(evaluate: Evaluate) -> None:
    assert len(VECTORS["encoding"]) > 800
    assert differences(evaluate, "encoding") == {}


def test_windows_1252(evaluate: Evaluate) -> None:
    """Node decodes Latin-1 here, against the standard."""
    defined = bytes(byte for byte in range(256) if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D))
    code = f"return ['windows-1252', 'latin1', 'ascii'].map((label) => new TextDecoder(label).decode(Uint8Array.of({','.join(map(str, defined))})))"

    assert evaluate(code).value == [defined.decode("cp1252")] * 3


def test_errors_carry_node_codes(evaluate: Evaluate) -> None:
    code = """
        const errors = []
        for (const attempt of [() => new TextDecoder('x'), () => new TextDecoder('utf8', { fatal: true }).decode(Uint8Array.of(255)),
          () => new TextDecoder().decode('text'), () => TextDecoder.prototype.decode.call({})]) {
          try { attempt() } catch (error) { errors.push([error.name, error.code]) }
        }
        return errors
        """

    assert evaluate(code).value == [
        ["RangeError", "ERR_ENCODING_NOT_SUPPORTED"],
        ["TypeError", "ERR_ENCODING_INVALID_ENCODED_DATA"],
        ["TypeError", "ERR_INVALID_ARG_TYPE"],
        ["TypeError", None],
    ]


def test_kept_bytes_do_not_follow_the_buffer_they_came_from(evaluate: Evaluate) -> None:
    code = """
        const decoder = new TextDecoder()
        const chunk = Uint8Array.of(0xe2, 0x9c)
        const first = decoder.decode(chunk, { stream: true })
        chunk.fill(65)
        return [first, decoder.decode(Uint8Array.of(0x93))]
        """

    assert evaluate(code).value == ["", "✓"]


mixed = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=12).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(max_size=12).map(lambda text: text.encode("utf-16-le", "surrogatepass")),
)


@settings(max_examples=40, deadline=None)
@given(data=mixed, cuts=st.lists(st.integers(0, 40), max_size=4))
def test_chunks_give_what_the_whole_gives(evaluate: Evaluate, data: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    code = f"""
        const bytes = Buffer.from({json.dumps(data.hex())}, 'hex')
        const places = {places}
        return ['utf-8', 'utf-16le', 'utf-16be'].flatMap((label) => {{
          const decoder = new TextDecoder(label, {{ ignoreBOM: true }})
          let text = ''
          for (let i = 1; i < places.length; i++) text += decoder.decode(bytes.subarray(places[i - 1], places[i]), {{ stream: true }})
          return [text + decoder.decode(), new TextDecoder(label, {{ ignoreBOM: true }}).decode(bytes)]
        }})
        """
    by_label = evaluate(code).value

    assert by_label[0::2] == by_label[1::2]
    assert by_label[0] == data.decode("utf-8", "replace")
