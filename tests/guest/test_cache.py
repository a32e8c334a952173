"""cache.load and cache.delete (SPEC 4.6), kept by reference in a warm sandbox and with the host in a hermetic one."""

from __future__ import annotations

import pytest

from tests.guest.evaluate import Evaluate

ISOLATIONS = ["warm", "hermetic"]


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_value_is_loaded_once(evaluate: Evaluate, isolation: str) -> None:
    load = "return cache.load('key', 60000, async () => ({ made: event.n, list: [1, null, 'x'] }))"
    results = evaluate.all(load, load, load, isolation=isolation)

    assert [result.value for result in results] == [{"made": 0, "list": [1, None, "x"]}] * 3


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_delete_forgets_at_once(evaluate: Evaluate, isolation: str) -> None:
    load = "return cache.load('key', -1, () => event.n)"
    results = evaluate.all(load, f"cache.delete('key'); {load}", load, isolation=isolation)

    assert [result.value for result in results] == [0, 1, 1]


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_value_expires(evaluate: Evaluate, isolation: str) -> None:
    code = """
        let runs = 0
        const load = (key, ttl) => cache.load(key, ttl, () => ++runs)
        const first = [await load('short', 2), await load('long', 60000), await load('ever', -1), await load('open')]
        await new Promise((done) => setTimeout(done, 20))
        return [first, [await load('short', 2), await load('long', 60000), await load('ever', -1), await load('open')]]
        """

    assert evaluate(code, isolation=isolation).value == [[1, 2, 3, 4], [5, 2, 3, 4]]


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_loads_at_the_same_time_share_one_run(evaluate: Evaluate, isolation: str) -> None:
    code = """
        let runs = 0
        const load = () => cache.load('key', 60000, async () => { await new Promise((done) => setTimeout(done, 2)); return ++runs })
        return [await Promise.all([load(), load(), load()]), runs]
        """

    assert evaluate(code, isolation=isolation).value == [[1, 1, 1], 1]


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_what_the_loader_throws_passes_unchanged_and_is_not_stored(
    evaluate: Evaluate, isolation: str
) -> None:
    code = """
        const thrown = new RetryError('down')
        const caught = await Promise.allSettled([1, 2].map(() => cache.load('key', -1, async () => { throw thrown })))
        return [caught.map((one) => one.reason === thrown), await cache.load('key', -1, () => 'up')]
        """

    assert evaluate(code, isolation=isolation).value == [[True, True], "up"]
    escaped = "return cache.load('other', 1, () => { throw new RetryError('down') })"
    thrown = evaluate(escaped, isolation=isolation).thrown
    assert thrown is not None
    assert thrown.known == "RetryError"


def test_an_answer_of_the_host_does_not_disturb_the_event(evaluate: Evaluate) -> None:
    # The sandbox restores type and messageId (SPEC D13) from the event's text, which came in the same way.
    code = """
        for (const name in event) delete event[name]
        await cache.load('a key of some length', -1, () => 'a value of some length')
        return 'whole'
        """

    assert evaluate(code, isolation="hermetic").value == "whole"


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_undefined_is_not_stored(evaluate: Evaluate, isolation: str) -> None:
    code = "return [typeof await cache.load('k', -1, () => undefined), await cache.load('k', -1, () => null), await cache.load('k', -1, () => 1)]"

    assert evaluate(code, isolation=isolation).value == ["undefined", None, None]


def test_warm_values_are_kept_by_reference(evaluate: Evaluate) -> None:
    code = """
        class Client { call() { return 'called' } }
        const made = await cache.load('client', -1, () => new Client())
        const again = await cache.load('client', -1, () => new Client())
        return [made === again, again.call()]
        """

    assert evaluate(code).value == [True, "called"]


@pytest.mark.parametrize(
    "value",
    [
        *("new Date(0)", "new Map()", "() => 1", "{ f() {} }", "[, 1]", "10n", "NaN", "Symbol('s')"),
        *(
            "new (class Client { x = 1 })()",
            "{ get a() { return 1 } }",
            "{ deep: { a: undefined } }",
            "{ toJSON() {} }",
        ),
        *(
            "(() => { const a = {}; a.a = a; return a })()",
            "new Proxy({}, {})",
            "Object.assign([1], { x: 1 })",
        ),
    ],
)
def test_hermetic_values_that_json_would_change_are_not_stored(evaluate: Evaluate, value: str) -> None:
    code = f"""
        let runs = 0
        const load = () => cache.load('key', -1, () => {{ runs++; return {value} }})
        await load(); await load()
        return runs
        """

    assert evaluate(code, isolation="hermetic").value == 2


def test_the_entry_used_longest_ago_leaves_first(evaluate: Evaluate) -> None:
    code = """
        for (let i = 0; i < 1000; i++) await cache.load('k' + i, -1, () => i)
        await cache.load('k0', -1, () => 'again')
        await cache.load('one more', -1, () => 1)
        return [await cache.load('k0', -1, () => 'gone'), await cache.load('k1', -1, () => 'gone')]
        """

    assert evaluate(code).value == [0, "gone"]


def test_a_key_deleted_while_it_loads_is_not_stored(evaluate: Evaluate) -> None:
    code = """
        let finish
        const stale = cache.load('key', -1, () => new Promise((done) => { finish = done }))
        await 0
        cache.delete('key')
        finish('stale')
        return [await stale, await cache.load('key', -1, () => 'fresh')]
        """

    assert evaluate(code).value == ["stale", "fresh"]


def test_a_load_left_behind_does_not_reach_the_next_invocation(evaluate: Evaluate) -> None:
    results = evaluate.all(
        "cache.load('key', -1, () => new Promise((done) => { globalThis.finish = done })); return 'left'",
        "const value = await cache.load('key', -1, () => 'own'); finish('late'); await 0; await 0; return value",
        "return cache.load('key', -1, () => 'never')",
    )

    assert [result.value for result in results] == ["left", "own", "own"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("cache.load(1, 1, () => 1)", 'The "key" argument must be of type string. Received type number (1)'),
        ("cache.load('k', 1)", 'The "fn" argument must be of type function. Received undefined'),
        (
            "cache.load('k', 'soon', () => 1)",
            "The \"ttl\" argument must be a number of milliseconds, or -1 for no expiry. Received type string ('soon')",
        ),
        ("cache.delete(null)", 'The "key" argument must be of type string. Received null'),
    ],
)
def test_a_wrong_argument_is_named(evaluate: Evaluate, call: str, message: str) -> None:
    assert evaluate(
        f"try {{ await {call} }} catch (error) {{ return [error.name, error.message] }}"
    ).value == [
        "TypeError",
        message,
    ]
