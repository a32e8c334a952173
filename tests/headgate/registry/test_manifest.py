"""A workspace as a file: what may be in it, what applying it does, and what comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.registry import (
    destinations,
    functions,
    instances,
    kinds,
    lifecycle,
    sources,
    workspaces,
)
from headgate.registry.errors import Conflict
from headgate.registry.manifest import applying
from headgate.registry.manifest.applying import CodeRefused
from headgate.registry.manifest.export import export, write
from headgate.registry.manifest.model import Destination, Manifest, ManifestError, parse
from headgate.registry.manifest.steps import Plan
from headgate.registry.records import SYSTEM
from tests.headgate.registry.harness import bytes_below, open_registry
from tests.headgate.registry.manifests import ENVIRON, WHOLE, ManifestDirectory


def shown(plan: Plan) -> list[str]:
    return [
        line
        for step in plan.steps
        for line in (f"{step.sign} {step.what}", *(f"    {each}" for each in step.lines))
    ]


def test_applying_makes_what_is_said_and_then_nothing(root: Path, manifests: ManifestDirectory) -> None:
    plan = manifests.apply(WHOLE)

    assert shown(plan) == [
        "+ workspace acme",
        "    name: Acme",
        "+ function Enrich",
        "    code: 1 line of javascript",
        "    setting apiKey: STRING, required, sensitive",
        "    setting tags: ARRAY",
        "    setting limits: TEXT_MAP, sensitive",
        "    batch_max_count: 20",
        "    isolation: warm",
        "    time_ms: 5000",
        "+ source web",
        "    name: web",
        "    enabled: true",
        "    write key: w1…",
        "    write key: w2…",
        "+ destination web / Warehouse",
        "    kind: webhook",
        "    enabled: true",
        "    url: https://warehouse.example/events",
        "    batch_max_count: 50",
        "    headers.Authorization: (secret) set",
        "    headers.X-Team: (secret) set",
        "    signing_secret: (secret) set",
        "+ destination web / Warehouse, filter no pages",
        "    if: type = 'page'",
        '    actions: [{"type": "DROP"}]',
        "    enabled: true",
        "+ destination web / Warehouse, filter all",
        "    if: all",
        '    actions: [{"type": "SAMPLE", "percent": 0.5}]',
        "    enabled: true",
        "+ destination web / Warehouse, function Enrich",
        "    enabled: true",
        "    settings.apiKey: (secret)",
        '    settings.tags: ["a"]',
        "    settings.limits: (secret)",
        "+ destination web / File",
        "    kind: sink",
        "    enabled: false",
        "    path: events.jsonl",
    ]
    assert b"s3cr3t" not in bytes_below(root)
    with manifests.registry.view() as view:
        revision = view.revision
        (hook, _) = destinations.listed(view)
        assert destinations.secrets_of(view, hook.id)["signing_secret"] == "s3cr3t-signature"
        bound = instances.of_destination(view, hook.id)
        assert bound is not None
        assert instances.secrets_of(view, bound.id) == {
            "apiKey": "s3cr3t-key",
            "limits": {"a": "s3cr3t-limit"},
        }
    assert manifests.apply(WHOLE).steps == []
    assert manifests.plan(WHOLE, prune=True).steps == []
    with manifests.registry.view() as view:
        assert view.revision == revision


def test_a_rehearsal_leaves_nothing(manifests: ManifestDirectory) -> None:
    assert manifests.plan(WHOLE).steps

    with manifests.registry.view() as view:
        assert (view.revision, workspaces.count(view)) == (0, 0)


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ('name = "Acme"', 'name = "New"', ["~ workspace acme", "    name: Acme -> New"]),
        ('slug = "web"', 'slug = "web"\nname = "Site"', ["~ source web", "    name: web -> Site"]),
        ('["w1", ', '["w1", "w3", ', ["~ source web", "    write key added: w3…"]),
        ("batch_max_count = 50", "", ["~ destination web / Warehouse", "    batch_max_count: 50 -> 1"]),
        (
            '"X-Team" = "data"',
            '"X-Team" = "sales"',
            ["~ destination web / Warehouse", "    headers.X-Team: (secret) changed"],
        ),
        (
            ', "X-Team" = "data"',
            ', "X-New" = "data"',
            [
                "~ destination web / Warehouse",
                "    headers.X-New: (secret) set",
                "    headers.X-Team: (secret) removed",
            ],
        ),
        (
            "\"type = 'page'\"",
            "\"type = 'screen'\"",
            ["~ destination web / Warehouse, filter no pages", "    if: type = 'page' -> type = 'screen'"],
        ),
        (
            '    { if = "all", actions = [{ type = "SAMPLE", percent = 0.5 }] },\n',
            "",
            ["- destination web / Warehouse, filter all"],
        ),
        (
            'tags = ["a"], ',
            "",
            ["~ destination web / Warehouse, function Enrich", '    settings.tags: ["a"] -> (none)'],
        ),
        (
            'limits = { env = "LIMITS" }',
            'limits = { x = "y" }',
            ["~ destination web / Warehouse, function Enrich", "    settings.limits: (secret) changed"],
        ),
        (
            'function = { name = "Enrich", ',
            'function = { name = "Enrich", enabled = false, ',
            ["~ destination web / Warehouse, function Enrich", "    enabled: true -> false"],
        ),
        (
            '"ARRAY" }',
            '"ARRAY", required = true }',
            ["~ function Enrich", "    setting tags: required: false -> true"],
        ),
        (
            '    { name = "tags", type = "ARRAY" },\n',
            '    { name = "tags", type = "ARRAY", sensitive = true },\n',
            ["~ function Enrich", "    setting tags: sensitive: false -> true"],
        ),
        (
            'path = "enrich.js"',
            'code = "onTrack = (event) => event"\ntime_ms = 6000',
            ["~ function Enrich", "    code: +1 -1 lines", "    time_ms: 5000 -> 6000"],
        ),
        (
            'path = "events.jsonl"',
            'path = "e.jsonl"',
            ["~ destination web / File", "    path: events.jsonl -> e.jsonl"],
        ),
    ],
)
def test_what_is_said_otherwise_is_changed(
    manifests: ManifestDirectory, old: str, new: str, lines: list[str]
) -> None:
    manifests.apply(WHOLE)
    assert WHOLE.count(old) == 1

    changed = WHOLE.replace(old, new)

    assert shown(manifests.apply(changed)) == lines
    assert manifests.apply(changed).steps == []
    manifests.apply(WHOLE)
    assert manifests.apply(WHOLE).steps == []


def test_changed_code_is_a_version_that_runs_at_once(manifests: ManifestDirectory) -> None:
    manifests.apply(WHOLE)
    manifests.file("enrich.js", "function onTrack(event) { return null }\n")

    assert shown(manifests.apply(WHOLE)) == ["~ function Enrich", "    code: +1 -1 lines"]

    with manifests.registry.view() as view:
        (function,) = functions.listed(view, the_workspace(manifests))
        (bound,) = instances.listed(view, function.id)
    assert (function.latest.number, function.is_latest_version) == (2, True)
    assert bound.version == function.latest.id


def the_workspace(manifests: ManifestDirectory) -> str:
    with manifests.registry.view() as view:
        return workspaces.listed(view)[0].id


def test_a_draft_is_nobody_s_business(manifests: ManifestDirectory) -> None:
    manifests.apply(WHOLE)
    draft = functions.Code("onTrack = () => 1", "javascript")
    with manifests.registry.change() as change:
        (function,) = functions.listed(change, the_workspace(manifests))
        lifecycle.save(change, function.id, code=draft)

    assert manifests.apply(WHOLE).steps == []
    assert "() => 1" not in manifests.export().text
    manifests.file("enrich.js", draft.text)
    assert [step.what for step in manifests.apply(WHOLE).steps] == ["function Enrich"]
    with manifests.registry.view() as view:
        assert functions.get(view, function.id).latest.number == 2


def test_what_the_file_does_not_name_stays_unless_it_is_pruned(manifests: ManifestDirectory) -> None:
    manifests.apply(WHOLE)
    less = WHOLE[: WHOLE.index("[[functions]]")].replace(', { env = "WEB_KEY" }', "")

    assert manifests.apply(less).steps == []
    assert shown(manifests.apply(less, prune=True)) == [
        "- destination web / Warehouse",
        "- destination web / File",
        "~ source web",
        "    write key removed: w2…",
        "- function Enrich",
    ]
    assert manifests.apply(less, prune=True).steps == []
    assert shown(manifests.apply('[workspace]\nslug = "acme"', prune=True)) == [
        "- source web, with its destinations"
    ]


def test_parts_of_a_destination_stay_unless_they_are_pruned(manifests: ManifestDirectory) -> None:
    manifests.apply(WHOLE)
    start, end = WHOLE.index("headers = "), WHOLE.index("batch_max_count")
    less = (
        WHOLE[:start]
        + WHOLE[end : WHOLE.index("filters = ")]
        + WHOLE[WHOLE.index('[[destinations]]\nname = "File"') :]
    )

    assert manifests.apply(less).steps == []
    assert shown(manifests.apply(less, prune=True)) == [
        "~ destination web / Warehouse",
        "    headers.Authorization: (secret) removed",
        "    headers.X-Team: (secret) removed",
        "    signing_secret: (secret) removed",
        "- destination web / Warehouse, filter no pages",
        "- destination web / Warehouse, filter all",
        "- destination web / Warehouse, its function",
    ]


def test_secrets_that_are_not_named_stay_unless_they_are_pruned(manifests: ManifestDirectory) -> None:
    manifests.apply(WHOLE)
    less = WHOLE.replace(', limits = { env = "LIMITS" }', "")

    assert manifests.apply(less).steps == []
    assert shown(manifests.apply(less, prune=True)) == [
        "~ destination web / Warehouse, function Enrich",
        "    settings.limits: (secret) removed",
    ]


def test_another_function_takes_the_place(manifests: ManifestDirectory) -> None:
    manifests.apply(WHOLE)
    second = '\n[[functions]]\nname = "Second"\ncode = "onTrack = (event) => event"\n'
    start, end = WHOLE.index("function = {"), WHOLE.index('\n\n[[destinations]]\nname = "File"')

    plan = manifests.apply(WHOLE[:start] + 'function = { name = "Second" }' + WHOLE[end:] + second)

    assert shown(plan)[-3:] == [
        "~ destination web / Warehouse, function Second",
        "    in place of the function that is there",
        "    enabled: true",
    ]


def test_without_the_variables_secrets_stay(manifests: ManifestDirectory) -> None:
    manifests.apply(WHOLE)

    plan = manifests.apply(WHOLE.replace("batch_max_count = 50", "batch_max_count = 51"), {"WEB_KEY": "w2"})

    assert shown(plan) == ["~ destination web / Warehouse", "    batch_max_count: 50 -> 51"]
    assert plan.kept == {
        "destinations[0].headers.Authorization": "TOKEN",
        "destinations[0].signing_secret": "SIGNING",
        "destinations[0].function.settings.apiKey": "API_KEY",
        "destinations[0].function.settings.limits": "LIMITS",
    }
    assert manifests.apply(WHOLE.replace("batch_max_count = 50", "batch_max_count = 51")).steps == []


def test_a_secret_that_does_not_open_is_set_anew(manifests: ManifestDirectory) -> None:
    manifests.apply(WHOLE)
    with manifests.registry.change() as change:
        for table in ("instances", "destinations"):
            change.connection.exec_driver_sql(
                f"UPDATE {table} SET encrypted_settings = replace(encrypted_settings, 'v1.', 'v2.')"
            )
        change.written += 1

    assert shown(manifests.apply(WHOLE)) == [
        "~ destination web / Warehouse",
        "    headers.Authorization: (secret) changed",
        "    headers.X-Team: (secret) changed",
        "    signing_secret: (secret) changed",
        "~ destination web / Warehouse, function Enrich",
        "    settings.apiKey: (secret) changed",
        "    settings.limits: (secret) changed",
    ]
    assert manifests.apply(WHOLE).steps == []


def test_a_new_source_is_given_a_write_key(manifests: ManifestDirectory) -> None:
    plan = manifests.apply('[[sources]]\nslug = "web"')

    with manifests.registry.view() as view:
        (source,) = sources.listed(view, workspaces.listed(view)[0].id)
    assert plan.made == {"web": source.write_keys[0]}
    assert len(source.write_keys[0]) == 32


def test_what_changed_meanwhile_is_looked_at_again(manifests: ManifestDirectory) -> None:
    loaded = manifests.load(WHOLE)
    rehearsed = applying.rehearse(manifests.registry, loaded, ENVIRON, SYSTEM)
    with manifests.registry.change() as change:
        workspaces.create(change, slug="acme")

    with pytest.raises(Conflict, match="the registry has changed in the meantime"):
        applying.carry_out(manifests.registry, loaded, ENVIRON, SYSTEM, rehearsed)


HOOK = '[[sources]]\nslug = "web"\n[[destinations]]\nname = "d"\nsource = "web"\nkind = "webhook"\nurl = "https://x.example"\n'
F = '[[functions]]\nname = "f"\ncode = ""\n'


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("a = ", ["not TOML: Invalid value (at end of document)"]),
        ("[source]", ["source: is unknown; did you mean 'sources'?"]),
        ("[workspace]\nslug = 1", ["workspace.slug: must be a text"]),
        ("[workspace]\nslug = 'a b'", ["workspace.slug: 'a b' is not a slug: use letters, digits, - and _, starting with a letter or digit"]),
        ("[[sources]]", ["sources[0].slug: is required"]),
        (
            f"[[sources]]\nslug = '{'x' * 101}'\nenabled = 1\nkeys = []",
            [
                "sources[0].slug: has 101 characters; at most 100 are allowed",
                "sources[0].enabled: must be a valid boolean",
                "sources[0].keys: is unknown; did you mean 'write_keys'?",
            ],
        ),
        ("[[sources]]\nslug = 'a'\nwrite_keys = [1]", ["sources[0].write_keys[0]: must be a text or { env = \"NAME\" }"]),
        ("[[sources]]\nslug = 'a'\nwrite_keys = [{ env = '1' }]", ["sources[0].write_keys[0]: must be a text or { env = \"NAME\" }"]),
        ("[[sources]]\nslug = 'a'\n[[sources]]\nslug = 'a'", ["sources[1].slug: sources[0] has the same"]),
        (F + "batch_max_count = 1001", ["functions[0].batch_max_count: must be less than or equal to 1000"]),
        (F + "batch_max_count = 0", ["functions[0].batch_max_count: must be greater than or equal to 1"]),
        (F + "time_ms = 60001", ["functions[0].time_ms: must be less than or equal to 60000"]),
        (F + "time_ms = 0", ["functions[0].time_ms: must be greater than or equal to 1"]),
        (F + "isolation = 'cold'", ["functions[0].isolation: must be 'warm' or 'hermetic'"]),
        (F + "path = 'f.js'", ["functions[0]: must have either a path or code"]),
        ("[[functions]]\nname = 'f'", ["functions[0]: must have either a path or code"]),
        ("[[functions]]\nname = 'f'\npath = 'f.py'", ["functions[0]: path must end with .js or .ts"]),
        (f"[[functions]]\nname = '{'x' * 121}'\ncode = ''", ["functions[0].name: has 121 characters; at most 120 are allowed"]),
        (F + "settings = [{ label = '2nd' }]", ["functions[0].settings[0]: name: '2nd' is not a name: use letters, digits, _ and $, not starting with a digit"]),
        (F + "settings = [{}]", ["functions[0].settings[0]: must have a name or a label"]),
        (F + "settings = [{ name = 'a', typ = 'ARRAY' }]", ["functions[0].settings[0].typ: is unknown; did you mean 'type'?"]),
        (HOOK + "rate = 1", ["destinations[0].rate: is unknown; did you mean 'rate_per_s'?"]),
        (HOOK + "path = 'x'", ["destinations[0]: a webhook has no path"]),
        (HOOK.replace("url", "#"), ["destinations[0]: a webhook needs url"]),
        (HOOK + "concurrency = 1001", ["destinations[0].concurrency: must be less than or equal to 1000"]),
        (HOOK + "filters = [{ if = 'all' }]", ["destinations[0].filters[0].actions: is required"]),
        (HOOK + f"filters = [{'{ if = 1, actions = [{}] }, ' * 11}]", ["destinations[0].filters: list must have at most 10 items after validation, not 11"]),
        (HOOK + "function = { nam = 'f' }", ["destinations[0].function.name: is required", "destinations[0].function.nam: is unknown; did you mean 'name'?"]),
        (HOOK + HOOK[HOOK.index("[[dest") :], ["destinations[1].name: destinations[0] has the same"]),
    ],
)  # fmt: skip
def test_mistakes_are_named_by_their_place(text: str, problems: list[str]) -> None:
    with pytest.raises(ManifestError) as caught:
        parse(text)

    assert list(caught.value.problems) == problems


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[functions]]\nname = 'f'\npath = 'gone.js'", "functions[0].path: {}/gone.js: no such file or directory"),
        ("[[functions]]\nname = 'f'\npath = 'latin.js'", "functions[0].path: {}/latin.js: not UTF-8"),
        (HOOK.replace('source = "web"', 'source = "ios"'), "destinations[0].source: there is no source 'ios'"),
        (HOOK + "headers = { X = { env = 'GONE' } }", "destinations[0].headers.X: the environment variable GONE is not set"),
        (HOOK + "headers = { Host = 'x' }", "destinations[0].headers: 'Host' is set by Headgate itself"),
        (HOOK + "signing_secret = ''", "destinations[0].signing_secret: string must have at least 1 character"),
        (HOOK + "filters = [{ if = 'type =', actions = [{ type = 'DROP' }] }]", "destinations[0].filters[0].if: "),
        (HOOK + f"filters = [{{ if = '{'x' * 5121}', actions = [{{ type = 'DROP' }}] }}]", "destinations[0].filters[0].if: has 5121 bytes; at most 5120 are allowed"),
        (HOOK + "function = { name = 'f' }", "destinations[0].function.name: there is no function 'f'"),
        (HOOK + "function = { name = 'f', settings = { b = 1 } }\n" + F, "destinations[0].function.settings.b: is not a setting of this function"),
        (HOOK + "function = { name = 'f', settings = { a = 1 } }\n" + F + "settings = [{ name = 'a' }]", "destinations[0].function.settings.a: must be a text"),
        (HOOK + "function = { name = 'f', settings = { a = { env = 'TOKEN' } } }\n" + F + "settings = [{ name = 'a', type = 'ARRAY' }]", "destinations[0].function.settings.a: TOKEN must hold JSON that is a list of texts"),
        (HOOK + "function = { name = 'f' }\n" + F + "settings = [{ name = 'a', required = true }]", "destinations[0].function.settings.a: is required while the instance is enabled"),
        (HOOK + "function = { name = 'f', settings = { a = 2026-11-23 } }\n" + F + "settings = [{ name = 'a' }]", "destinations[0].function.settings.a: must be a text"),
        (HOOK + "filters = [{ if = 'all', actions = [{ type = 'SAMPLE', percent = 99999999999999999999 }] }]", "destinations[0].filters[0].actions: cannot be written as JSON"),
        (F + "settings = [{ name = 'a' }, { name = 'a' }]", "functions[0].settings[1].name: 'a' is defined twice"),
    ],
)  # fmt: skip
def test_mistakes_that_show_only_when_it_is_tried(
    manifests: ManifestDirectory, text: str, problem: str
) -> None:
    (manifests.directory / "latin.js").write_bytes(b"// \xe9")

    with pytest.raises(ManifestError) as caught:
        manifests.apply(text)

    assert str(caught.value).startswith(problem.format(manifests.directory))
    with manifests.registry.view() as view:
        assert workspaces.count(view) == 0


def test_a_destination_stays_of_its_kind(manifests: ManifestDirectory) -> None:
    manifests.apply(HOOK)

    with pytest.raises(ManifestError, match=r"destinations\[0\]\.kind: cannot change from webhook to sink"):
        manifests.apply(HOOK.replace('kind = "webhook"', 'kind = "sink"').replace("url", "path"))


def test_functions_of_one_name_are_told_apart_by_people(manifests: ManifestDirectory) -> None:
    manifests.apply(F)
    with manifests.registry.change() as change:
        functions.create(
            change, workspaces.listed(change)[0].id, display_name="f", code=functions.Code("", "javascript")
        )

    with pytest.raises(ManifestError, match="the workspace has two functions 'f': rename one of them first"):
        manifests.apply(F)
    assert manifests.apply('[[sources]]\nslug = "web"').steps


def test_functions_that_do_not_load_are_refused_with_their_place(manifests: ManifestDirectory) -> None:
    manifests.file("bad.ts", "let a: number =\n")
    loaded = manifests.load(
        F.replace('code = ""', 'code = "("') + '[[functions]]\nname = "g"\npath = "bad.ts"\n'
    )

    with pytest.raises(CodeRefused) as caught:
        applying.compiled(manifests.registry, loaded)

    assert [(name, error.error_name) for name, error in caught.value.errors] == [
        ("functions[0].code", "SyntaxError"),
        ("bad.ts", "SyntaxError"),
    ]
    manifests.apply(WHOLE)
    applying.compiled(manifests.registry, manifests.load(WHOLE))


def test_the_file_knows_every_setting_of_every_kind() -> None:
    known = set(Destination.model_fields)

    assert all(set(model.model_fields) <= known for model in kinds.MODELS.values())
    assert Manifest().workspace.slug == "default"


@pytest.mark.parametrize("inline", [True, False])
def test_what_is_exported_makes_the_same_elsewhere(
    manifests: ManifestDirectory, tmp_path: Path, inline: bool
) -> None:
    manifests.apply(WHOLE)
    exported = manifests.export(inline=inline)
    assert "s3cr3t" not in exported.text
    assert exported.variables == [
        "WEB_WAREHOUSE_HEADERS_AUTHORIZATION",
        "WEB_WAREHOUSE_HEADERS_X_TEAM",
        "WEB_WAREHOUSE_SIGNING_SECRET",
        "WEB_WAREHOUSE_API_KEY",
        "WEB_WAREHOUSE_LIMITS",
    ]
    assert list(exported.files) == ([] if inline else ["functions/enrich.js"])
    paths = write(exported, tmp_path / "out")
    environ = dict(
        zip(exported.variables, [ENVIRON["TOKEN"], "data", *list(ENVIRON.values())[2:]], strict=True)
    )

    with open_registry(tmp_path / "elsewhere") as elsewhere:
        loaded = applying.load(paths[0])
        rehearsed = applying.rehearse(elsewhere, loaded, environ, SYSTEM)
        applying.carry_out(elsewhere, loaded, environ, SYSTEM, rehearsed)
        with elsewhere.view() as view:
            there = workspaces.find(view, "acme")
            assert there is not None
            assert export(view, there.id, inline=inline) == exported

    assert (
        applying.rehearse(manifests.registry, applying.load(paths[0]), environ, SYSTEM, prune=True).steps
        == []
    )
