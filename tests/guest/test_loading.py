"""How code is loaded (SPEC 2.7): what registers a handler, sloppy scripts, places in errors, what an image may freeze."""

from __future__ import annotations

import re
from typing import Any

import pytest

from headgate_runtime import CompileError, Image
from headgate_runtime.outcome import Cause
from tests.stage import TRACK, Isolation, Stage, track, value

REGISTERED = {
    "function": "function onTrack(event) { event.by = 'it'; return event }",
    "async function": "async function onTrack(event) { event.by = 'it'; return event }",
    "var": "var onTrack = function (event) { event.by = 'it'; return event }",
    "let": "let onTrack = (event) => { event.by = 'it'; return event }",
    "const": "const onTrack = (event) => ({ ...event, by: 'it' })",
    "async arrow": "const onTrack = async (event) => ({ ...event, by: 'it' })",
    "bare assignment": "onTrack = (event) => ({ ...event, by: 'it' })",
    "window": "window.onTrack = (event) => ({ ...event, by: 'it' })",
    "this": "this.onTrack = (event) => ({ ...event, by: 'it' })",
    "globalThis": "globalThis.onTrack = (event) => ({ ...event, by: 'it' })",
    "used before it is declared": "const f = onTrack; function onTrack(event) { return { ...event, by: 'it' } }",
    "declared twice": "function onTrack() { return null }\nfunction onTrack(event) { return { ...event, by: 'it' } }",
    "reassigned": "function onTrack() { return null }\nonTrack = (event) => ({ ...event, by: 'it' })",
    "reassigned let": "let onTrack = () => null\nonTrack = (event) => ({ ...event, by: 'it' })",
    "reassigned by a promise": "var onTrack\nPromise.resolve().then(() => { onTrack = (event) => ({ ...event, by: 'it' }) })",
    "in a block": "{ function onTrack(event) { return { ...event, by: 'it' } } }",
    "on a condition": "if (typeof module === 'undefined') { function onTrack(event) { return { ...event, by: 'it' } } }",
    "var on a condition": "if (true) { var onTrack = (event) => ({ ...event, by: 'it' }) }",
    "in a try": "try { onTrack = (event) => ({ ...event, by: 'it' }); throw 1 } catch {}",
    "in another function": "function set() { onTrack = (event) => ({ ...event, by: 'it' }) } set()",
    "in an eval": "eval('function onTrack(event) { return { ...event, by: \"it\" } }')",
    "by a constructor": "new Function('onTrack = (event) => ({ ...event, by: \"it\" })')()",
    "bound": "const onTrack = function (event) { return { ...event, by: this.name } }.bind({ name: 'it' })",
    "proxied": "const onTrack = new Proxy((event) => ({ ...event, by: 'it' }), {})",
    "a method": "const { onTrack } = { onTrack(event) { return { ...event, by: 'it' } } }",
    "destructured from an array": "const [onTrack] = [(event) => ({ ...event, by: 'it' })]",
    "a static method": "class Handlers { static track(event) { return { ...event, by: 'it' } } }\nvar onTrack = Handlers.track",
    "before a return": "onTrack = (event) => ({ ...event, by: 'it' }); return; onTrack = null",
    "hoisted over a return": "return\nfunction onTrack(event) { return { ...event, by: 'it' } }",
    "a default parameter": "var onTrack = (event, settings, more = 'it') => ({ ...event, by: more })",
}

MISSING = {
    "nothing": "",
    "a comment": "// function onTrack() {}",
    "another handler": "function onPage(event) { return event }",
    "another spelling": "function ontrack(event) { return event }",
    "in an inner scope": "{ const onTrack = (event) => event }",
    "in a function": "function outer() { function onTrack(event) { return event } }",
    "never reached": "if (false) { function onTrack(event) { return event } }",
    "after a return": "return; onTrack = (event) => event",
    "a number": "onTrack = 5",
    "a string": "var onTrack = 'onTrack'",
    "an object": "const onTrack = { call() {} }",
    "null": "onTrack = null",
    "undefined": "let onTrack",
    "a class instance": "var onTrack = new (class { call() {} })()",
    "overwritten": "function onTrack(event) { return event }\nonTrack = undefined",
    "deleted": "delete globalThis.onTrack",
    "a default handler under another's name": "var onTrack = onPage",
}


