"""Versions of functions, and which of them runs where (SPEC 14)."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from headgate.registry import functions, instances, lifecycle
from headgate.registry.errors import Conflict, NotFound
from headgate.registry.functions import Code, Refusal
from headgate.registry.store import Change
from tests.headgate.registry.harness import CODE, CODE_2, RegistryHarness, definition


def test_a_function_begins_with_a_version_that_runs_nowhere(harness: RegistryHarness) -> None:
    function = harness.function(definition("key"))

    assert (function.latest.number, function.latest.code, function.latest.author) == (
        1,
        CODE.text,
        "__system__",
    )
    assert (function.deployed, function.latest.is_deployed, function.latest.deployed_at) == (
        None,
        False,
        None,
    )
    assert not function.is_latest_version
    assert function.settings == (definition("key"),)


def test_saving_makes_a_version_and_deploys_nothing(harness: RegistryHarness) -> None:
    function = harness.function()
    instance = harness.instance(function, harness.destination())

    saved = harness.do(lambda change: lifecycle.save(change, function.id, code=CODE_2))

    assert (saved.latest.number, saved.latest.code) == (2, CODE_2.text)
    assert saved.deployed is not None
    assert (saved.deployed.number, saved.is_latest_version) == (1, False)
    assert harness.see(instances.get, instance.id).version == function.latest.id
    assert [each.number for each in harness.see(functions.versions, function.id)] == [2, 1]


def test_saving_what_is_there_makes_no_version(harness: RegistryHarness) -> None:
    function = harness.function()

    assert harness.do(lambda change: lifecycle.save(change, function.id, code=CODE)) == function
    assert harness.do(lambda change: lifecycle.save(change, function.id, definitions=())) == function
    changed = harness.do(lambda change: lifecycle.save(change, function.id, definitions=[definition("a")]))
    assert (changed.latest.number, changed.latest.code) == (2, CODE.text)


def test_deploying_moves_all_instances_or_those_that_are_named(harness: RegistryHarness) -> None:
    function = harness.function()
    first, second = (harness.instance(function, harness.destination(name)) for name in "ab")
    harness.do(lambda change: lifecycle.save(change, function.id, code=CODE_2))

    some = harness.do(lambda change: lifecycle.deploy(change, function.id, [first.id]))

    assert some.is_latest_version
    assert harness.see(instances.get, first.id).version == some.latest.id
    assert harness.see(instances.get, second.id).version == function.latest.id
    assert [each.is_deployed for each in harness.see(functions.versions, function.id)] == [True, True]
    harness.do(lambda change: lifecycle.deploy(change, function.id))
    assert harness.see(instances.get, second.id).version == some.latest.id
    newest, oldest = harness.see(functions.versions, function.id)
    assert (newest.is_deployed, oldest.is_deployed) == (True, False)
    assert oldest.deployed_at is not None
    assert newest.deployed_at is not None
    assert newest.deployed_at > oldest.deployed_at
    with pytest.raises(NotFound):
        harness.do(lambda change: lifecycle.deploy(change, function.id, ["stranger"]))


def test_connecting_pins_the_newest_version_that_was_deployed(harness: RegistryHarness) -> None:
    function = harness.function()
    harness.do(lambda change: lifecycle.save(change, function.id, code=CODE_2))

    latest = harness.instance(function, harness.destination("a"))
    harness.do(lambda change: lifecycle.save(change, function.id, code=CODE))
    deployed = harness.instance(function, harness.destination("b"))

    assert harness.see(functions.version, function.id, latest.version).number == 2
    assert deployed.version == latest.version


def test_restoring_makes_a_version_that_is_not_deployed(harness: RegistryHarness) -> None:
    function = harness.function(definition("old"))
    harness.instance(function, harness.destination())
    harness.do(
        lambda change: lifecycle.save(change, function.id, code=CODE_2, definitions=[definition("new")])
    )

    restored = harness.do(lambda change: lifecycle.restore(change, function.id, function.latest.id))

    assert (restored.latest.number, restored.latest.code) == (3, CODE.text)
    assert restored.settings == function.settings
    assert restored.latest.deployed_at is None
    with pytest.raises(NotFound):
        harness.do(lambda change: lifecycle.restore(change, function.id, "stranger"))


def test_a_function_with_instances_is_removed_by_force_only(harness: RegistryHarness) -> None:
    function = harness.function()
    instance = harness.instance(function, harness.destination())

    with pytest.raises(Conflict, match="1 instances of this function exist"):
        harness.do(lambda change: lifecycle.remove(change, function.id))
    harness.do(lambda change: lifecycle.remove(change, function.id, force=True))

    for look, name in ((functions.get, function.id), (instances.get, instance.id)):
        with pytest.raises(NotFound):
            harness.see(look, name)


def test_values_of_settings_that_are_gone_are_forgotten_when_it_is_deployed(harness: RegistryHarness) -> None:
    function = harness.function(definition("a"), definition("b"), definition("s", sensitive=True))
    instance = harness.instance(function, harness.destination(), settings={"a": "1", "b": "2", "s": "3"})

    harness.do(lambda change: lifecycle.save(change, function.id, definitions=[definition("b")]))
    saved = harness.see(instances.get, instance.id)
    harness.do(lambda change: lifecycle.deploy(change, function.id))
    deployed = harness.see(instances.get, instance.id)

    assert (saved.settings, list(saved.encrypted_settings)) == ({"a": "1", "b": "2"}, ["s"])
    assert (deployed.settings, deployed.encrypted_settings) == ({"b": "2"}, {})


def test_what_was_a_secret_never_becomes_readable(harness: RegistryHarness) -> None:
    function = harness.function(definition("s", sensitive=True))
    instance = harness.instance(function, harness.destination(), settings={"s": "3"})

    harness.do(lambda change: lifecycle.save(change, function.id, definitions=[definition("s")]))
    harness.do(lambda change: lifecycle.deploy(change, function.id))
    kept = harness.see(instances.get, instance.id)
    written = harness.do(lambda change: instances.modify(change, instance.id, settings={"s": "4"}))

    assert (kept.settings, list(kept.encrypted_settings)) == ({}, ["s"])
    assert (written.settings, written.encrypted_settings) == ({"s": "4"}, {})


def test_an_instance_may_be_given_what_the_next_version_wants(harness: RegistryHarness) -> None:
    function = harness.function(definition("old"))
    instance = harness.instance(function, harness.destination())
    harness.do(lambda change: lifecycle.save(change, function.id, definitions=[definition("new")]))

    changed = harness.do(
        lambda change: instances.modify(change, instance.id, settings={"old": "1", "new": "2"})
    )

    assert changed.settings == {"old": "1", "new": "2"}


@pytest.mark.parametrize(
    ("text", "language", "message"),
    [
        ("onTrack = (", "javascript", r"code: function\.js:1:12: SyntaxError"),
        ("throw new Error('at boot')", "javascript", "Error: at boot"),
        ("let a: number = 1; onTrack = (e: any) => e", "javascript", "SyntaxError"),
    ],
)
def test_code_that_does_not_load_is_refused(text: str, language: str, message: str) -> None:
    assert language == "javascript"
    with pytest.raises(Refusal, match=message):
        functions.checked(text)


def test_code_that_loads() -> None:
    assert functions.checked(CODE.text) == CODE
    typed = "let a: number = 1; onTrack = (e: any) => e"
    assert functions.checked(typed, "typescript") == Code(typed, "typescript")


def test_deploying_takes_as_many_statements_for_many_instances_as_for_one(harness: RegistryHarness) -> None:
    """All other changes wait meanwhile."""
    function = harness.function(definition("a"))
    counts: list[int] = []

    def deploy(change: Change) -> None:
        def count(*_: object) -> None:
            counts[-1] += 1

        counts.append(0)
        event.listen(change.connection.engine, "before_cursor_execute", count)
        try:
            lifecycle.save(change, function.id, code=[CODE_2, CODE][len(counts) - 1])
            lifecycle.deploy(change, function.id)
        finally:
            event.remove(change.connection.engine, "before_cursor_execute", count)

    for names in ("a", "bcdef"):
        for name in names:
            harness.instance(function, harness.destination(name), settings={"a": name})
        harness.do(deploy)

    assert counts[0] == counts[1]
    latest = harness.see(functions.get, function.id).latest.id
    bound = harness.see(instances.listed, function.id)
    assert [(each.version, each.settings) for each in bound] == [(latest, {"a": name}) for name in "abcdef"]
