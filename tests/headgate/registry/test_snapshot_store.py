"""Snapshots of the registry: complete, quick, and never old."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from headgate.registry import (
    canonical,
    destinations,
    filters,
    functions,
    instances,
    lifecycle,
    sources,
    tables,
)
from headgate.registry.snapshot_store import SnapshotStore
from headgate.registry.store import Change, Registry
from tests.headgate.registry.harness import CODE_2, SECRET, RegistryHarness, definition, open_registry

EVENT = {"type": "track", "event": "Signed Up"}
LOAD_S = 0.3


@pytest.fixture
def store(registry: Registry) -> SnapshotStore:
    return SnapshotStore(registry)


def furnished(harness: RegistryHarness) -> dict[str, str]:
    hook = harness.destination(headers={"X": SECRET}, signing_secret=SECRET, batch_max_count=5)
    function = harness.function(
        definition("key", sensitive=True),
        definition("many", type="TEXT_MAP", sensitive=True),
        definition("plain", type="BOOLEAN"),
        batch_max_count=7,
        isolation="hermetic",
        time_ms=9,
    )
    instance = harness.instance(
        function,
        hook,
        settings={"key": SECRET, "many": {"a": "one", "b": ""}, "plain": False},
        enabled=True,
    )
    harness.do(
        lambda change: filters.create(
            change, hook.id, query="type = 'page'", actions=[{"type": "DROP"}], title="no pages"
        )
    )
    return {"hook": hook.id, "function": function.id, "instance": instance.id}


def test_everything_is_in_the_snapshot(root: Path, harness: RegistryHarness, store: SnapshotStore) -> None:
    ids = furnished(harness)
    harness.do(
        lambda change: destinations.create(
            change, harness.source.id, kind="sink", settings={"path": "a/b.jsonl"}
        )
    )

    snapshot = store.load()

    source = snapshot.by_write_key[harness.source.write_keys[0]]
    hook, sink = source.destinations
    assert snapshot.sources == {source.id: source}
    assert snapshot.destinations == {hook.id: hook, sink.id: sink}
    assert snapshot.workspaces[source.workspace].slug == "acme"
    assert (hook.id, hook.name, hook.workspace, hook.source) == (
        ids["hook"],
        "Hook",
        source.workspace,
        source.id,
    )
    assert (hook.kind, hook.catalog_name, hook.fault, sink.catalog_name) == (
        "webhook",
        "Webhook",
        None,
        "Sink",
    )
    assert hook.settings == {
        "url": "https://example.com/",
        "method": "POST",
        "headers": {"X": SECRET},
        "signing_secret": SECRET,
        "batch_max_count": 5,
        "batch_wait_ms": 1_000,
        "rate_per_s": None,
        "concurrency": 10,
        "timeout_ms": 10_000,
    }
    assert sink.settings == {"path": str(root / "sinks" / "a" / "b.jsonl")}
    assert hook.filters.apply({"type": "page"}) is None
    assert hook.filters.apply(EVENT) is EVENT
    bound = hook.instance
    assert bound is not None
    assert json.loads(bound.settings) == {"key": SECRET, "many": {"a": "one", "b": ""}, "plain": False}
    assert bound.secrets == (SECRET, "one")
    assert (bound.batch_max_count, bound.isolation, bound.time_ms, bound.fault) == (7, "hermetic", 9, None)
    assert bound.version == snapshot.versions[ids["function"]]
    assert snapshot.functions[ids["function"]].version is bound.version
    assert SECRET not in repr(snapshot)


def test_the_snapshot_is_that_of_this_moment(harness: RegistryHarness, store: SnapshotStore) -> None:
    async def follow() -> None:
        first = await store.current()
        assert await store.current() is first
        assert store.is_current
        harness.do(lambda change: sources.modify(change, harness.source.id, enabled=False))
        assert not store.is_current
        second = await store.current()
        assert first.sources[harness.source.id].enabled
        assert not second.sources[harness.source.id].enabled
        assert second.revision == first.revision + 1

    asyncio.run(follow())


def test_what_did_not_change_is_taken_from_the_last_snapshot(
    harness: RegistryHarness, store: SnapshotStore
) -> None:
    ids = furnished(harness)
    other = harness.destination("Other")
    before = store.load()

    harness.do(lambda change: destinations.modify(change, other.id, enabled=False))
    after = store.load()

    assert after.destinations[ids["hook"]] is before.destinations[ids["hook"]]
    assert after.destinations[other.id] is not before.destinations[other.id]
    harness.do(lambda change: functions.modify(change, ids["function"], time_ms=10))
    again = store.load().destinations[ids["hook"]]
    assert again.filters is before.destinations[ids["hook"]].filters
    assert again.instance is not None
    assert again.instance.time_ms == 10


def test_what_failed_or_changed_nothing_is_no_reason_to_look(
    harness: RegistryHarness, store: SnapshotStore
) -> None:
    before = store.load()

    def fail(change: Change) -> None:
        sources.remove(change, harness.source.id)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        harness.do(fail)
    harness.do(lambda change: sources.modify(change, harness.source.id, enabled=True))

    assert store.is_current
    assert store.load() is before


def test_no_other_work_keeps_it_waiting(harness: RegistryHarness, store: SnapshotStore) -> None:
    """Events wait for it after each change, whoever has code compiled or reports made."""

    async def main() -> None:
        ended = threading.Event()
        others = [asyncio.ensure_future(asyncio.to_thread(ended.wait)) for _ in range(40)]
        try:
            await store.current()
            made = harness.destination("new")
            assert made.id in (await asyncio.wait_for(store.current(), 20)).destinations
        finally:
            ended.set()
            await asyncio.gather(*others)

    asyncio.run(main())


def test_other_processes_are_followed(root: Path, harness: RegistryHarness) -> None:
    with open_registry(root) as other:
        store = SnapshotStore(other)
        before = store.load()
        harness.do(lambda change: sources.remove(change, harness.source.id))
        assert not store.is_current
        assert store.load().sources == {}
        assert before.sources


def test_a_drafted_version_changes_nothing_that_runs(harness: RegistryHarness, store: SnapshotStore) -> None:
    ids = furnished(harness)
    before = store.load().destinations[ids["hook"]]

    harness.do(lambda change: lifecycle.save(change, ids["function"], code=CODE_2))
    drafted = store.load()
    harness.do(lambda change: lifecycle.deploy(change, ids["function"]))
    deployed = store.load()

    assert drafted.destinations[ids["hook"]].instance == before.instance
    assert drafted.versions[ids["function"]].code != CODE_2.text
    bound = deployed.destinations[ids["hook"]].instance
    assert bound is not None
    assert bound.version is not None
    assert bound.version.code == deployed.versions[ids["function"]].code == CODE_2.text


def test_a_function_that_was_never_deployed_is_invoked_by_its_newest_version(
    harness: RegistryHarness, store: SnapshotStore
) -> None:
    function = harness.function()
    harness.do(lambda change: lifecycle.save(change, function.id, code=CODE_2))

    assert store.load().versions[function.id].code == CODE_2.text


@pytest.mark.parametrize(
    ("definitions", "fault"),
    [
        ([definition("key", required=True)], None),
        ([definition("key"), definition("new", required=True)], "the required setting 'new' has no value"),
        ([definition("key", type="ARRAY")], "the setting 'key' must be a list of texts"),
        ([definition("key", type="BOOLEAN", sensitive=True)], "the setting 'key' must be true or false"),
    ],
)
def test_settings_that_do_not_suit_the_version_are_a_fault(
    harness: RegistryHarness, store: SnapshotStore, definitions: list[Any], fault: str | None
) -> None:
    function, hook = harness.function(definition("key")), harness.destination()
    harness.instance(function, hook, settings={"key": "value"}, enabled=True)
    harness.do(lambda change: lifecycle.save(change, function.id, definitions=definitions))
    harness.do(lambda change: lifecycle.deploy(change, function.id))

    bound = store.load().destinations[hook.id].instance

    assert bound is not None
    assert bound.fault == fault


def test_secrets_that_do_not_open_are_a_fault(harness: RegistryHarness, store: SnapshotStore) -> None:
    ids = furnished(harness)
    with harness.registry.change() as change:
        change.connection.exec_driver_sql(
            "UPDATE instances SET encrypted_settings = replace(encrypted_settings, 'v1.', 'v2.')"
        )
        change.connection.exec_driver_sql(
            "UPDATE destinations SET encrypted_settings = replace(encrypted_settings, 'v1.', 'v1.00')"
        )
        change.written += 1

    hook = store.load().destinations[ids["hook"]]

    assert hook.instance is not None
    assert hook.instance.fault == "a secret setting cannot be decrypted: set it again"
    assert hook.fault == "a secret of the destination cannot be decrypted: set it again"
    harness.do(
        lambda change: instances.modify(change, ids["instance"], settings={"key": "new", "many": None})
    )
    mended = store.load().destinations[ids["hook"]].instance
    assert mended is not None
    assert (mended.fault, mended.secrets) == (None, ("new",))


def test_a_filter_that_cannot_be_read_lets_nothing_pass(
    harness: RegistryHarness, store: SnapshotStore
) -> None:
    ids = furnished(harness)
    with harness.registry.change() as change:
        change.connection.execute(tables.filters.update().values(query="type ="))
        change.written += 1

    hook = store.load().destinations[ids["hook"]]

    assert hook.fault is not None
    assert hook.fault.startswith("a filter cannot be read: ")
    assert hook.filters.apply(EVENT) is None


def test_filters_that_are_off_do_not_filter(harness: RegistryHarness, store: SnapshotStore) -> None:
    ids = furnished(harness)
    (there,) = harness.see(filters.listed, ids["hook"])

    harness.do(lambda change: filters.modify(change, there.id, enabled=False))

    page = {"type": "page"}
    assert store.load().destinations[ids["hook"]].filters.apply(page) is page


def test_ten_thousand_instances_are_taken_in_no_time(harness: RegistryHarness, registry: Registry) -> None:
    function = harness.function(definition("key", sensitive=True))
    harness.instance(function, harness.destination("first"), settings={"key": "k"})
    with registry.change() as change:
        hooks, bound = [], []
        for number in range(10_000):
            hook, instance = change.new_id(), change.new_id()
            place = instances._place(instance, "key")
            sealed = canonical.written({"key": change.seal(f"secret {number}", place)})
            common = {"name": f"n{number}", "enabled": True, "created_at": 0, "updated_at": 0}
            url = canonical.written({"url": "https://example.com/"})
            hooks.append(
                common
                | {
                    "id": hook,
                    "source_id": harness.source.id,
                    "kind": "webhook",
                    "settings": url,
                    "encrypted_settings": "{}",
                }
            )
            bound.append(
                common
                | {
                    "id": instance,
                    "function_id": function.id,
                    "destination_id": hook,
                    "version_id": function.latest.id,
                    "settings": "{}",
                    "encrypted_settings": sealed,
                }
            )
        change.connection.execute(insert(tables.destinations), hooks)
        change.connection.execute(insert(tables.instances), bound)
        change.written += 1
    store = SnapshotStore(registry)

    def seconds() -> float:
        start = time.process_time()
        store.load()
        return time.process_time() - start

    cold = seconds()
    names = itertools.count()

    def warm() -> float:
        harness.do(lambda change: sources.modify(change, harness.source.id, name=f"name {next(names)}"))
        return seconds()

    assert min(warm() for _ in range(3)) < LOAD_S
    assert cold < 3 * LOAD_S
    snapshot = store.load()
    assert len(snapshot.destinations) == 10_001
    assert {each.instance.secrets for each in snapshot.destinations.values() if each.instance} == {
        ("k",),
        *((f"secret {number}",) for number in range(10_000)),
    }