@pytest.mark.parametrize("source", REGISTERED.values(), ids=REGISTERED)
def test_a_handler_is_registered(run: Stage, source: str, isolation: Isolation) -> None:
    assert run.image(source).handlers == ("onTrack",)
    for _ in range(2):
        assert value(run(source, isolation=isolation)) == {**TRACK, "by": "it"}


@pytest.mark.parametrize("source", MISSING.values(), ids=MISSING)
def test_no_handler_is_registered(run: Stage, source: str) -> None:
    assert "onTrack" not in run.image(source).handlers
    outcome = run(source)

    assert outcome.cause is Cause.UNSUPPORTED
    assert (outcome.error_name, outcome.message) == ("EventNotSupported", "track not supported")


def test_a_class_is_called_like_any_function(run: Stage) -> None:
    outcome = run("class onTrack {}")

    assert run.image("class onTrack {}").handlers == ("onTrack",)
    assert (outcome.cause, outcome.error_name) == (Cause.BAD_REQUEST, "TypeError")


@pytest.mark.parametrize(
    ("source", "by"),
    [
        ("function onIdentity(event) { return { ...event, by: 'alias' } }", "alias"),
        ("const onIdentity = (event) => ({ ...event, by: 'alias' })", "alias"),
        ("onIdentity = (event) => ({ ...event, by: 'alias' }); onIdentify = 'no function'", "alias"),
        (
            "function onIdentity() {}\nfunction onIdentify(event) { return { ...event, by: 'itself' } }",
            "itself",
        ),
        ("function onIdentify(event) { return { ...event, by: 'itself' } }\nonIdentity = null", "itself"),
    ],
)
def test_a_misspelling_in_documentation_is_taken_where_the_name_is_free(
    run: Stage, source: str, by: str
) -> None:
    assert run.image(source).handlers == ("onIdentify",)
    assert value(run(source, {"type": "identify", "userId": "u"}))["by"] == by


def test_every_handler_has_its_type(run: Stage) -> None:
    names = ("Identify", "Track", "Page", "Screen", "Group", "Alias", "Delete")
    source = "\n".join(
        f"function on{name}(event) {{ return {{ ...event, by: '{name}' }} }}" for name in names
    )

    assert run.image(source).handlers == tuple(f"on{name}" for name in names)
    for name in names:
        assert value(run(source, {"type": name.lower()})) == {"type": name.lower(), "by": name}


@pytest.mark.parametrize("name", ["Identify", "Track", "Page", "Screen", "Group", "Alias", "Delete"])
def test_default_handlers_throw_for_their_type(run: Stage, name: str) -> None:
    kind = name.lower()
    source = f"""
        function onTrack(event) {{ return on{name}(event) }}
        function onPage(event) {{
          try {{ return on{name}(event) }} catch (error) {{
            return {{ is: error instanceof EventNotSupported, name: error.name, message: error.message }}
          }}
        }}
        """
    if name not in ("Track", "Page"):
        thrown = run(source)
        assert thrown.cause is Cause.UNSUPPORTED
        assert (thrown.error_name, thrown.message) == ("EventNotSupported", f"{kind} not supported")
        assert value(run(source, {"type": "page"})) == {
            "is": True,
            "name": "EventNotSupported",
            "message": f"{kind} not supported",
            "type": "page",
        }
    missing = run("", {"type": kind})
    assert (missing.cause, missing.message) == (Cause.UNSUPPORTED, f"{kind} not supported")


