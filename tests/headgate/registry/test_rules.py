"""Every rule on what may be stored, on both sides of its limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headgate.registry import destinations, filters, functions, instances, limits, sources, workspaces
from headgate.registry.errors import Conflict, Invalid, NotFound, Refused
from headgate.registry.records import Actor
from headgate.registry.spans import Span
from headgate.registry.store import Change, View
from tests.headgate.registry.harness import CODE, RegistryHarness, definition

DROP = [{"type": "DROP"}]


def refusal(harness: RegistryHarness, act: Callable[[Change], Any]) -> Refused:
    with pytest.raises(Refused) as caught:
        harness.do(act)
    return caught.value


@pytest.mark.parametrize(
    ("field", "most", "write"),
    [
        ("name", 120, lambda c, h, text: workspaces.modify(c, h.workspace.id, name=text)),
        ("slug", 100, lambda c, _, text: workspaces.create(c, slug=text)),
        ("slug", 100, lambda c, h, text: sources.create(c, h.workspace.id, slug=text)),
        ("name", 120, lambda c, h, text: sources.modify(c, h.source.id, name=text)),
        ("writeKey", 100, lambda c, h, text: sources.add_key(c, h.source.id, text)),
        ("name", 120, lambda c, h, text: sink(c, h, name=text)),
        ("title", 64, lambda c, h, text: a_filter(c, h, title=text)),
        ("description", 4_096, lambda c, h, text: a_filter(c, h, description=text)),
        ("displayName", 120, lambda c, h, text: a_function(c, h, display_name=text)),
        ("description", 4_096, lambda c, h, text: a_function(c, h, description=text)),
    ],
)
def test_texts_are_bounded(
    harness: RegistryHarness, field: str, most: int, write: Callable[..., Any]
) -> None:
    harness.do(lambda change: write(change, harness, "x" * most))

    error = refusal(harness, lambda change: write(change, harness, "x" * (most + 1)))

    assert isinstance(error, Invalid)
    assert (error.field, error.message) == (
        field,
        f"has {most + 1} characters; at most {most} are allowed",
    )


def sink(change: Change, harness: RegistryHarness, **facts: Any) -> object:
    return destinations.create(change, harness.source.id, kind="sink", settings={"path": "a"}, **facts)


def a_filter(change: Change, harness: RegistryHarness, **facts: Any) -> object:
    there = destinations.listed(change, source=harness.source.id)
    destination = there[0] if there else sink(change, harness)
    whole: dict[str, Any] = {"query": "all", "actions": DROP, "title": "t"}
    return filters.create(change, destination.id, **(whole | facts))  # type: ignore[attr-defined]


def a_function(change: Change, harness: RegistryHarness, **facts: Any) -> object:
    whole: dict[str, Any] = {"display_name": "f", "code": CODE}
    return functions.create(change, harness.workspace.id, **(whole | facts))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "name: must not be empty"),
        (" ", "name: must be one line of text, and not blank"),
        ("a\nb", "name: must be one line of text, and not blank"),
        ("a\0b", "name: must not contain the character NUL"),
        ("\ud800", "name: must be valid Unicode"),
    ],
)
def test_names_are_a_line_of_text(harness: RegistryHarness, name: str, message: str) -> None:
    assert (
        str(refusal(harness, lambda change: sources.modify(change, harness.source.id, name=name))) == message
    )


@pytest.mark.parametrize("slug", ["", "-a", "_a", "a b", "é", "a/b", "a\n"])
def test_slugs_are_plain(harness: RegistryHarness, slug: str) -> None:
    assert (
        refusal(harness, lambda change: sources.modify(change, harness.source.id, slug=slug)).field == "slug"
    )


@pytest.mark.parametrize("key", ["", " ", "a b", "a:b", "é", "a\n"])
def test_write_keys_are_plain(harness: RegistryHarness, key: str) -> None:
    assert (
        refusal(harness, lambda change: sources.add_key(change, harness.source.id, key)).field == "writeKey"
    )


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"batch_max_count": 0}, "batchMaxCount"),
        ({"batch_max_count": 1_001}, "batchMaxCount"),
        ({"time_ms": 0}, "timeMs"),
        ({"time_ms": 60_001}, "timeMs"),
        ({"isolation": "cold"}, "isolation"),
        ({"logo_url": "ftp://x"}, "logoUrl"),
        ({"logo_url": "x" * 2_049}, "logoUrl"),
        ({"description": "\0"}, "description"),
    ],
)
def test_facts_of_functions_outside_their_range(
    harness: RegistryHarness, values: dict[str, Any], field: str
) -> None:
    function = harness.function()

    for act in (
        lambda change: functions.modify(change, function.id, **values),
        lambda change: a_function(change, harness, **values),
    ):
        error = refusal(harness, act)
        assert isinstance(error, Invalid)
        assert error.field == field


@pytest.mark.parametrize(
    "values",
    [
        {"batch_max_count": 1, "time_ms": 1, "isolation": "hermetic"},
        {"batch_max_count": 1_000, "time_ms": 60_000, "logo_url": "https://example.com/x.png"},
    ],
)
def test_facts_of_functions_within_their_range(harness: RegistryHarness, values: dict[str, Any]) -> None:
    function = harness.function()

    changed = harness.do(lambda change: functions.modify(change, function.id, **values))

    assert {key: getattr(changed, key) for key in values} == values
    assert changed.latest == function.latest


def test_a_function_has_defaults_and_an_id(harness: RegistryHarness) -> None:
    function = harness.function()

    assert function.id.startswith("ifnd_")
    assert len(function.id) == 5 + 24
    assert int(function.id[5:], 16)
    assert (function.batch_max_count, function.isolation, function.time_ms) == (20, "warm", 5_000)
    assert harness.see(functions.get, function.id[5:]) == function
    assert functions.bare_id(function.id) == function.id[5:]
    with pytest.raises(NotFound):
        harness.see(functions.get, "ifnd_" + "0" * 24)
    with pytest.raises(NotFound):
        harness.see(functions.get, "nonsense")


def test_functions_of_a_workspace_are_counted(harness: RegistryHarness) -> None:
    for number in range(limits.FUNCTIONS_PER_WORKSPACE):
        harness.function(name=f"f{number}")

    error = refusal(harness, lambda change: a_function(change, harness))

    assert isinstance(error, Conflict)
    assert str(error) == "a workspace can have at most 25 functions"
    with harness.registry.change() as change:
        other = workspaces.create(change, slug="other")
        functions.create(change, other.id, display_name="f", code=CODE)


def test_filters_of_a_destination_are_counted(harness: RegistryHarness) -> None:
    for _ in range(limits.FILTERS_PER_DESTINATION):
        harness.do(lambda change: a_filter(change, harness))

    error = refusal(harness, lambda change: a_filter(change, harness))

    assert str(error) == "a destination can have at most 10 filters"
    assert isinstance(error, Conflict)


def test_a_filter_has_a_condition_of_bounded_size(harness: RegistryHarness) -> None:
    def of(size: int) -> str:
        return "type = '" + "é" * ((size - 9) // 2) + "x" * ((size - 9) % 2) + "'"

    assert len(of(5_120).encode()) == 5_120
    harness.do(lambda change: a_filter(change, harness, query=of(5_120)))

    error = refusal(harness, lambda change: a_filter(change, harness, query=of(5_121)))

    assert str(error) == "if: has 5121 bytes; at most 5120 are allowed"


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"query": ""}, "if"),
        ({"query": "type ="}, "if"),
        ({"query": "\ud800"}, "if"),
        ({"actions": []}, "actions"),
        ({"actions": [{"type": "EXPLODE"}]}, None),
        ({"actions": [{"type": "SAMPLE", "percent": 1.5}]}, None),
        ({"actions": [{"type": "DROP_PROPERTIES"}]}, None),
        ({"title": ""}, "title"),
    ],
)
def test_a_filter_that_could_not_work_is_refused(
    harness: RegistryHarness, facts: dict[str, Any], field: str | None
) -> None:
    error = refusal(harness, lambda change: a_filter(change, harness, **facts))

    assert isinstance(error, Invalid)
    assert field in (None, error.field)


def test_filters_keep_their_order(harness: RegistryHarness) -> None:
    hook = harness.destination()
    with harness.registry.change() as change:
        names = [
            filters.create(change, hook.id, query="all", actions=DROP, title=title).id for title in "cab"
        ]
    harness.do(lambda change: filters.remove(change, names[1]))
    harness.do(lambda change: filters.modify(change, names[0], title="z", enabled=False))
    harness.do(lambda change: filters.create(change, hook.id, query="all", actions=DROP, title="y"))

    assert [each.title for each in harness.see(filters.listed, hook.id)] == ["z", "b", "y"]
    with pytest.raises(NotFound):
        harness.see(filters.get, names[0], destination="another")


def test_slugs_are_unique_in_their_place(harness: RegistryHarness) -> None:
    assert isinstance(refusal(harness, lambda change: workspaces.create(change, slug="acme")), Conflict)
    error = refusal(harness, lambda change: sources.create(change, harness.workspace.id, slug="web"))
    assert (error.field, error.message) == ("slug", "there is a source 'web' in this workspace already")
    with harness.registry.change() as change:
        other = workspaces.create(change, slug="other")
        sources.create(change, other.id, slug="web")


def test_names_of_destinations_are_unique_in_a_source(harness: RegistryHarness) -> None:
    hook = harness.destination()
    other = harness.destination("Other")

    error = refusal(harness, lambda change: destinations.modify(change, other.id, name="Hook"))

    assert isinstance(error, Conflict)
    assert str(error) == "name: this source already has a destination 'Hook'"
    assert harness.do(lambda change: destinations.modify(change, hook.id, name="Hook")) == hook


def test_a_destination_without_a_name_has_that_of_its_kind(harness: RegistryHarness) -> None:
    assert harness.do(lambda change: sink(change, harness)).name == "Sink"


def test_write_keys_belong_to_one_source(harness: RegistryHarness) -> None:
    (key,) = harness.source.write_keys
    with harness.registry.change() as change:
        other = sources.create(change, harness.workspace.id, slug="other", keys=[])

    error = refusal(harness, lambda change: sources.add_key(change, other.id, key))

    assert isinstance(error, Conflict)
    assert key not in str(error)
    assert (
        refusal(harness, lambda change: sources.add_key(change, harness.source.id, key)).field == "writeKey"
    )
    changed = harness.do(lambda change: sources.add_key(change, harness.source.id))
    assert len(set(changed.write_keys)) == 2
    assert changed.write_keys[0] == key
    assert (
        harness.do(lambda change: sources.remove_key(change, changed.id, key)).write_keys
        == changed.write_keys[1:]
    )
    with pytest.raises(NotFound):
        harness.do(lambda change: sources.remove_key(change, changed.id, key))


def test_write_keys_of_a_source_are_counted(harness: RegistryHarness) -> None:
    for _ in range(limits.WRITE_KEYS_PER_SOURCE - 1):
        harness.do(lambda change: sources.add_key(change, harness.source.id))

    error = refusal(harness, lambda change: sources.add_key(change, harness.source.id))

    assert error.message == "a source can have at most 100 write keys"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "settings.url: is required"),
        ({"url": 1}, "settings.url: must be a valid string"),
        ({"url": "not a url"}, "settings.url: is not a URL"),
        ({"url": "file:///etc/passwd"}, "settings.url: must be an http or https URL"),
        ({"url": "https://a:b@c/"}, "settings.url: must not contain credentials; send them in a header"),
        ({"more": 1}, "settings.more: is unknown"),
        ({"method": "GET"}, "settings.method: must be 'POST', 'PUT' or 'PATCH'"),
        ({"batch_max_count": 0}, "settings.batch_max_count: must be greater than or equal to 1"),
        ({"batch_max_count": 1_001}, "settings.batch_max_count: must be less than or equal to 1000"),
        ({"batch_wait_ms": 60_001}, "settings.batch_wait_ms: must be less than or equal to 60000"),
        ({"rate_per_s": 0}, "settings.rate_per_s: must be greater than 0"),
        ({"concurrency": 1_001}, "settings.concurrency: must be less than or equal to 1000"),
        ({"headers": {"a b": "x"}}, "settings.headers: 'a b' is not a valid header name"),
        ({"headers": {"Host": "x"}}, "settings.headers: 'Host' is set by Headgate itself"),
        (
            {"headers": {"X": "a\r\nY: b"}},
            "settings.headers: 'X' must be visible ASCII characters, with no space at either end",
        ),
        (
            {"headers": {"X": "1", "x": "2"}},
            "settings.headers: 'x' is given twice: header names are case-insensitive",
        ),
        (
            {"headers": {"X": "x" * 8_193}},
            "settings.headers: 'X' has 8193 characters; at most 8192 are allowed",
        ),
        ({"headers": {f"X{n}": "" for n in range(51)}}, "settings.headers: has 51; at most 50 are allowed"),
        (
            {"headers": {"X": "••••••••"}},
            "settings.headers.X: is the mask of a secret, but no secret is stored",
        ),
        ({"signing_secret": ""}, "settings.signing_secret: string must have at least 1 character"),
        (
            {"signing_secret": "x" * 1_025},
            "settings.signing_secret: string must have at most 1024 characters",
        ),
    ],
)
def test_settings_of_a_webhook_that_are_refused(
    harness: RegistryHarness, settings: dict[str, Any], message: str
) -> None:
    whole = settings if settings == {} else {"url": "https://example.com/"} | settings

    error = refusal(
        harness, lambda change: destinations.create(change, harness.source.id, kind="webhook", settings=whole)
    )

    assert isinstance(error, Invalid)
    assert str(error) == message


def test_settings_of_a_webhook_at_their_limits(harness: RegistryHarness) -> None:
    hook = harness.destination(
        method="PATCH",
        batch_max_count=1_000,
        batch_wait_ms=60_000,
        rate_per_s=0.5,
        concurrency=1_000,
        headers={f"X{number}": "x" * 8_192 for number in range(50)},
        signing_secret="x" * 1_024,
    )

    assert len(hook.secrets) == 51
    assert hook.settings == {
        "url": "https://example.com/",
        "method": "PATCH",
        "batch_max_count": 1_000,
        "batch_wait_ms": 60_000,
        "rate_per_s": 0.5,
        "concurrency": 1_000,
    }


@pytest.mark.parametrize("path", ["", "/", "a/", "../a", "a/../../b", "a\0b", "x" * 1_025])
def test_paths_of_sinks_name_a_file_below(harness: RegistryHarness, path: str) -> None:
    error = refusal(
        harness,
        lambda change: destinations.create(change, harness.source.id, kind="sink", settings={"path": path}),
    )

    assert error.field == "settings.path"


def test_only_the_command_line_writes_anywhere(harness: RegistryHarness) -> None:
    settings = {"path": "/var/events.jsonl"}
    harness.do(lambda change: destinations.create(change, harness.source.id, kind="sink", settings=settings))

    with (
        pytest.raises(Invalid, match=r"^settings\.path: must be relative$"),
        harness.registry.change(Actor("token", "t")) as change,
    ):
        destinations.create(change, harness.source.id, kind="sink", name="b", settings=settings)


def test_secrets_of_a_webhook_stay_until_they_are_named(harness: RegistryHarness) -> None:
    hook = harness.destination(headers={"A": "1", "B": "2"}, signing_secret="s")

    def write(**settings: Any) -> dict[str, str]:
        whole = {"url": "https://example.com/", **settings}
        harness.do(lambda change: destinations.modify(change, hook.id, settings=whole))
        found: dict[str, str] = harness.see(destinations.secrets_of, hook.id)
        return found

    assert write() == {"headers.A": "1", "headers.B": "2", "signing_secret": "s"}
    assert write(headers={"A": "••••••••", "C": "3"}) == {
        "headers.A": "1",
        "headers.C": "3",
        "signing_secret": "s",
    }
    assert write(signing_secret=None, headers={}) == {}


def test_a_destination_has_one_function_at_most(harness: RegistryHarness) -> None:
    function, hook = harness.function(), harness.destination()
    harness.instance(function, hook)

    error = refusal(
        harness, lambda change: instances.create(change, function=function.id, destination=hook.id, name="b")
    )

    assert isinstance(error, Conflict)
    assert error.field == "integrationId"


def test_what_is_enabled_has_what_it_requires(harness: RegistryHarness) -> None:
    function = harness.function(
        definition("key", required=True), definition("token", required=True, sensitive=True)
    )
    hook = harness.destination()

    def connect(**values: Any) -> Refused:
        return refusal(
            harness,
            lambda change: instances.create(
                change, function=function.id, destination=hook.id, name="a", settings=values, enabled=True
            ),
        )

    assert str(connect()) == "settings.key: is required while the instance is enabled"
    assert connect(key="k", token="").field == "settings.token"
    off = harness.instance(function, hook, settings={"key": "k"})
    assert not off.enabled
    error = refusal(harness, lambda change: instances.modify(change, off.id, enabled=True))
    assert error.field == "settings.token"
    both = {"key": "k", "token": "t"}
    on = harness.do(lambda change: instances.modify(change, off.id, settings=both, enabled=True))
    assert (on.enabled, on.settings, on.encrypted_settings) == (True, {"key": "k"}, {"token": "••••••••"})
    error = refusal(harness, lambda change: instances.modify(change, off.id, settings={}))
    assert error.field == "settings.key"
    kept = harness.do(lambda change: instances.modify(change, off.id, settings={"key": "2"}))
    assert kept.encrypted_settings == {"token": "••••••••"}


def test_workspaces_are_strangers_to_each_other(harness: RegistryHarness) -> None:
    with harness.registry.change() as change:
        other = workspaces.create(change, slug="other")
        foreign = functions.create(change, other.id, display_name="f", code=CODE)
    hook = harness.destination()

    error = refusal(
        harness, lambda change: instances.create(change, function=foreign.id, destination=hook.id, name="a")
    )

    assert isinstance(error, NotFound)
    for look, name in (
        (sources.get, harness.source.id),
        (destinations.get, hook.id),
        (functions.get, foreign.id),
    ):
        with pytest.raises(NotFound):
            harness.see(look, name, workspace="stranger")


@pytest.mark.parametrize(
    "act",
    [
        lambda c: workspaces.modify(c, "x"),
        lambda c: sources.create(c, "x", slug="a"),
        lambda c: sources.modify(c, "x"),
        lambda c: sources.remove(c, "x"),
        lambda c: destinations.create(c, "x", kind="sink", settings={"path": "a"}),
        lambda c: destinations.modify(c, "x"),
        lambda c: destinations.remove(c, "x"),
        lambda c: filters.create(c, "x", query="all", actions=DROP, title="t"),
        lambda c: filters.modify(c, "x"),
        lambda c: filters.remove(c, "x"),
        lambda c: functions.create(c, "x", display_name="f", code=CODE),
        lambda c: functions.modify(c, "x"),
        lambda c: instances.create(c, function="x", destination="x", name="a"),
        lambda c: instances.modify(c, "x"),
        lambda c: instances.remove(c, "x"),
    ],
)
def test_what_is_not_there_is_said(harness: RegistryHarness, act: Callable[[Change], Any]) -> None:
    error = refusal(harness, act)

    assert isinstance(error, NotFound)
    assert str(error).startswith("there is no ")


def test_a_source_goes_with_all_it_has(harness: RegistryHarness) -> None:
    function, hook = harness.function(), harness.destination()
    harness.instance(function, hook)
    harness.do(lambda change: a_filter(change, harness))

    harness.do(lambda change: sources.remove(change, harness.source.id))

    assert harness.see(sources.listed, harness.workspace.id) == []
    assert harness.see(destinations.listed) == []
    assert harness.see(instances.listed, function.id) == []
    assert harness.see(functions.get, function.id).settings == ()


@pytest.mark.parametrize(
    "look",
    [
        lambda view: sources.get(view, "\ud800"),
        lambda view: sources.find(view, "w", "\ud800"),
        lambda view: sources.listed(view, "w", span=Span(2**70)),
    ],
)
def test_what_no_database_takes_is_refused(harness: RegistryHarness, look: Callable[[View], Any]) -> None:
    with pytest.raises(Invalid):
        harness.see(look)
