"""The streams and event emitters that functions meet, by way of `Blob.stream()`."""

from __future__ import annotations

import pytest

from tests.guest.evaluate import Evaluate

READABLE = "const Readable = new Blob([]).stream().constructor\n"


def test_listeners_are_called_in_order_and_once_means_once(evaluate: Evaluate) -> None:
    code = """
        const seen = []
        const e = new Blob([]).stream()
        const gone = () => seen.push('gone')
        e.on('x', gone).on('x', (a, b) => { seen.push(['on', a, b]); e.off('x', gone) })
        e.once('x', function () { seen.push(['once', this === e]) })
        e.prependListener('x', () => seen.push('first'))
        const counts = [e.listenerCount('x'), e.emit('x', 1, 2), e.emit('x', 3), e.listenerCount('x'), e.emit('y')]
        let refused
        try { e.on('x', 'no function') } catch (error) { refused = error.code }
        e.removeAllListeners()
        return [seen, counts, e.eventNames(), refused]
        """

    assert evaluate(code).value == [
        ["first", "gone", ["on", 1, 2], ["once", True], "first", ["on", 3, None]],
        [4, True, True, 2, False],
        [],
        "ERR_INVALID_ARG_TYPE",
    ]


def test_an_error_nobody_listens_for_is_thrown(evaluate: Evaluate) -> None:
    code = """
        const e = new Blob([]).stream()
        const thrown = []
        for (const value of [new TypeError('t'), 'text']) {
          try { e.emit('error', value) } catch (error) { thrown.push([error.name, error.message, error.code]) }
        }
        return thrown
        """

    assert evaluate(code).value == [
        ["TypeError", "t", None],
        ["Error", "Unhandled error. (text)", "ERR_UNHANDLED_ERROR"],
    ]


def test_characters_cut_in_half_by_chunks(evaluate: Evaluate) -> None:
    code = f"""{READABLE}
        const whole = Buffer.from('é✓😀')
        const texts = []
        for (const encoding of ['utf8', 'hex']) {{
          const stream = new Readable()
          stream.setEncoding(encoding)
          for (const byte of whole) stream.push(Buffer.from([byte]))
          stream.push(null)
          let text = ''
          for await (const part of stream) text += part
          texts.push(text)
        }}
        return texts
        """

    assert evaluate(code).value == ["é✓😀", "é✓😀".encode().hex()]


def test_reading_by_hand(evaluate: Evaluate) -> None:
    code = f"""{READABLE}
        const stream = new Readable()
        const early = stream.read()
        stream.push('abcdef')
        const parts = [stream.read(2), stream.read(9), stream.read()].map((part) => part && String(part))
        stream.push(null)
        const ended = new Promise((done) => stream.on('end', done))
        stream.resume()
        await ended
        return [early, parts, stream.readableEnded, stream.readable]
        """

    assert evaluate(code).value == [None, ["ab", None, "cdef"], True, False]


def test_pausing(evaluate: Evaluate) -> None:
    code = f"""{READABLE}
        const stream = new Readable()
        const seen = []
        stream.on('data', (chunk) => {{ seen.push(String(chunk)); stream.pause() }})
        stream.on('end', () => seen.push('end'))
        stream.push('a'); stream.push('b'); stream.push(null)
        const pause = () => new Promise((done) => setTimeout(done, 1))
        await pause()
        const first = [...seen]
        stream.resume(); await pause(); stream.resume(); await pause()
        return [first, stream.isPaused(), seen]
        """

    assert evaluate(code).value == [["a"], False, ["a", "b", "end"]]


def test_a_slow_destination_holds_the_source_back(evaluate: Evaluate) -> None:
    code = f"""{READABLE}
        const seen = []
        let drain
        const slow = {{
          write(chunk) {{ seen.push(String(chunk)); return false }},
          end() {{ seen.push('end') }},
          once(name, listener) {{ drain = listener }},
          emit(name) {{ seen.push(name) }},
        }}
        const stream = Readable.from(['a', 'b'])
        const returned = stream.pipe(slow) === slow
        const pause = () => new Promise((done) => setTimeout(done, 1))
        await pause()
        const held = [...seen]
        drain(); await pause(); drain(); await pause()
        return [returned, held, seen]
        """

    assert evaluate(code).value == [True, ["pipe", "a"], ["pipe", "a", "b", "end"]]


@pytest.mark.parametrize(("leave", "seen"), [("break", ["a"]), ("throw new Error('x')", ["a", "x"])])
def test_leaving_a_loop_destroys_the_stream(evaluate: Evaluate, leave: str, seen: list[str]) -> None:
    code = f"""{READABLE}
        const stream = new Readable()
        stream.push('a')
        const seen = []
        let closed = false
        stream.on('close', () => (closed = true))
        try {{ for await (const part of stream) {{ seen.push(String(part)); {leave} }} }} catch (error) {{ seen.push(error.message) }}
        await new Promise((done) => setTimeout(done, 1))
        return [seen, stream.destroyed, closed]
        """

    assert evaluate(code).value == [seen, True, True]


def test_an_error_ends_the_loop(evaluate: Evaluate) -> None:
    code = f"""{READABLE}
        const stream = new Readable()
        stream.push('a')
        setTimeout(() => stream.destroy(new Error('broken')), 1)
        const seen = []
        try {{ for await (const part of stream) seen.push(String(part)) }} catch (error) {{ seen.push(error.message) }}
        return seen
        """

    assert evaluate(code).value == ["a", "broken"]


def test_a_stream_made_by_its_read(evaluate: Evaluate) -> None:
    code = f"""{READABLE}
        let n = 0
        const counting = () => new Readable({{ read() {{ this.push(n < 3 ? `${{n++}}` : null) }} }})
        const first = await new Response(counting()).text()
        n = 0
        const parts = []
        for await (const part of counting()) parts.push(String(part))
        return [first, parts]
        """

    assert evaluate(code).value == ["012", ["0", "1", "2"]]