class TestSloppyScript:
    @staticmethod
    def told(run: Stage, expression: str, before: str = "") -> Any:
        source = f"{before}\nconst told = {expression}\nfunction onTrack() {{ return {{ top: told, inside: {expression} }} }}"
        event = value(run(source))
        assert event["top"] == event["inside"]
        return event["top"]

    @pytest.mark.parametrize(
        "name",
        [
            "process",
            "require",
            "module",
            "exports",
            "__dirname",
            "__filename",
            "global",
            "__headgate_register",
        ],
    )
    def test_what_modules_have_is_undefined(self, run: Stage, name: str) -> None:
        assert self.told(run, f"typeof {name}") == "undefined"
        assert self.told(run, f"'{name}' in globalThis") is False

    def test_this_and_window_are_the_global_object(self, run: Stage) -> None:
        source = """
            const top = this
            function plain() { return this }
            function strict() { 'use strict'; return this }
            function onTrack() {
              return { is: [top === globalThis, window === globalThis, window.window === window, plain() === globalThis, strict() === undefined, typeof self] }
            }
            """

        assert value(run(source))["is"][:5] == [True] * 5

    def test_a_leading_use_strict_has_no_effect(self, run: Stage) -> None:
        for directive in ("'use strict'", '"use strict"', "'use strict';", "/* first */ 'use strict'\n"):
            source = f"{directive}\nundeclared = 1; var o = Object.freeze({{ a: 1 }}); o.a = 2; delete o.a\nfunction onTrack() {{ return {{ undeclared: undeclared + 010, a: o.a }} }}"

            assert value(run(source)) == {"undeclared": 9, "a": 1, "type": "track", "messageId": "m1"}

    def test_an_inner_use_strict_takes_effect(self, run: Stage) -> None:
        outcome = run("function onTrack() { 'use strict'; undeclared = 1 }")

        assert (outcome.error_name, outcome.message) == ("ReferenceError", "undeclared is not defined")

    def test_undeclared_names_become_globals(self, run: Stage) -> None:
        source = "function onTrack(event) { seen = (globalThis.seen ?? 0) + 1; event.seen = window.seen; return event }"

        assert [value(run(source))["seen"] for _ in range(3)] == [1, 2, 3]
        assert [value(run(source, isolation="hermetic"))["seen"] for _ in range(3)] == [1, 1, 1]

    def test_declared_names_do_not(self, run: Stage) -> None:
        source = "var a = 1; let b = 2; const c = 3; function d() {} class E {}\nfunction onTrack() { return { are: ['a', 'b', 'c', 'd', 'E', 'onTrack'].map((name) => Object.hasOwn(globalThis, name) && window[name] === eval(name)) } }"

        assert value(run(source))["are"] == [False] * 6

    def test_module_variables_last_as_long_as_the_environment(self, run: Stage, isolation: Isolation) -> None:
        source = "let count = 0\nconst made = {}\nfunction onTrack(event) { made['n' + ++count] = 1; return { count, keys: Object.keys(made) } }"
        counts = [value(run(source, isolation=isolation))["count"] for _ in range(3)]

        assert counts == ([1, 2, 3] if isolation == "warm" else [1, 1, 1])

    def test_globals_can_be_replaced_at_the_top_level_and_in_a_handler(self, run: Stage) -> None:
        source = "JSON = { stringify: () => 'ours' }; console = null\nfunction onTrack() { Math = 5; return { told: [JSON.stringify({}), console, Math] } }"

        assert value(run(source))["told"] == ["ours", None, 5]

    def test_code_made_of_text_is_sloppy_too(self, run: Stage) -> None:
        source = "function onTrack() { eval('var made = 1'); new Function('other = 2')(); return { is: [made, other, (0, eval)('typeof made')] } }"

        assert value(run(source))["is"] == [1, 2, "undefined"]

    def test_dynamic_import_is_refused_when_it_runs(self, run: Stage) -> None:
        source = "async function onTrack() { try { await import('fs') } catch (error) { return { name: error.name, is: error instanceof Error } } }"

        assert value(run(source))["is"] is True


