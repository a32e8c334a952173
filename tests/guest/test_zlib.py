"""`zlib` against Node's recorded answers and against Python's zlib, both ways, with whole and with damaged data."""

from __future__ import annotations

import functools
import json
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.guest.test_crypto import SLOW, VECTORS, replay

if TYPE_CHECKING:
    from tests.guest.evaluate import Evaluate

WAYS = {"deflate": ("inflate", 15), "gzip": ("gunzip", 31), "deflateRaw": ("inflateRaw", -15)}
"""For each format: what undoes it, and its name among the window sizes of Python's zlib."""

NEED_DICTIONARY = "Error 2"

contents = st.one_of(
    st.binary(max_size=3000),
    st.builds(lambda unit, times: unit * times, st.binary(min_size=1, max_size=20), st.integers(0, 4000)),
    st.lists(st.sampled_from([b"the ", b"quick ", b"fox ", b"\0\0\0"]), max_size=800).map(b"".join),
)


def inflate(evaluate: Evaluate, way: str, data: bytes) -> str:
    """The content in hex after `= `, or what went wrong as `! code message`."""
    code = f"""
    try {{ return '= ' + zlib.{way}Sync(Buffer.from('{data.hex()}', 'hex')).toString('hex') }}
    catch (error) {{ return '! ' + error.code + ' ' + error.message }}
    """
    return str(evaluate(code).value)


def test_answers_are_those_of_node(evaluate: Evaluate) -> None:
    cases = VECTORS["zlib"]
    outcomes = replay(evaluate, [code for code, _ in cases])
    wrong = [(code, want, got) for (code, want), got in zip(cases, outcomes, strict=True) if want != got]
    assert wrong == []


@SLOW
@given(data=contents, level=st.integers(-1, 9), strategy=st.integers(0, 4), way=st.sampled_from(sorted(WAYS)))
def test_what_we_deflate_python_inflates(
    evaluate: Evaluate, data: bytes, level: int, strategy: int, way: str
) -> None:
    options = json.dumps({"level": level, "strategy": strategy})
    code = f"return zlib.{way}Sync(Buffer.from('{data.hex()}', 'hex'), {options}).toString('hex')"
    assert zlib.decompress(bytes.fromhex(evaluate(code).value), WAYS[way][1]) == data


@SLOW
@given(
    data=contents,
    level=st.integers(0, 9),
    strategy=st.integers(0, 4),
    flush=st.sampled_from([None, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH]),
    way=st.sampled_from(sorted(WAYS)),
)
def test_what_python_deflates_we_inflate(
    evaluate: Evaluate, data: bytes, level: int, strategy: int, flush: int | None, way: str
) -> None:
    undo, window = WAYS[way]
    deflater = zlib.compressobj(level, zlib.DEFLATED, window, 8, strategy)
    packed = deflater.compress(data)
    if flush is not None:
        packed += deflater.flush(flush) + deflater.compress(data)
        data += data
    assert inflate(evaluate, undo, packed + deflater.flush()) == "= " + data.hex()


@SLOW
@given(
    data=contents,
    level=st.integers(0, 9),
    strategy=st.integers(0, 4),
    changes=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.one_of(st.none(), st.integers(0, 2**16)),
    way=st.sampled_from(["deflate", "deflateRaw"]),
)
def test_damaged_data_gets_zlibs_verdict(
    evaluate: Evaluate,
    data: bytes,
    level: int,
    strategy: int,
    changes: list[tuple[int, int]],
    cut: int | None,
    way: str,
) -> None:
    undo, window = WAYS[way]
    deflater = zlib.compressobj(level, zlib.DEFLATED, window, 8, strategy)
    packed = bytearray(deflater.compress(data) + deflater.flush())
    for at, byte in changes:
        packed[at % len(packed)] = byte
    if cut is not None:
        del packed[cut % len(packed) :]
    assert inflate(evaluate, undo, bytes(packed)) == verdict(bytes(packed), window)


def verdict(packed: bytes, window: int) -> str:
    """What Node says of *packed*, worked out from what Python says."""
    inflater = zlib.decompressobj(window)
    try:
        content = inflater.decompress(packed) + inflater.flush()
    except zlib.error as error:
        said = str(error)
        if NEED_DICTIONARY in said:
            return "! Z_NEED_DICT Missing dictionary"
        return "! Z_DATA_ERROR " + said.rpartition(": ")[2]
    return "= " + content.hex() if inflater.eof else "! Z_BUF_ERROR unexpected end of file"


