"""
Instruments the engine's code so that it counts its own work as fuel.

wasmtime can count every instruction, but it keeps the count in a register throughout the code, which made the engine
slower by a quarter to a third (measured). Stopping all code at an exact point takes less: every back edge of a loop, and
every entry of a function that may be recursive, subtracts its cost from a global. Below zero the code calls the import
`pause`, with which the host refills the global, lets others run first, or never returns.

The cost of a loop iteration is computed at build time from its instructions; those behind a branch count in part. So fuel
depends only on what was executed, is the same on every machine, and no code runs for long without consuming any.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from headgate_runtime import wasm
from headgate_runtime.wasm import Section, WasmError, encode_name, encode_signed, encode_unsigned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TYPE, FUNCTION, GLOBAL, ELEMENT, CODE = 1, 3, 6, 9, 10

HINTS: Final = "metadata.code.branch_hint"
"""A custom section of the branch hinting proposal: without it the compiler treats the call as likely everywhere."""

_UNREACHABLE, _BLOCK, _LOOP, _IF, _ELSE, _END = 0x00, 0x02, 0x03, 0x04, 0x05, 0x0B
_BR, _BR_IF, _BR_TABLE, _RETURN = 0x0C, 0x0D, 0x0E, 0x0F
_CALL, _CALL_INDIRECT = 0x10, 0x11
_FREE: Final = frozenset((0x00, 0x01, _BLOCK, _LOOP, _ELSE, _END, _RETURN, 0x1A))
"""Opcodes without a cost: they produce no machine code, or end it."""

_I64: Final = 0x7E
_ZERO: Final = bytes((_I64, 1, 0x42, 0, _END))
"""A mutable global of type i64 that starts as 0."""

BACKS_MAX: Final = 2
"""A loop with at most this many back edges is metered at each of them; others at their start, first iteration included."""

INDIRECT: Final = 20
"""Cost of an indirect call, and of a call of an imported function."""

WAYS_MAX: Final = 128
RARE: Final = 3
"""
A switch with more than WAYS_MAX targets is the interpreter's dispatch, where common opcodes are short and long ones are
rare. Its targets count as RARE times less likely, which makes an opcode cost about what it takes.
"""

WORTH_MAX: Final = 500
"""Greatest cost of one iteration or function entry, its calls included, unless its own instructions cost more."""


@dataclass(slots=True)
class Account:
    """Expected cost of an iteration or function body: instructions of its own, and how often it calls each function."""

    own: float = 0.0
    calls: dict[int, float] = field(default_factory=dict)


@dataclass(slots=True)
class Loop:
    """
    start    offset of its first instruction
    backs    its back edges: offset of the branch, of its end, and the depth of a conditional branch, or -1
    """

    start: int
    account: Account
    backs: list[tuple[int, int, int]] = field(default_factory=list)


@dataclass(slots=True)
class Body:
    """
    One function, as far as metering needs it.

    start     offset of its first instruction, after the locals
    account   cost of its instructions outside of loops
    calls     functions it calls directly
    types     types of functions that it calls through a table
    """

    code: bytes
    start: int = 0
    locals: int = 0
    groups: int = 0
    groups_at: int = 0
    account: Account = field(default_factory=Account)
    loops: list[Loop] = field(default_factory=list)
    calls: set[int] = field(default_factory=set)
    types: set[int] = field(default_factory=set)


def meter(
    module: bytes,
    host: str,
    pause: str,
    fuel: str,
    turns: str,
    slice_fuel: int,
    entries: Sequence[str],
    recall: str,
) -> bytes:
    """
    Returns *module* with its work counted down in an i64 global, which replaces the export *fuel*. When the global falls
    below zero, the code passes it to the function *pause* of *host*, which *module* must import, and sets it to the result.

    The function that was exported as *fuel*, from i64 to i64, returns the counter and, unless its argument is negative,
    sets it: to *slice_fuel* at most, and only as often as the new exported global *turns* allows.

    For each export NAME of *entries*, functions without arguments that return i32, an export NAME_with is added. It takes
    the values of *fuel* and *turns*, and returns the fuel that is left if NAME returns 0, else NAME's result, negated.
    Unless its third argument is 0, it first calls the export *recall*, on a slice of fuel of its own.
    """
    parts = wasm.sections(module)
    content = {part.id: part.payload for part in parts if part.id != wasm.CUSTOM}
    functions = [entry for entry in wasm.imports(module) if entry.kind == wasm.FUNCTION_KIND]
    asked = [index for index, entry in enumerate(functions) if (entry.module, entry.name) == (host, pause)]
    if len(asked) != 1:
        raise WasmError(f"the module does not import {host}.{pause}")
    arities = _arities(content[TYPE])
    types = [wasm.Reader(entry.description).unsigned() for entry in functions]
    types += _numbers(content[FUNCTION])
    bodies = [read_body(code) for code in _bodies(content[CODE])]
    metered = _checked(len(functions), bodies, types, _table(content.get(ELEMENT, b"\0")))
    globals_ = sum(entry.kind == wasm.GLOBAL_KIND for entry in wasm.imports(module))
    globals_ += wasm.Reader(content[GLOBAL]).unsigned()
    helper = len(types)

    prices = _prices(len(functions), bodies, metered)
    number, allowed = encode_unsigned(globals_), encode_unsigned(globals_ + 1)
    exports, changes = _exchange(content[wasm.EXPORT], fuel, bytes([wasm.GLOBAL_KIND]) + number)
    exports = _more(exports, encode_name(turns) + bytes([wasm.GLOBAL_KIND]) + allowed)
    out: list[bytes] = []
    hints: list[bytes] = []
    for index, body in enumerate(bodies, len(functions)):
        if index == changes:
            out.append(_changing(number, allowed, slice_fuel))
            continue
        entry = prices[index] if index in metered else 0
        code, places = _rewrite(body, arities[types[index]], globals_, helper, entry, prices)
        out.append(code)
        if places:
            listed = b"".join(encode_unsigned(place) + b"\x01\x00" for place in places)
            hints.append(encode_unsigned(index) + encode_unsigned(len(places)) + listed)
    ask = b"\x00\x23" + number + b"\x10" + encode_unsigned(asked[0]) + b"\x24" + number + b"\x0b"
    out.append(ask)
    kinds = _more(content[FUNCTION], encode_unsigned(len(arities)))
    wanted = _exported(exports, recall)
    for place, name in enumerate(entries, helper + 1):
        out.append(_entering(number, allowed, _exported(exports, name), wanted, slice_fuel))
        kinds = _more(kinds, encode_unsigned(len(arities) + 1))
        exports = _more(exports, encode_name(f"{name}_with") + b"\0" + encode_unsigned(place))

    grown = {
        TYPE: _more(_more(content[TYPE], b"\x60\x00\x00"), bytes((0x60, 3, _I64, _I64, _I64, 1, _I64))),
        FUNCTION: kinds,
        GLOBAL: _more(_more(content[GLOBAL], _ZERO), _ZERO),
        wasm.EXPORT: exports,
        CODE: encode_unsigned(len(out)) + b"".join(encode_unsigned(len(code)) + code for code in out),
    }
    result = []
    for part in parts:
        if part.id == CODE:
            result.append(
                Section(wasm.CUSTOM, encode_name(HINTS) + encode_unsigned(len(hints)) + b"".join(hints))
            )
        result.append(Section(part.id, grown.get(part.id, part.payload)) if part.id else part)
    return wasm.join(result)


def _rewrite(
    body: Body, parameters: int, fuel: int, helper: int, entry: int, prices: dict[int, int]
) -> tuple[bytes, list[int]]:
    """The function with its fuel checks, and the offsets of their branches."""
    # Offset, end of the code that is replaced, code before the check, its cost, code after it.
    checks = [(body.start, body.start, b"", entry, b"")] if entry else []
    for loop in body.loops:
        worth = _worth(loop.account, prices)
        if len(loop.backs) > BACKS_MAX:
            checks.append((loop.start, loop.start, b"", worth, b""))
            continue
        for at, end, depth in loop.backs:
            if depth < 0:
                checks.append((at, at, b"", worth, b""))
            else:
                checks.append((at, end, b"\x04\x40", worth, b"\x0c" + encode_unsigned(depth + 1) + b"\x0b"))
    if not checks:
        return body.code, []
    local = encode_unsigned(parameters + body.locals)
    number = encode_unsigned(fuel)
    out = bytearray(encode_unsigned(body.groups + 1) + body.code[body.groups_at : body.start])
    out += bytes((1, _I64))
    branches = []
    done = body.start
    for at, end, before, worth, after in sorted(checks):
        out += body.code[done:at] + before
        done = end
        out += b"\x23" + number + b"\x42" + encode_signed(worth) + b"\x7d\x22" + local + b"\x24" + number
        out += b"\x20" + local + b"\x42\x00\x53"
        branches.append(len(out))
        out += b"\x04\x40\x10" + encode_unsigned(helper) + b"\x0b" + after
    out += body.code[done:]
    return bytes(out), branches


def _prices(imported: int, bodies: list[Body], metered: set[int]) -> dict[int, int]:
    """The cost of a call of each function, without its loops and without calls of functions that are metered themselves."""
    prices: dict[int, int] = dict.fromkeys(range(imported), INDIRECT)
    for first in range(imported, imported + len(bodies)):
        work = [first]
        while work:
            index = work[-1]
            body = bodies[index - imported]
            missing = (
                []
                if index in prices
                else [each for each in body.account.calls if each not in prices and each not in metered]
            )
            if missing:
                work += missing
                continue
            work.pop()
            if index not in prices:
                free = {each: 0 for each in body.account.calls if each in metered}
                prices[index] = _worth(body.account, {**prices, **free} if free else prices)
    return prices


def _more(payload: bytes, entry: bytes) -> bytes:
    """The payload of a section that is a vector, with *entry* appended."""
    reader = wasm.Reader(payload)
    return encode_unsigned(reader.unsigned() + 1) + payload[reader.position :] + entry


def _changing(fuel: bytes, turns: bytes, slice_fuel: int) -> bytes:
    """Code of the function that returns the counter and sets it."""
    most = b"\x42" + encode_signed(slice_fuel)
    return b"".join(
        (
            b"\x00\x23" + fuel + b"\x20\x00\x42\x00\x59\x04\x40",
            b"\x23" + turns + b"\x42\x01\x7d\x24" + turns,
            b"\x23" + turns + b"\x42\x00\x53\x04\x40\x00\x0b",
            b"\x20\x00" + most + b"\x20\x00" + most + b"\x53\x1b\x24" + fuel,
            b"\x0b\x0b",
        )
    )


def _entering(fuel: bytes, turns: bytes, target: int, recall: int, slice_fuel: int) -> bytes:
    """Code of the function that sets *fuel* and *turns* to its arguments and calls *target*."""
    return b"".join(
        (
            b"\x01\x01\x7f\x20\x02\x50\x45\x04\x40",
            b"\x42" + encode_signed(slice_fuel) + b"\x24" + fuel,
            b"\x10" + encode_unsigned(recall) + b"\x1a\x0b",
            b"\x20\x00\x24" + fuel + b"\x20\x01\x24" + turns,
            b"\x10" + encode_unsigned(target) + b"\x22\x03\x45\x04\x7e\x23" + fuel,
            b"\x05\x42\x00\x20\x03\xad\x7d\x0b\x0b",
        )
    )


def _exported(payload: bytes, name: str) -> int:
    """The index of the function exported as *name*."""
    reader = wasm.Reader(payload)
    for _ in range(reader.unsigned()):
        found, kind, index = reader.name(), reader.byte(), reader.unsigned()
        if found == name and kind == wasm.FUNCTION_KIND:
            return index
    raise WasmError(f"the module exports no function {name}")


def _exchange(payload: bytes, name: str, target: bytes) -> tuple[bytes, int]:
    """The exports with *name* bound to *target*, and the index that it was bound to before."""
    reader = wasm.Reader(payload)
    out = [encode_unsigned(reader.unsigned())]
    was = -1
    while reader:
        exported = reader.name()
        start = reader.position
        reader.byte()
        index = reader.unsigned()
        if exported == name:
            was = index
        out += encode_name(exported), target if exported == name else payload[start : reader.position]
    if was < 0:
        raise WasmError(f"the module does not export {name}")
    return b"".join(out), was


def _numbers(payload: bytes) -> list[int]:
    reader = wasm.Reader(payload)
    return [reader.unsigned() for _ in range(reader.unsigned())]


def _arities(payload: bytes) -> list[int]:
    """The number of parameters of each type."""
    reader = wasm.Reader(payload)
    found = []
    for _ in range(reader.unsigned()):
        if reader.byte() != 0x60:
            raise WasmError("a type that is no function's")
        found.append(len(reader.take(reader.unsigned())))
        reader.take(reader.unsigned())
    return found


def _bodies(payload: bytes) -> Iterator[bytes]:
    reader = wasm.Reader(payload)
    for _ in range(reader.unsigned()):
        yield reader.take(reader.unsigned())


def _table(payload: bytes) -> list[int]:
    """The functions that can be called through a table."""
    reader = wasm.Reader(payload)
    found = []
    for _ in range(reader.unsigned()):
        if reader.unsigned() != 0 or reader.byte() != 0x41:
            raise WasmError("elements that are not of table 0, or not at a constant")
        reader.signed()
        reader.byte()
        found += [reader.unsigned() for _ in range(reader.unsigned())]
    return found


def _checked(imported: int, bodies: list[Body], types: list[int], table: list[int]) -> set[int]:
    """
    Functions to meter at their entry: every cycle of the call graph contains at least one. Short functions, and those with
    many callers, are left out first.
    """
    by_type: dict[int, list[int]] = {}
    for index in table:
        by_type.setdefault(types[index], []).append(index)
    # A node per type of indirect call keeps the graph small.
    offset = imported + len(bodies)
    edges: dict[int, list[int]] = {offset + kind: called for kind, called in by_type.items()}
    for index, body in enumerate(bodies, imported):
        edges[index] = [*sorted(body.calls), *(offset + kind for kind in sorted(body.types))]
    recursive: set[int] = set()
    for group in _circles(edges):
        if len(group) > 1 or group[0] in edges.get(group[0], ()):
            recursive.update(group)
    callers = dict.fromkeys(recursive, 1)
    for targets in edges.values():
        for target in targets:
            if target in callers:
                callers[target] += 1
    inner = {node: [target for target in edges.get(node, ()) if target in recursive] for node in recursive}
    checked = {node for node in recursive if node < offset}
    for node in sorted(checked, key=lambda node: (bodies[node - imported].account.own / callers[node], node)):
        if not _comes_back(node, inner, checked):
            checked.discard(node)
    return checked


def _comes_back(start: int, edges: dict[int, list[int]], closed: set[int]) -> bool:
    """Whether *start* is on a cycle that contains no node of *closed*."""
    seen: set[int] = set()
    work = [start]
    while work:
        for target in edges[work.pop()]:
            if target == start:
                return True
            if target not in seen and target not in closed:
                seen.add(target)
                work.append(target)
    return False


def _circles(edges: dict[int, list[int]]) -> Iterator[list[int]]:
    """Strongly connected components (Tarjan 1972), without recursion."""
    number: dict[int, int] = {}
    low: dict[int, int] = {}
    path: list[int] = []
    on_path: set[int] = set()
    for root in sorted(edges):
        if root in number:
            continue
        work = [(root, iter(edges[root]))]
        number[root] = low[root] = len(number)
        path.append(root)
        on_path.add(root)
        while work:
            node, rest = work[-1]
            for target in rest:
                if target not in number:
                    number[target] = low[target] = len(number)
                    path.append(target)
                    on_path.add(target)
                    work.append((target, iter(edges.get(target, ()))))
                    break
                if target in on_path:
                    low[node] = min(low[node], number[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    group: list[int] = []
                    while not group or group[-1] != node:
                        group.append(path.pop())
                        on_path.discard(group[-1])
                    yield group


@dataclass(slots=True)
class _Frame:
    """
    An open block. A weight is how often something runs per run of the enclosing function or loop iteration; both ways of a
    branch count as equally likely.

    entry      weight of the block itself
    arriving   weight of the branches to its end
    account    where its instructions are counted; a loop has its own, with weights per iteration
    leaving    for branches out of a loop: how many blocks stay open, and the weight
    """

    opcode: int
    entry: float
    account: Account
    arriving: float = 0.0
    loop: Loop | None = None
    leaving: list[tuple[int, float]] = field(default_factory=list)


def read_body(code: bytes) -> Body:
    """Parses a function's code. Raises WasmError for instructions that the meter does not know."""
    reader = wasm.Reader(code)
    body = Body(code)
    body.groups = reader.unsigned()
    body.groups_at = reader.position
    for _ in range(body.groups):
        body.locals += reader.unsigned()
        reader.byte()
    body.start = reader.position
    weight = 1.0
    frames = [_Frame(0, weight, body.account)]
    byte, unsigned = reader.byte, reader.unsigned
    while frames:
        frame = frames[-1]
        account = frame.account
        at = reader.position
        opcode = byte()
        if opcode not in _FREE:
            account.own += weight
        if opcode in (_BLOCK, _LOOP, _IF):
            reader.signed(33)
            if opcode == _LOOP:
                loop = Loop(reader.position, Account())
                body.loops.append(loop)
                frames.append(_Frame(opcode, weight, loop.account, loop=loop))
                weight = 1.0
            else:
                frames.append(_Frame(opcode, weight, account))
                weight = weight / 2 if opcode == _IF else weight
        elif opcode == _ELSE:
            frame.arriving += weight
            frame.opcode = _BLOCK
            weight = frame.entry / 2
        elif opcode == _END:
            weight = _close(frames, weight)
        elif opcode in (_BR, _BR_IF):
            depth = unsigned()
            gone = weight if opcode == _BR else weight / 2
            weight -= gone
            _branch(frames, depth, gone)
            if target := frames[-depth - 1].loop:
                target.backs.append((at, reader.position, depth if opcode == _BR_IF else -1))
        elif opcode == _BR_TABLE:
            depths = {unsigned() for _ in range(unsigned() + 1)}
            ways = len(depths) * (RARE if len(depths) > WAYS_MAX else 1)
            for depth in depths:
                _branch(frames, depth, weight / ways)
                if target := frames[-depth - 1].loop:
                    target.backs += [(at, at, -1)] * (BACKS_MAX + 1)
            weight = 0.0
        elif opcode in (_RETURN, _UNREACHABLE):
            _branch(frames, len(frames) - 1, weight)
            weight = 0.0
        elif opcode == _CALL:
            callee = unsigned()
            body.calls.add(callee)
            account.calls[callee] = account.calls.get(callee, 0.0) + weight
        elif opcode == _CALL_INDIRECT:
            account.own += INDIRECT * weight
            body.types.add(unsigned())
            unsigned()
        else:
            _skip(reader, opcode)
    if reader:
        raise WasmError("bytes left over after a function's end")
    return body