class TestPlaces:
    """Lines and columns are those of the user's file, from its first character on."""

    @pytest.mark.parametrize(
        ("source", "line", "column", "source_line"),
        [
            ("let x = ;", 1, 9, "let x = ;"),
            ("\nlet x = ;", 2, 9, "let x = ;"),
            ("\n\n\n    x y", 4, 7, "    x y"),
            ("\tx y", 1, 4, "\tx y"),
            ("\ufefflet x = ;", 1, 9, "let x = ;"),
            ("\ufeff\n\nlet x = ;\n\n", 3, 9, "let x = ;"),
            ("a = 1\r\nb = 2\r\nlet x = ;\r\nc = 3", 3, 9, "let x = ;"),
            ("/* \u2028 \u2029 */\nlet x = ;", 2, 9, "let x = ;"),
            ("// \x0b\x0c\x1c\x85\nlet x = ;", 2, 9, "let x = ;"),
            ("'\u2028'; a\nb c", 2, 3, "b c"),
            ("/*é€😀*/ let x = ;", 1, 17, "/*é€😀*/ let x = ;"),
            ("`\n${1}\n`; x y", 3, 6, "`; x y"),
            ("a = '\\\n'; x y", 2, 6, "'; x y"),
            ("import x from 'y'", 1, 8, "import x from 'y'"),
            ("\nimport 'y'", 2, 8, "import 'y'"),
            ("  import { a } from 'b'", 1, 10, "  import { a } from 'b'"),
            ("function f() {}\nexport default f", 2, 1, "export default f"),
            ("export function onTrack() {}", 1, 1, "export function onTrack() {}"),
            ("\nawait fetch('x')", 2, 7, "await fetch('x')"),
            ("const a = await b", 1, 17, "const a = await b"),
            ("function onTrack() { await 1 }", 1, 28, "function onTrack() { await 1 }"),
            ("import.meta", 1, 8, "import.meta"),
            ("#!/usr/bin/env node", 1, 1, "#!/usr/bin/env node"),
            (
                "function f() { 'use strict'; with (a) {} }",
                1,
                30,
                "function f() { 'use strict'; with (a) {} }",
            ),
            ("/* never", 1, 1, "/* never"),
            ("ok()\n`never", 2, 1, "`never"),
            ("x = 'never", 1, 5, "x = 'never"),
        ],
    )
    def test_syntax_errors(self, run: Stage, source: str, line: int, column: int, source_line: str) -> None:
        error = run.refusal(source)

        assert (error.kind, error.error_name) == ("syntax", "SyntaxError")
        assert (error.line, error.column, error.source_line) == (line, column, source_line)
        assert error.message
        assert f"function.js:{line}:{column}: SyntaxError: " in str(error)

    @pytest.mark.parametrize(
        ("source", "line", "column", "message"),
        [
            ("function onTrack() {", 1, 21, "unexpected end of the source"),
            ("function onTrack() {\n\n  \n", 1, 21, "unexpected end of the source"),
            ("if (1) {\n\n  x()\n", 3, 6, "unexpected end of the source"),
            ("function onTrack() {\n}}\n// end", 2, 2, "unexpected token '}'"),
        ],
    )
    def test_a_text_that_ends_too_early_or_too_late(
        self, run: Stage, source: str, line: int, column: int, message: str
    ) -> None:
        error = run.refusal(source)

        assert (error.kind, error.line, error.column, error.message) == ("syntax", line, column, message)
        assert error.source_line == source.split("\n")[line - 1]

    @pytest.mark.parametrize(
        ("source", "line", "column", "name", "message"),
        [
            ("throw new Error('top')", 1, 11, "Error", "top"),
            ("\n\nthrow new TypeError('third')", 3, 11, "TypeError", "third"),
            ("null.x", 1, 1, "TypeError", "cannot read property 'x' of null"),
            ("\n  missing()", 2, 3, "ReferenceError", "missing is not defined"),
            ("let onTrack = missing.x", 1, 15, "ReferenceError", "missing is not defined"),
            ("f(); function f() {\n  throw new RangeError('in f')\n}", 2, 13, "RangeError", "in f"),
            ("\ufeffa.b", 1, 1, "ReferenceError", "a is not defined"),
            ("const a = b\r\nconst b = 1", 1, 11, "ReferenceError", "b is not initialized"),
        ],
    )
    def test_throws_at_the_top_level(
        self, run: Stage, source: str, line: int, column: int, name: str, message: str
    ) -> None:
        error = run.refusal(source)

        assert (error.kind, error.error_name, error.message) == ("throw", name, message)
        assert (error.line, error.column) == (line, column)
        assert error.source_line is not None

    @pytest.mark.parametrize(
        ("thrown", "text"),
        [
            ("5", "5"),
            ("undefined", "undefined"),
            ("null", "null"),
            ("'text'", "text"),
            ("{ toString: () => 'o' }", None),
        ],
    )
    def test_what_is_thrown_may_be_no_error(self, run: Stage, thrown: str, text: str | None) -> None:
        error = run.refusal(f"throw {thrown}")

        assert (error.kind, error.error_name, error.line) == ("throw", None, None)
        assert text is None or error.message == text

    @pytest.mark.parametrize(
        ("source", "line", "column"),
        [
            ("function onTrack(event) { throw new Error('here') }", 1, 37),
            ("function onTrack(event) {\n  event.a.b.c\n}", 2, 3),
            ("\ufeff// one\r\nconst onTrack = async () => {\r\n  await 1\r\n  missing()\r\n}", 4, 3),
            (
                "const o = {\n  get x() {\n    throw new Error('getter') } }\nfunction onTrack() { return o }",
                3,
                15,
            ),
            ("function onTrack(event) { return JSON.parse(event.event) }", 1, 45),
            ("onTrack = () => { null.f() }", 1, 19),
        ],
    )
    def test_stacks_of_handlers(
        self, run: Stage, isolation: Isolation, source: str, line: int, column: int
    ) -> None:
        outcome = run(source, isolation=isolation)

        assert outcome.cause is Cause.BAD_REQUEST
        places = re.findall(r"function\.js:(\d+):(\d+)", outcome.stack or "")
        assert places[0] == (str(line), str(column)), outcome.stack
        assert {int(row) for row, _ in places} <= set(range(1, source.count("\n") + 2))

    def test_stacks_name_the_users_functions_and_nothing_of_ours(self, run: Stage) -> None:
        source = "function inner() { throw new Error('x') }\nconst outer = () => inner()\nasync function onTrack() {\n  await 0\n  outer()\n}"
        stack = run(source).stack or ""

        assert re.findall(r"at (\w+) \(function\.js:(\d+)", stack) == [
            ("inner", "1"),
            ("outer", "2"),
            ("onTrack", "5"),
        ]
        assert "headgate" not in stack


