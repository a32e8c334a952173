"""The global object: what is there, what is not, and the small web interfaces (SPEC 2.7, 4.2)."""

from __future__ import annotations

import pytest

from tests.guest.evaluate import Evaluate


def test_what_node_modules_have_is_not_there(evaluate: Evaluate) -> None:
    names = "global process require module exports __dirname __filename print scriptArgs std os navigator WebAssembly"
    code = f"return '{names}'.split(' ').map((name) => new Function(`return typeof ${{name}}`)())"

    assert set(evaluate(code).value) == {"undefined"}


def test_window_is_the_global_object(evaluate: Evaluate) -> None:
    code = (
        "return [window === globalThis, window.window === window, (function () { return this })() === window]"
    )

    assert evaluate(code).value == [True, True, True]


def test_globals_are_like_built_in_ones(evaluate: Evaluate) -> None:
    code = """
        const names = ['console', 'setTimeout', 'cache', 'RetryError', 'onTrack', 'Event', 'AbortSignal', 'structuredClone',
          'performance', 'atob', 'btoa', 'window', 'queueMicrotask', 'DOMException']
        return names.filter((name) => {
          const property = Object.getOwnPropertyDescriptor(globalThis, name)
          return !(property && property.writable && property.configurable && !property.enumerable)
        })
        """

    assert evaluate(code).value == []


def test_every_global_can_be_replaced(evaluate: Evaluate) -> None:
    code = """
        for (const name of ['console', 'setTimeout', 'cache', 'RetryError', 'structuredClone']) globalThis[name] = name
        return [console, setTimeout, cache, RetryError, structuredClone]
        """

    assert evaluate(code).value == ["console", "setTimeout", "cache", "RetryError", "structuredClone"]


def test_classes_have_their_own_names(evaluate: Evaluate) -> None:
    names = [
        "Event",
        "CustomEvent",
        "EventTarget",
        "AbortController",
        "AbortSignal",
        "DOMException",
        "RetryError",
    ]

    assert evaluate(f"return {names}.map((name) => globalThis[name].name)").value == names


BASE64 = [
    # Recorded from the packages btoa 1.2.1 and atob 2.1.2
    ("btoa('k:')", "azo="),
    ("atob('azo=')", "k:"),
    ("btoa('')", ""),
    ("btoa('\\xff\\x00')", "/wA="),
    ("btoa('\\u4e2d')", "LQ=="),
    ("btoa(12)", "MTI="),
    ("btoa([1, 2])", "MSwy"),
    ("btoa(Buffer.from([1, 2]))", "AQI="),
    ("atob('_-8')", "\xff\xef"),
    ("atob('a z o =')", "k:"),
    ("atob('!!!')", ""),
    ("atob('azo')", "k:"),
    ("atob(btoa('\\xe9t\\xe9'))", "\xe9t\xe9"),
]


@pytest.mark.parametrize(("code", "expected"), BASE64, ids=[row[0] for row in BASE64])
def test_base64(evaluate: Evaluate, code: str, expected: str) -> None:
    assert evaluate(f"return {code}").value == expected


def test_structured_clone_copies_every_kind(evaluate: Evaluate) -> None:
    code = """
        const key = { k: 1 }
        const source = { date: new Date(5), pattern: /a/gi, map: new Map([[key, new Set([1, key])]]), big: 10n, boxed: Object('s'),
          view: new Uint8Array([9, 1, 2]).subarray(1), data: new DataView(new ArrayBuffer(4), 1, 2),
          error: new RangeError('far', { cause: { q: 1 } }), sparse: [, 1], none: undefined, key }
        source.self = source
        source.sparse.extra = 'x'
        const copy = structuredClone(source)
        const [copiedKey, copiedSet] = [...copy.map][0]
        return [copy !== source, copy.self === copy, copy.date.getTime(), `${copy.pattern}`, copiedKey === copy.key, copiedKey !== key,
          copiedSet.has(copiedKey), copy.big === 10n, `${copy.boxed}`, typeof copy.boxed, [...copy.view], copy.view.byteOffset,
          copy.data.byteLength, copy.error instanceof RangeError, copy.error.message, copy.error.cause, 0 in copy.sparse, copy.sparse.length,
          copy.sparse.extra, 'none' in copy]
        """

    assert evaluate(code).value == [
        *(True, True, 5, "/a/gi", True, True, True, True, "s", "object", [1, 2], 1, 2),
        *(True, "far", {"q": 1}, False, 2, "x", True),
    ]


@pytest.mark.parametrize(
    "value",
    [
        "() => 1",
        "Symbol('s')",
        "new WeakMap()",
        "Promise.resolve()",
        "new Proxy({}, {})",
        "{ deep: [() => 1] }",
        "(function* () {})()",
    ],
)
def test_structured_clone_refuses_what_cannot_be_copied(evaluate: Evaluate, value: str) -> None:
    code = f"try {{ structuredClone({value}) }} catch (error) {{ return [error.name, error.code, error instanceof DOMException] }}"

    assert evaluate(code).value == ["DataCloneError", 25, True]


