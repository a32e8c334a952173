"""Timers behave as Node's, on the clock that the host hands in."""

from __future__ import annotations

import pytest

from tests.guest.evaluate import Evaluate


def test_arguments_order_and_this(evaluate: Evaluate) -> None:
    code = """
        const seen = []
        await new Promise((done) => {
          setTimeout((...args) => { seen.push(['late', ...args]); done() }, 6, 1, 2)
          setTimeout(function (a) { seen.push(['soon', a, this === timer]) }, 0, 'x')
          const timer = setTimeout(function () { seen.push(['second', this === timer]) })
          setImmediate((a) => seen.push(['immediate', a]), 3)
          Promise.resolve().then(() => seen.push(['microtask']))
        })
        return seen
        """

    assert evaluate(code).value == [
        ["microtask"],
        ["immediate", 3],
        ["soon", "x", False],
        ["second", True],
        ["late", 1, 2],
    ]


def test_microtasks_run_between_callbacks(evaluate: Evaluate) -> None:
    code = """
        const seen = []
        await new Promise((done) => {
          setTimeout(() => { seen.push('a'); Promise.resolve().then(() => seen.push('after a')) }, 1)
          setTimeout(() => { seen.push('b'); done() }, 1)
        })
        return seen
        """

    assert evaluate(code).value == ["a", "after a", "b"]


@pytest.mark.parametrize("delay", ["undefined", "null", "NaN", "-5", "0", "'x'", "2 ** 31", "Infinity", "{}"])
def test_an_odd_delay_is_one_millisecond(evaluate: Evaluate, delay: str) -> None:
    assert evaluate(f"await new Promise((done) => setTimeout(done, {delay})); return 'ran'").value == "ran"


def test_an_interval_runs_until_cleared(evaluate: Evaluate) -> None:
    code = """
        let runs = 0
        await new Promise((done) => {
          const timer = setInterval((step) => { runs += step; if (runs === 6) { clearInterval(timer); done() } }, 1, 2)
        })
        await new Promise((done) => setTimeout(done, 5))
        return runs
        """

    assert evaluate(code).value == 6


@pytest.mark.parametrize("clear", ["clearTimeout(timer)", "clearInterval(timer)", "clearTimeout(+timer)", "clearTimeout(`${timer}`)", "timer.close()", "timer[Symbol.dispose]()"])  # fmt: skip
def test_a_timer_can_be_cleared_in_each_way(evaluate: Evaluate, clear: str) -> None:
    code = f"""
        let ran = false
        const timer = setTimeout(() => {{ ran = true }}, 1)
        {clear}
        await new Promise((done) => setTimeout(done, 5))
        return ran
        """

    assert evaluate(code).value is False


def test_a_timer_object_is_nodes(evaluate: Evaluate) -> None:
    code = """
        const timer = setTimeout(() => {}, 1), immediate = setImmediate(() => {})
        const shape = [timer.hasRef(), timer.unref() === timer, timer.hasRef(), timer.ref().hasRef(), timer.refresh() === timer,
          typeof +timer, timer.constructor.name, immediate.hasRef(), immediate.unref().hasRef(), immediate.constructor.name]
        clearTimeout(timer); clearImmediate(immediate); clearTimeout(undefined); clearTimeout({}); clearTimeout('x'); clearImmediate(1)
        return shape
        """

    assert evaluate(code).value == [
        True,
        True,
        False,
        True,
        True,
        "number",
        "Timeout",
        True,
        False,
        "Immediate",
    ]


def test_refresh_starts_over(evaluate: Evaluate) -> None:
    code = """
        let runs = 0
        const timer = setTimeout(() => { runs++ }, 2)
        await new Promise((done) => setTimeout(done, 10))
        timer.refresh()
        await new Promise((done) => setTimeout(done, 10))
        clearTimeout(timer)
        timer.refresh()
        await new Promise((done) => setTimeout(done, 10))
        return runs
        """

    assert evaluate(code).value == 2


@pytest.mark.parametrize("name", ["setTimeout", "setInterval", "setImmediate"])
def test_a_callback_must_be_a_function(evaluate: Evaluate, name: str) -> None:
    code = f"try {{ {name}('code', 1) }} catch (error) {{ return [error.name, error.code, error.message] }}"

    assert evaluate(code).value == [
        "TypeError",
        "ERR_INVALID_ARG_TYPE",
        "The \"callback\" argument must be of type function. Received type string ('code')",
    ]


def test_too_many_timers_are_refused_with_the_limit_named(evaluate: Evaluate) -> None:
    code = """
        let made = 0
        try { for (;;) { setTimeout(() => {}, 60000); made++ } } catch (error) { return [made, error.name, error.message] }
        """

    assert evaluate(code).value == [
        1000,
        "RangeError",
        "Too many timers: at most 1000 may be outstanding at once",
    ]


def test_an_exception_in_a_callback_before_the_end_is_the_outcome(evaluate: Evaluate) -> None:
    code = "await new Promise((done) => { setTimeout(() => { throw new TypeError('in a timer') }, 1); setTimeout(done, 50) })"
    thrown = evaluate(code).thrown

    assert thrown is not None
    assert (thrown.name, thrown.message) == ("TypeError", "in a timer")


def test_timers_end_with_their_invocation(evaluate: Evaluate) -> None:
    results = evaluate.all(
        "globalThis.runs = 0; setInterval(() => { globalThis.runs++ }, 1); setImmediate(() => { globalThis.runs++ }); return 'first'",
        "await new Promise((done) => setTimeout(done, 10)); return globalThis.runs",
    )

    assert [result.value for result in results] == ["first", 0]


def test_timers_work_after_everything_was_tampered_with(evaluate: Evaluate) -> None:
    code = """
        for (const owner of [Array, Map])
          for (const name of Object.getOwnPropertyNames(owner.prototype))
            if (name !== 'constructor' && name !== 'length')
              try { Object.defineProperty(owner.prototype, name, { value() { throw new Error('tampered ' + name) } }) } catch {}
        Object.defineProperty(Array.prototype, '0', { set() { throw new Error('index') } })
        let text = ''
        await new Promise((done) => { setTimeout((a, b) => { text = a + b; done() }, 2, 'x', 'y'); setTimeout(() => {}, 1); clearTimeout(setTimeout(done, 1)) })
        return text
        """

    assert evaluate(code).value == "xy"
