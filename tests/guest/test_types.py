"""
The declarations of guest/types: the TypeScript compiler takes them, the examples are right by them, and they tell what
is in a sandbox, no less and no more.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from guest.build import bundles
from guest.build.sources import ROOT
from tests.guest.evaluate import Evaluate
from tests.guest.tsc import TYPES, compiler

EXAMPLES = sorted(path for path in (ROOT / "examples").rglob("*") if path.suffix in (".js", ".ts"))

HANDLERS = {f"on{name}" for name in ("Identify", "Track", "Page", "Screen", "Group", "Alias", "Delete")}
"""There until the author declares them, who could not if the declarations did."""

UNDECLARED = {"InternalError", "Symbol(Symbol.toStringTag)"}
"""What the engine has of its own, and functions have no use for."""


def survey(*sources: Path) -> dict[str, Any]:
    """What survey_types.mjs finds."""
    script = Path(__file__).with_name("survey_types.mjs")
    command = [bundles.node(), script, compiler(), TYPES / "headgate.d.ts", *sources]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    wrong = tmp_path_factory.mktemp("types") / "wrong.ts"
    wrong.write_text(WRONG)
    return survey(*EXAMPLES, wrong)


WRONG = """\
async function onTrack(event: TrackEvent, settings: Settings): Promise<TrackEvent> {
  const text: number = event.event;
  process.exit(1);
  await cache.load(1, 2, () => 3);
  throw new RetryError(event.type === 'page');
}
const onPage: Handler<PageEvent> = () => 5;
const response: Response = fetch('https://a.example/');
"""


def test_the_declarations_are_sound(found: dict[str, Any]) -> None:
    assert found["complaints"][""] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_right_by_them(found: dict[str, Any], path: Path) -> None:
    assert found["complaints"][str(path)] == []


def test_what_is_wrong_by_them_is_told(found: dict[str, Any]) -> None:
    (complaints,) = [lines for name, lines in found["complaints"].items() if name.endswith("wrong.ts")]

    assert {int(line.split(":")[1]) for line in complaints} == {2, 3, 4, 5, 7, 8}


def test_every_global_is_declared(found: dict[str, Any], evaluate: Evaluate) -> None:
    names = set(evaluate("return Reflect.ownKeys(globalThis).map(String)").value)

    assert names - set(found["known"]) == HANDLERS | UNDECLARED


def test_every_declared_global_is_there(found: dict[str, Any], evaluate: Evaluate) -> None:
    names = set(evaluate("return Reflect.ownKeys(globalThis).map(String)").value)

    assert set(found["declared"]) - names == set()
    assert names & {"RetryError", "fetch", "Buffer"}


def test_every_declared_member_is_there(found: dict[str, Any], evaluate: Evaluate) -> None:
    declared = found["declared"]
    code = f"""
        const missing = []
        for (const [name, {{ own, made }}] of Object.entries({json.dumps(declared)})) {{
          const value = globalThis[name]
          if (value === undefined || value === globalThis) continue
          for (const member of own) if (!(member in value)) missing.push(`${{name}}.${{member}}`)
          if (!value.prototype) continue
          for (const member of made) if (!(member in value.prototype)) missing.push(`${{name}}.prototype.${{member}}`)
        }}
        return missing
        """

    assert sum(len(each["own"]) + len(each["made"]) for each in declared.values()) > 250
    assert evaluate(code).value == []
