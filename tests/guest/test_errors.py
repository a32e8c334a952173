"""The predefined error classes, and how any thrown value is described (SPEC 3)."""

from __future__ import annotations

import pytest

from tests.guest.evaluate import Evaluate

CLASSES = ["EventNotSupported", "InvalidEventPayload", "ValidationError", "RetryError", "DropEvent"]


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_is_like_a_built_in_one(evaluate: Evaluate, name: str) -> None:
    code = f"""
        const error = new {name}('why', {{ cause: 1 }})
        class Mine extends {name} {{}}
        return [error.name, error.message, String(error), error instanceof Error, 'cause' in error,
          Object.keys(error), Object.keys({name}.prototype), Object.hasOwn(error, 'name'), {name}.name, {name}.length,
          new Mine('m').name, new Mine('m') instanceof {name}, new {name}().message, Object.hasOwn(new {name}(), 'message')]
        """

    assert evaluate(code).value == [
        *(name, "why", f"{name}: why", True, False),
        *([], [], False, name, 1),
        *(name, True, "", False),
    ]


def test_the_stack_begins_where_the_error_was_made(evaluate: Evaluate) -> None:
    stack = evaluate("function made() { return new RetryError('x') } return made().stack").value

    assert isinstance(stack, str)
    frames = [line for line in stack.splitlines() if line.lstrip().startswith("at ")]
    assert frames[0].startswith("    at made (")
    assert "prelude" not in stack


def test_stack_can_be_set_to_anything(evaluate: Evaluate) -> None:
    code = "const e = new Error('x'); e.stack = undefined; const f = new Error('y'); f.stack = 'own'; return [typeof e.stack, f.stack]"

    assert evaluate(code).value == ["undefined", "own"]


THROWN = [
    # code, predefined class, name, message
    ("new RetryError('a')", "RetryError", "RetryError", "a"),
    ("new (class Mine extends DropEvent {})('a')", "DropEvent", "DropEvent", "a"),
    ("{ name: 'ValidationError', message: 'by name' }", "ValidationError", "ValidationError", "by name"),
    (
        "Object.assign(new Error('a'), { name: 'InvalidEventPayload' })",
        "InvalidEventPayload",
        "InvalidEventPayload",
        "a",
    ),
    ("Object.assign(new RetryError('a'), { name: 'Other' })", "RetryError", "Other", "a"),
    ("new TypeError('a')", None, "TypeError", "a"),
    ("'text'", None, None, "text"),
    ("undefined", None, None, "undefined"),
    ("null", None, None, "null"),
    ("42", None, None, "42"),
    ("10n", None, None, "10"),
    ("Symbol('s')", None, None, "Symbol(s)"),
    ("{ a: 1 }", None, None, "[object Object]"),
    ("[1, 2]", None, None, "1,2"),
    ("{ message: 5 }", None, None, "5"),
    ("{ name: Symbol('n'), message: 'm' }", None, None, "m"),
    ("new Error('')", None, "Error", ""),
    (
        "{ get name() { throw 1 }, get message() { throw 2 }, get stack() { throw 3 }, toString() { return 'left' } }",
        None,
        None,
        "left",
    ),
    ("new Proxy(new RetryError('p'), {})", "RetryError", "RetryError", "p"),
]


@pytest.mark.parametrize(("code", "known", "name", "message"), THROWN, ids=[row[0] for row in THROWN])
def test_a_thrown_value_is_described(
    evaluate: Evaluate, code: str, known: str | None, name: str | None, message: str
) -> None:
    for throw in (f"throw ({code})", f"await 0; throw ({code})"):
        thrown = evaluate(throw).thrown

        assert thrown is not None
        assert thrown[:3] == (known, name, message)


@pytest.mark.parametrize(
    "code",
    [
        "Object.create(null)",
        "(() => { const r = Proxy.revocable({}, {}); r.revoke(); return r.proxy })()",
        "(() => { const r = Proxy.revocable(() => 1, {}); r.revoke(); return r.proxy })()",
        "new Proxy({}, { get() { throw new Error('trap') }, getPrototypeOf() { throw new Error('trap') } })",
        "new Proxy({}, { getPrototypeOf() { return new Proxy({}, this) } })",
        "{ get name() { throw 1 }, get message() { throw 2 }, get stack() { throw 3 }, toString() { throw 4 } }",
        "{ [Symbol.toPrimitive]() { return {} } }",
        "Object.assign(new Error('x'), { message: { toString() { throw 1 } } })",
        "new Proxy(function () {}, { apply() { throw 1 }, get() { return this } })",
        "(() => { const e = new Error('deep'); let p = e; for (let i = 0; i < 2000; i++) p = Object.create(p); return p })()",
    ],
)
def test_nothing_that_is_thrown_breaks_the_description(evaluate: Evaluate, code: str) -> None:
    thrown = evaluate(f"throw ({code})").thrown

    assert thrown is not None
    assert thrown.known is None
    assert thrown.message


def test_long_messages_and_stacks_are_cut(evaluate: Evaluate) -> None:
    text = evaluate("throw 'x'.repeat(100000)").thrown
    error = evaluate(
        "throw Object.assign(new Error('m'.repeat(100000)), { stack: 's'.repeat(100000) })"
    ).thrown
    stack = evaluate("throw Object.assign(new Error('short'), { stack: 's'.repeat(100000) })").thrown
    escaped = evaluate(
        "const odd = '\\x01'.repeat(100000); throw Object.assign(new Error(odd), { name: odd, stack: odd })"
    ).thrown
    pair = evaluate("throw 'x'.repeat(8191) + '\\u{1f600}'").thrown

    assert text == (None, None, "x" * 8192, None)
    assert error == (None, "Error", "m" * 8192, "s" * (20000 - 8192 - 5))
    assert stack == (None, "Error", "short", "s" * 16384)
    assert escaped == (None, "\x01" * 256, "\x01" * 8192, "\x01" * (20000 - 8192 - 256))
    assert pair is not None
    assert pair.message == "x" * 8191


def test_replaced_classes_still_count_by_name(evaluate: Evaluate) -> None:
    replaced = (
        "globalThis.RetryError = class RetryError extends Error { get name() { return 'RetryError' } };"
    )

    renamed = "RetryError.prototype.name = 'x'; Error.prototype.name = 'y';"

    for code in (replaced, renamed):
        thrown = evaluate(f"{code} throw new RetryError('own')").thrown
        assert thrown is not None
        assert thrown.known == "RetryError"