def test_structured_clone_transfers_buffers(evaluate: Evaluate) -> None:
    code = """
        const buffer = new Uint8Array([1, 2]).buffer
        const copy = structuredClone({ buffer }, { transfer: [buffer] })
        const twice = new ArrayBuffer(1)
        const names = [[buffer], [twice, twice], [{}]].map((transfer) => {
          try { structuredClone(1, { transfer }) } catch (error) { return error.name }
        })
        return [buffer.byteLength, [...new Uint8Array(copy.buffer)], names, twice.byteLength]
        """

    assert evaluate(code).value == [0, [1, 2], ["DataCloneError"] * 3, 1]


def test_events_reach_their_listeners(evaluate: Evaluate) -> None:
    code = """
        const target = new EventTarget(), seen = []
        const listener = function (event) { seen.push([event.type, this === target, event.target === target, event.currentTarget === target, event.eventPhase]) }
        target.addEventListener('go', listener)
        target.addEventListener('go', listener)
        target.addEventListener('go', { handleEvent(event) { seen.push('object') } }, { once: true })
        target.addEventListener('go', (event) => event.preventDefault(), { passive: true })
        const first = target.dispatchEvent(new Event('go', { cancelable: true }))
        target.addEventListener('go', (event) => { event.preventDefault(); event.stopImmediatePropagation() })
        target.addEventListener('go', () => seen.push('never'))
        const second = target.dispatchEvent(new CustomEvent('go', { cancelable: true, detail: 7 }))
        target.removeEventListener('go', listener)
        target.dispatchEvent(new Event('go'))
        return [seen, first, second, new CustomEvent('x', { detail: 7 }).detail]
        """

    heard = ["go", True, True, True, 2]
    assert evaluate(code).value == [[heard, "object", heard], True, False, 7]


def test_what_a_listener_throws_is_an_uncaught_exception(evaluate: Evaluate) -> None:
    code = """
        const target = new EventTarget()
        target.addEventListener('go', () => { throw new TypeError('in a listener') })
        target.dispatchEvent(new Event('go'))
        await new Promise((done) => setTimeout(done, 5))
        """
    thrown = evaluate(code).thrown

    assert thrown is not None
    assert thrown.message == "in a listener"


def test_abort(evaluate: Evaluate) -> None:
    code = """
        const controller = new AbortController(), { signal } = controller, seen = []
        signal.onabort = (event) => seen.push(['handler', event.type])
        signal.addEventListener('abort', () => seen.push('listener'))
        const any = AbortSignal.any([AbortSignal.any([signal]), new AbortController().signal])
        controller.abort(); controller.abort()
        let thrown
        try { signal.throwIfAborted() } catch (error) { thrown = error }
        const timeout = AbortSignal.timeout(2)
        await new Promise((done) => timeout.addEventListener('abort', done))
        return [seen, signal.aborted, signal.reason.name, signal.reason.code, signal.reason.message, thrown === signal.reason,
          any.reason === signal.reason, AbortSignal.abort('why').reason, timeout.reason.name, Object.keys(AbortSignal)]
        """

    assert evaluate(code).value == [
        *([["handler", "abort"], "listener"], True, "AbortError", 20, "This operation was aborted", True),
        *(True, "why", "TimeoutError", []),
    ]


def test_a_signal_removes_its_listeners(evaluate: Evaluate) -> None:
    code = """
        const target = new EventTarget(), controller = new AbortController()
        let heard = 0
        target.addEventListener('go', () => heard++, { signal: controller.signal })
        target.dispatchEvent(new Event('go'))
        controller.abort()
        target.dispatchEvent(new Event('go'))
        target.addEventListener('go', () => heard++, { signal: controller.signal })
        target.dispatchEvent(new Event('go'))
        return heard
        """

    assert evaluate(code).value == 1


def test_performance(evaluate: Evaluate) -> None:
    code = """
        const before = performance.now()
        performance.mark('start', { detail: { a: 1 } })
        await new Promise((done) => setTimeout(done, 5))
        const measure = performance.measure('span', 'start')
        let name
        try { performance.measure('x', 'unknown') } catch (error) { name = error.name }
        const all = performance.getEntriesByType('mark').map((entry) => [entry.name, entry.detail.a])
        performance.clearMarks()
        return [performance.now() >= before + 4, measure.duration >= 4, all, performance.getEntriesByType('mark').length, name,
          Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 50, typeof performance.toJSON().timeOrigin]
        """

    assert evaluate(code).value == [True, True, [["start", 1]], 0, "SyntaxError", True, "number"]


def test_microtasks_run_in_order(evaluate: Evaluate) -> None:
    code = """
        const seen = []
        queueMicrotask(() => seen.push(1))
        Promise.resolve().then(() => seen.push(2))
        queueMicrotask(() => seen.push(3))
        await new Promise((done) => setTimeout(done, 1))
        return seen
        """

    assert evaluate(code).value == [1, 2, 3]


def test_default_handlers_throw_for_their_type(evaluate: Evaluate) -> None:
    code = """
        const types = ['Identify', 'Page', 'Screen', 'Group', 'Alias', 'Delete']
        return types.map((type) => { try { globalThis['on' + type]() } catch (error) { return [error.name, error.message] } })
        """

    assert evaluate(code).value == [
        ["EventNotSupported", f"{name} not supported"]
        for name in ("identify", "page", "screen", "group", "alias", "delete")
    ]