FRESH = {
    "Date.now": "Date.now()",
    "new Date": "new Date().getTime()",
    "Date()": "Date()",
    "performance.now": "performance.now()",
    "Math.random": "Math.random()",
    "crypto.randomBytes": "crypto.randomBytes(8).toString('hex')",
    "crypto.randomUUID": "crypto.randomUUID()",
    "crypto.getRandomValues": "crypto.getRandomValues(new Uint32Array(2)).join()",
}


class Ticking:
    """A clock that moves an hour whenever it is asked, so that no two readings are equal."""

    def __init__(self) -> None:
        self.hours = self.readings = 0

    def wall_ms(self) -> float:
        self.hours += 1
        return 1.7e12 + self.hours * 3_600_000

    def monotonic_ms(self) -> float:
        self.readings += 1
        return float(self.readings)

    async def wait(self, tasks: Any, timeout_ms: float) -> Any:
        assert timeout_ms >= 0
        return set(tasks)


class TestImagesDoNotFreeze:
    """What the top level asks of clock, entropy and host is asked again in every fresh sandbox."""

    @pytest.mark.parametrize("expression", FRESH.values(), ids=FRESH)
    def test_a_value_of_the_moment(self, expression: str, isolation: Isolation) -> None:
        source = f"const made = {expression}\nfunction onTrack() {{ return {{ made }} }}"
        stage = Stage(clock=Ticking())
        assert stage.image(source).deferred
        seen = [value(stage(source, isolation=isolation))["made"] for _ in range(3)]
        stage.close()
        other = Stage(clock=Ticking())
        if "crypto" in expression or "random" in expression:
            seen.append(value(other(source, isolation=isolation))["made"])
        other.close()

        assert len(set(seen[:3])) == (1 if isolation == "warm" else 3)
        assert len(seen) == 3 or seen[3] not in seen[:3]

    @pytest.mark.parametrize(
        "source",
        [
            "const at = new Date(2020, 1, 1), n = Math.max(1, 2), b = Buffer.from('x'), h = crypto.createHash('sha256').update('x').digest('hex')",
            "const f = () => Date.now() + Math.random(), p = Promise.resolve(1), d = Date.UTC(2020, 1), parsed = Date.parse('2020-01-01')",
            "console.log('loaded'); class A { static made = new Map([[1, 2]]) }",
        ],
    )
    def test_what_asks_for_nothing_is_run_once(self, run: Stage, source: str) -> None:
        assert not run.image(f"{source}\nfunction onTrack(event) {{ return event }}").deferred

    def test_a_timer_of_the_top_level_runs_in_the_sandbox(self, run: Stage, isolation: Isolation) -> None:
        source = """
            let ticks = 0
            setTimeout(() => { ticks++ }, 1)
            async function onTrack() { await new Promise((done) => setTimeout(done, 5)); return { ticks } }
            """

        assert run.image(source).deferred
        assert value(run(source, isolation=isolation))["ticks"] == 1

    def test_a_cache_of_the_top_level_is_asked_in_the_sandbox(self, run: Stage, isolation: Isolation) -> None:
        source = """
            let runs = 0
            const loading = cache.load('key', -1, async () => ++runs)
            async function onTrack() { return { loaded: await loading, runs } }
            """

        assert value(run(source, isolation=isolation)) == {
            "loaded": 1,
            "runs": 1,
            "type": "track",
            "messageId": "m1",
        }

    def test_handlers_of_a_deferred_image_are_found(self, run: Stage) -> None:
        source = "const at = Date.now()\nif (at >= 0) { onTrack = (event) => event; function onPage() {} }"
        image = run.image(source)

        assert image.deferred
        assert image.handlers == ("onTrack", "onPage")
        assert value(run(source)) == track(plan="free")

    def test_a_top_level_that_throws_only_later_is_a_bad_request(
        self, run: Stage, isolation: Isolation
    ) -> None:
        source = (
            "if (Date.now() > 1e12) throw new TypeError('later')\nfunction onTrack(event) { return event }"
        )
        for _ in range(2):
            outcome = run(source, isolation=isolation)

            assert (outcome.cause, outcome.error_name, outcome.message) == (
                Cause.BAD_REQUEST,
                "TypeError",
                "later",
            )
            assert "function.js:1:" in (outcome.stack or "")

    def test_it_costs_the_first_event_only(self, run: Stage) -> None:
        source = "const at = Date.now(); let n = 0; for (let i = 0; i < 200000; i++) n += i\nfunction onTrack(event) { return event }"
        fuel = [run(source).fuel for _ in range(3)]

        assert fuel[0] > 20 * fuel[1]
        assert fuel[1] < 200_000

    def test_an_image_is_the_same_whenever_it_is_made(self, run: Stage) -> None:
        source = f"const made = [{', '.join(FRESH.values())}]\nfunction onTrack() {{ return {{ made }} }}"
        first, second = run.image(source), Stage()
        again = second.image(source)
        second.close()

        assert isinstance(first, Image)
        assert first.module == again.module