def _branch(frames: list[_Frame], depth: int, weight: float) -> None:
    """Adds the weight of a branch out of *depth* blocks; a branch out of a loop is added when the loop ends."""
    place = len(frames) - depth - 1
    for frame in frames[:place:-1]:
        if frame.loop:
            frame.leaving.append((place, weight))
            return
    if not frames[place].loop:
        frames[place].arriving += weight


def _close(frames: list[_Frame], weight: float) -> float:
    """Closes the innermost block, whose end is reached with *weight*. Returns the weight of the code that follows it."""
    frame = frames.pop()
    if not frame.loop:
        return weight + frame.arriving + (frame.entry / 2 if frame.opcode == _IF else 0.0)
    ways = weight + sum(part for _, part in frame.leaving)
    if not ways:
        return 0.0
    for place, part in frame.leaving:
        _branch(frames, len(frames) - place - 1, frame.entry * part / ways)
    return frame.entry * weight / ways


def _worth(account: Account, prices: dict[int, int]) -> int:
    called = sum(times * prices[callee] for callee, times in account.calls.items())
    return max(1, round(min(account.own + called, max(account.own, WORTH_MAX))))


_NOTHING: Final = frozenset((0x00, 0x01, _RETURN, 0x1A, 0x1B, *range(0x45, 0xC5)))
_INDEX: Final = frozenset((_BR, *range(0x20, 0x25)))
_LANES: Final = frozenset((*range(0x15, 0x23),))
_LOADS: Final = frozenset((*range(0x0C), 0x5C, 0x5D))
_LANE_LOADS: Final = frozenset(range(0x54, 0x5C))


def _skip(reader: wasm.Reader, opcode: int) -> None:
    """Skips the immediates of an instruction whose first byte has been read."""
    if opcode in _NOTHING:
        return
    if opcode in _INDEX:
        reader.unsigned()
    elif 0x28 <= opcode <= 0x3E:
        reader.unsigned()
        reader.unsigned()
    elif opcode == 0x41:
        reader.signed()
    elif opcode == 0x42:
        reader.signed(64)
    elif opcode == 0x43:
        reader.take(4)
    elif opcode == 0x44:
        reader.take(8)
    elif opcode in (0x3F, 0x40):
        reader.byte()
    elif opcode == 0xFC and (second := reader.unsigned()) <= 7:
        return
    elif opcode == 0xFD:
        second = reader.unsigned()
        if second in _LOADS or second in _LANE_LOADS:
            reader.unsigned()
            reader.unsigned()
            if second in _LANE_LOADS:
                reader.byte()
        elif second in (0x0C, 0x0D):
            reader.take(16)
        elif second in _LANES:
            reader.byte()
    else:
        raise WasmError(f"instruction {opcode:#x} is not known to the meter")