@SLOW
@given(
    data=contents,
    dictionary=st.binary(min_size=1, max_size=400),
    way=st.sampled_from(["deflate", "deflateRaw"]),
)
def test_dictionaries_work_with_pythons(evaluate: Evaluate, data: bytes, dictionary: bytes, way: str) -> None:
    undo, window = WAYS[way]
    data = dictionary + data
    deflater = zlib.compressobj(6, zlib.DEFLATED, window, 8, 0, dictionary)
    packed = deflater.compress(data) + deflater.flush()
    code = f"""
    const dictionary = Buffer.from('{dictionary.hex()}', 'hex'), data = Buffer.from('{data.hex()}', 'hex')
    return [
      zlib.{way}Sync(data, {{ dictionary }}).toString('hex'),
      zlib.{undo}Sync(Buffer.from('{packed.hex()}', 'hex'), {{ dictionary }}).toString('hex'),
    ]
    """
    ours, undone = evaluate(code).value
    assert zlib.decompressobj(window, dictionary).decompress(bytes.fromhex(ours)) == data
    assert undone == data.hex()


def test_repetition_shrinks_as_much_as_zlib_does_it(evaluate: Evaluate) -> None:
    rows = json.dumps([{"id": i, "name": f"user {i % 37}", "at": i * i} for i in range(2000)])
    code = f"return [1, 6, 9].map((level) => zlib.deflateSync({json.dumps(rows)}, {{ level }}).length)"
    for level, size in zip([1, 6, 9], evaluate(code).value, strict=True):
        assert size <= 1.1 * len(zlib.compress(rows.encode(), level))


def test_callbacks_and_promises(evaluate: Evaluate) -> None:
    code = """
    const order = []
    const packed = await new Promise((resolve, reject) => {
      zlib.gzip('text', (error, result) => { order.push('called'); error ? reject(error) : resolve(result) })
      order.push('asked')
    })
    const failure = await new Promise((resolve) => zlib.gunzip(Buffer.from('no'), {}, (error) => resolve(error.message)))
    const text = await zlib.promises.gunzip(packed)
    return [order, text.toString(), failure]
    """
    assert evaluate(code).value == [["asked", "called"], "text", "incorrect header check"]


def test_the_self_reference(evaluate: Evaluate) -> None:
    """SPEC 2.7: samples reassign the global, at the top level or in every call of a handler."""
    code = "zlib = zlib.zlib; zlib = zlib.zlib; return zlib.inflateSync(zlib.deflateSync('something')).toString()"
    assert evaluate(code).value == "something"


@functools.cache
def bomb() -> bytes:
    """300 MB of zeros, gzipped, deflated."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, 31)
    return zlib.compress(
        b"".join(deflater.compress(bytes(1 << 20)) for _ in range(300)) + deflater.flush(), 9
    )


@pytest.mark.parametrize("options", ["{}", "{ maxOutputLength: 1e6 }", "{ maxOutputLength: 2 ** 32 }"])
def test_a_bomb_is_a_range_error(evaluate: Evaluate, options: str) -> None:
    code = f"""
    const bomb = zlib.inflateSync(Buffer.from('{bomb().hex()}', 'hex'))
    try {{ return zlib.gunzipSync(bomb, {options}).length }} catch (error) {{ return [error.name, error.code] }}
    """
    assert evaluate(code, fuel=2_000_000_000).value == ["RangeError", "ERR_BUFFER_TOO_LARGE"]


def test_streams(evaluate: Evaluate) -> None:
    code = """
    const ended = (stream) => new Promise((resolve) => {
      const parts = []
      stream.on('data', (part) => parts.push(part)).on('end', () => resolve(Buffer.concat(parts).toString()))
      stream.on('error', (error) => resolve(error.code))
    })
    const gzip = zlib.createGzip({ level: 9 })
    const text = ended(gzip.pipe(zlib.createGunzip()))
    gzip.write('one ')
    gzip.flush()
    gzip.end('two')
    const bad = zlib.createInflate()
    const failed = ended(bad)
    bad.end('nonsense')
    const late = new zlib.Deflate()
    late.end()
    const refused = ended(late)
    late.write('x')
    return [await text, await failed, await refused]
    """
    assert evaluate(code).value == ["one two", "Z_DATA_ERROR", "ERR_STREAM_WRITE_AFTER_END"]
