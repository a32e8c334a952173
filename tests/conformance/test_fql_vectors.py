"""Every case of fql-vectors.json."""

import json
from pathlib import Path
from typing import Any

import pytest

from headgate.filters import FilterChain, Rule
from headgate.filters.actions import action_of, passes
from headgate.fql import FqlError, Query
from headgate.fql.glob import glob

VECTORS = json.loads(Path(__file__).with_name("fql-vectors.json").read_text())


@pytest.mark.parametrize("case", VECTORS["fql"], ids=lambda case: case["fql"])
def test_query(case: dict[str, Any]) -> None:
    if case["result"] is None:
        with pytest.raises(FqlError):
            Query(case["fql"])
    else:
        assert Query(case["fql"]).matches(VECTORS["event"]) is case["result"]


@pytest.mark.parametrize(("pattern", "text", "matches"), VECTORS["glob"])
def test_glob(pattern: str, text: str, matches: bool) -> None:
    compiled = glob(pattern)
    assert (compiled is not None and compiled.fullmatch(text) is not None) is matches


@pytest.mark.parametrize(
    "case", VECTORS["actions"]["cases"], ids=lambda case: f"{case['type']} {case['fields']}"
)
def test_action(case: dict[str, Any]) -> None:
    before = json.dumps(VECTORS["actions"]["input"])
    chain = FilterChain([Rule("all", [{"type": case["type"], "fields": case["fields"]}])])
    assert chain.apply(VECTORS["actions"]["input"]) == case["result"]
    assert json.dumps(VECTORS["actions"]["input"]) == before


@pytest.mark.parametrize("vector", VECTORS["sampling"]["vectors"], ids=lambda vector: repr(vector["value"]))
def test_sampling(vector: dict[str, Any]) -> None:
    def decide(percent: float) -> bool:
        action = action_of({"type": "SAMPLE", "percent": percent, "path": "userId"})
        return passes(action, vector["value"], lambda: 0.0)

    assert not decide(vector["p"])
    assert decide(vector["p"] + 1e-12)
