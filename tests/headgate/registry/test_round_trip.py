"""Whatever a manifest says: applied, exported and applied again, it is the same. What makes no sense is refused."""

from __future__ import annotations

import contextlib
import copy
import itertools
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.registry import kinds
from headgate.registry.errors import Refused
from headgate.registry.manifest import applying
from headgate.registry.manifest.export import write
from headgate.registry.manifest.model import ManifestError
from headgate.registry.records import SYSTEM
from headgate.registry.settings import TYPES
from tests.headgate.registry.manifests import ManifestDirectory

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8).filter(
    str.strip
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
TOKENS = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,5}", fullmatch=True)
IDENTIFIERS = st.from_regex(r"[A-Za-z_$][A-Za-z0-9_$]{0,5}", fullmatch=True)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "STRING": TEXTS,
    "BOOLEAN": st.booleans(),
    "ARRAY": st.lists(TEXTS, max_size=3),
    "TEXT_MAP": st.dictionaries(st.sampled_from(["env", "value", "a", "b c", ""]), TEXTS, max_size=2),
}
QUERIES = st.sampled_from(["all", "type = 'page'", 'event = "A"\n or type = "x"'])
SOMETIMES = st.booleans()
ACTIONS = st.sampled_from(
    [{"type": "DROP"}, {"type": "SAMPLE", "percent": 0.25, "path": "userId"}, {"type": "DROP_PROPERTIES", "fields": {"": ["a"], "a.b": ["c d"]}}]
)  # fmt: skip


def tables(required: dict[str, Any], **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, Any]:
    slugs = draw(st.lists(TOKENS, max_size=2, unique=True))
    definitions = st.lists(
        tables(
            {"name": IDENTIFIERS, "type": st.sampled_from(TYPES)},
            label=TEXTS,
            description=TEXTS,
            sensitive=st.booleans(),
        ),
        max_size=3,
        unique_by=lambda each: each["name"],
    )
    functions = draw(
        st.lists(
            tables(
                {"name": NAMES, "code": TEXTS},
                language=st.sampled_from(["javascript", "typescript"]),
                description=TEXTS,
                settings=definitions,
                batch_max_count=st.integers(1, 1_000),
                isolation=st.sampled_from(["warm", "hermetic"]),
                time_ms=st.integers(1, 60_000),
            ),
            max_size=2,
            unique_by=lambda each: each["name"],
        )
    )
    there = []
    for slug in slugs:
        for name in draw(st.lists(NAMES, max_size=2, unique=True)):
            made: dict[str, Any] = draw(
                tables(
                    {"kind": st.just("webhook"), "url": st.just("https://x.example/?a=b#c")},
                    enabled=st.booleans(),
                    headers=st.dictionaries(TOKENS, TOKENS, max_size=2).filter(
                        lambda headers: len({name.lower() for name in headers}) == len(headers)
                        and not {name.lower() for name in headers} & kinds._HEADERS_OURS
                    ),
                    signing_secret=TEXTS.filter(bool),
                    rate_per_s=st.floats(0.1, 1_000),
                    filters=st.lists(tables({"if": QUERIES, "actions": st.lists(ACTIONS, min_size=1, max_size=2)}, title=NAMES, description=TEXTS, enabled=st.booleans()), max_size=3),
                )
                | tables({"kind": st.just("sink"), "path": TOKENS}, enabled=st.booleans())
            )  # fmt: skip
            if draw(SOMETIMES) and functions:
                chosen = draw(st.sampled_from(functions))
                made["function"] = {
                    "name": chosen["name"],
                    "enabled": draw(SOMETIMES),
                    "settings": {
                        each["name"]: wrapped(draw(VALUES[each["type"]]))
                        for each in chosen.get("settings", [])
                        if draw(SOMETIMES)
                    },
                }
            there.append({"name": name, "source": slug} | made)
    named = [draw(tables({"slug": st.just(slug)}, name=NAMES, enabled=st.booleans())) for slug in slugs]
    return {"sources": named, "functions": functions, "destinations": there}


def wrapped(value: Any) -> Any:
    return {"value": value} if isinstance(value, dict) else value


NUMBERS = itertools.count()


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(manifests())
def test_whatever_is_applied_and_exported_is_the_same(
    manifests: ManifestDirectory, raw: dict[str, Any]
) -> None:
    slug = f"w{next(NUMBERS)}"

    manifests.apply(tomlkit.dumps({"workspace": {"slug": slug}} | raw))

    assert manifests.apply(tomlkit.dumps({"workspace": {"slug": slug}} | raw)).steps == []
    exported = manifests.export(slug=slug)
    assert manifests.apply(exported.text, {}, prune=True).steps == []
    assert manifests.export(slug=slug) == exported
    write(manifests.export(slug=slug, inline=False), manifests.directory / slug)
    apart = applying.load(manifests.directory / slug / "headgate.toml")
    assert applying.rehearse(manifests.registry, apart, {}, SYSTEM, prune=True).steps == []


SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.sampled_from(
        ["type = 'page'", "DROP", "$x", "https://a:b@x/", datetime(2026, 1, 2, tzinfo=UTC), time(1)]
    ),
    st.sampled_from([date(2026, 1, 2), {"env": "NOT SET"}, {"env": "MISSING"}, {"value": {}}]),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TOKENS | st.just("if"), inner, max_size=2),
    max_leaves=4,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container within *value*, with each of its keys."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [place for key, inner in entries for place in ((value, key), *places(inner))]


@settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(manifests(), st.data())
def test_whatever_stands_anywhere_is_applied_or_refused(
    manifests: ManifestDirectory, raw: dict[str, Any], data: st.DataObject
) -> None:
    whole = copy.deepcopy({"workspace": {"slug": f"x{next(NUMBERS)}"}} | raw)  # parts of *raw* are shared
    container, key = data.draw(st.sampled_from(places(whole)))
    container[key] = data.draw(ANYTHING)
    if isinstance(container, dict) and data.draw(SOMETIMES):
        container[data.draw(TOKENS)] = container.pop(key)
    text = tomlkit.dumps(whole)

    with contextlib.suppress(ManifestError, Refused):
        manifests.apply(text)
        assert manifests.apply(text).steps == []


@pytest.mark.parametrize("when", ["2026-01-02T00:00:00Z", "2026-01-02", "01:00:00"])
def test_a_date_of_toml_in_an_action_is_refused(manifests: ManifestDirectory, when: str) -> None:
    """Stored as text, it would differ from the manifest ever after."""
    sample = {"type": "SAMPLE", "percent": 0.5, "path": "WHEN"}
    whole = {
        "workspace": {"slug": "dated"},
        "sources": [{"slug": "web"}],
        "destinations": [
            {
                "name": "Out",
                "source": "web",
                "kind": "webhook",
                "url": "https://x.example/",
                "filters": [{"if": "all", "actions": [sample]}],
            }
        ],
    }

    with pytest.raises((ManifestError, Refused), match="actions: cannot be written as JSON"):
        manifests.apply(tomlkit.dumps(whole).replace('"WHEN"', when))