class TestRunningOut:
    """Of stack or memory: an error to catch, like any other."""

    def test_a_stack_overflow_can_be_caught(self, run: Stage) -> None:
        source = """
            function deep(n) { return deep(n + 1) + 1 }
            function onTrack(event) {
              try { deep(0) } catch (error) { event.is = [error instanceof RangeError, error.message] }
              return event
            }
            """

        assert value(run(source))["is"] == [True, "Maximum call stack size exceeded"]

    def test_at_the_top_level_too(self, run: Stage) -> None:
        caught = "let is; const f = () => f() + 1; try { f() } catch (error) { is = error.name }\nfunction onTrack() { return { is } }"
        error = run.refusal("\nconst f = () => f() + 1\nf()")

        assert value(run(caught))["is"] == "RangeError"
        assert (error.kind, error.error_name, error.line) == ("throw", "RangeError", 2)

    def test_exhausted_memory_can_be_caught(self, run: Stage) -> None:
        source = """
            function onTrack(event) {
              let kept = []
              try { for (;;) kept.push(new Uint8Array(1 << 20)) } catch (error) { kept = null; event.caught = error instanceof Error }
              return event
            }
            """

        assert value(run(source))["caught"] is True

    def test_a_top_level_without_end_is_a_limit(self, run: Stage) -> None:
        error = run.compile("for (;;) {}", fuel=10_000_000)

        assert isinstance(error, CompileError)
        assert (error.kind, error.error_name) == ("limit", None)
        assert "fuel" in error.message
