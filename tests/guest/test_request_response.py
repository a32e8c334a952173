"""`Request`, `Response`, `FormData` and `Blob` by themselves; what needs a network is in test_fetch.py."""

from __future__ import annotations

import pytest

from tests.guest.evaluate import Evaluate
from tests.guest.web_vectors import VECTORS, differences


def test_every_recorded_expression_gives_what_node_fetch_gives(evaluate: Evaluate) -> None:
    assert len(VECTORS["fetch"]) > 60
    assert differences(evaluate, "fetch") == {}


def test_a_body_is_read_once(evaluate: Evaluate) -> None:
    code = """
        const seen = []
        for (const way of ['text', 'json', 'buffer', 'arrayBuffer', 'blob', 'textConverted']) {
          const response = new Response('[1]', { url: 'http://u/' })
          const before = response.bodyUsed
          await response[way]()
          const again = await response.text().catch((error) => `${error.name}: ${error.message}`)
          seen.push([before, response.bodyUsed, again])
        }
        return seen
        """

    assert evaluate(code).value == [[False, True, "TypeError: body used already for: http://u/"]] * 6


def test_invalid_json(evaluate: Evaluate) -> None:
    code = """
        const errors = []
        for (const text of ['', '<html>', '{"a":']) {
          try { await new Response(text, { url: 'http://u/' }).json() } catch (error) {
            errors.push([error.name, error.type, error.message.startsWith('invalid json response body at http://u/ reason: ')])
          }
        }
        return errors
        """

    assert evaluate(code).value == [["FetchError", "invalid-json", True]] * 3


def test_statics_of_the_standard(evaluate: Evaluate) -> None:
    code = """
        const made = Response.json({ a: [1] }, { status: 201, headers: { x: 'y' } })
        const moved = Response.redirect('http://h/p', 307)
        let refused
        try { Response.redirect('http://h/', 200) } catch (error) { refused = error.name }
        return [made.status, made.headers.raw(), await made.json(), moved.status, moved.headers.get('location'), refused,
          Response.error().status]
        """

    assert evaluate(code).value == [
        201,
        {"x": ["y"], "Content-Type": ["application/json"]},
        {"a": [1]},
        307,
        "http://h/p",
        "RangeError",
        0,
    ]


def test_text_converted_finds_the_charset(evaluate: Evaluate) -> None:
    code = """
        const bytes = (text) => Buffer.from(text, 'latin1')
        const of = (body, type) => new Response(body, { headers: type ? { 'content-type': type } : {} }).textConverted()
        return Promise.all([
          of(bytes('caf\\xe9'), 'text/plain; charset=iso-8859-1'), of(Buffer.from('café')),
          of(bytes('<meta charset="latin1">\\xe9')), of(bytes('<?xml version="1.0" encoding="windows-1252"?>\\x80')),
          of(Buffer.from('x'), 'text/plain; charset=no-such-thing'),
        ])
        """

    assert evaluate(code).value == [
        "café",
        "café",
        '<meta charset="latin1">é',
        '<?xml version="1.0" encoding="windows-1252"?>€',
        "x",
    ]


def test_a_stream_as_body(evaluate: Evaluate) -> None:
    code = """
        const { body } = new Response(new Blob(['abc']))
        const streamed = () => new Response(new Blob(['ab', 'cd']).stream(), { url: 'http://u/' })
        const twice = streamed()
        const copy = twice.clone()
        const small = streamed()
        small.size = 3
        const failing = () => new Blob(['x']).stream().destroy(new Error('broken'))
        return [body.size, await streamed().text(), await twice.text(), await copy.text(),
          await small.text().catch((e) => [e.name, e.type, e.message]),
          await new Response(failing(), { url: 'http://u/' }).text().catch((e) => [e.name, e.type, e.message])]
        """

    assert evaluate(code).value == [
        3,
        "abcd",
        "abcd",
        "abcd",
        ["FetchError", "max-size", "content size at http://u/ over limit: 3"],
        ["FetchError", "system", "Invalid response body while trying to fetch http://u/: broken"],
    ]


def test_a_stream_that_never_ends_meets_the_timeout(evaluate: Evaluate) -> None:
    code = """
        const Readable = new Blob([]).stream().constructor
        const response = new Response(new Readable(), { url: 'http://u/', timeout: 20 })
        return response.text().catch((e) => [e.name, e.type, e.message])
        """

    assert evaluate(code).value == [
        "FetchError",
        "body-timeout",
        "Response timeout while trying to fetch http://u/ (over 20ms)",
    ]


def test_blob(evaluate: Evaluate) -> None:
    code = """
        const blob = new Blob(['é', Uint8Array.of(65, 66), new Uint8Array([67]).buffer, new Blob(['D']), 5], { type: 'Text/Plain' })
        const file = new File(['x'], 'a.txt', { type: 'text/plain', lastModified: 5 })
        return [blob.size, blob.type, await blob.text(), blob.slice(-2).size, await blob.slice(2, 4, 'a/b').text(),
          (await blob.arrayBuffer()).byteLength, String(blob), file.name, file.lastModified, file instanceof Blob,
          new Blob(['a'], { type: 'bad\\u0000' }).type, Object.keys(Blob)]
        """

    assert evaluate(code).value == [
        7,
        "text/plain",
        "éABCD5",
        2,
        "AB",
        7,
        "[object Blob]",
        "a.txt",
        5,
        True,
        "",
        [],
    ]


def test_a_blob_prints_as_in_node(evaluate: Evaluate) -> None:
    assert evaluate("console.log(new Blob(['abc'], { type: 'a/b' }))").lines == [
        "Blob { size: 3, type: 'a/b' }"
    ]


@pytest.mark.parametrize("parts", ["'text'", "5", "{}"])
def test_blob_parts_are_a_sequence(evaluate: Evaluate, parts: str) -> None:
    assert evaluate(f"try {{ new Blob({parts}) }} catch (error) {{ return error.name }}").value == "TypeError"


def test_form_data_with_a_stream_and_a_blob(evaluate: Evaluate) -> None:
    code = """
        const form = new FormData()
        form._boundary = 'B'
        form.append('s', new Blob(['streamed']).stream(), { filename: 's.bin' })
        form.append('b', new Blob(['bytes'], { type: 'text/x' }), 'b.txt')
        const known = form.hasKnownLength()
        return [known, await new Response(form).text()]
        """

    assert evaluate(code).value == [
        False,
        (
            '--B\r\nContent-Disposition: form-data; name="s"; filename="s.bin"\r\nContent-Type: application/octet-stream\r\n\r\n'
            "streamed\r\n"
            '--B\r\nContent-Disposition: form-data; name="b"; filename="b.txt"\r\nContent-Type: text/x\r\n\r\nbytes\r\n--B--\r\n'
        ),
    ]
