"""Tokens are shown once, known by their hash, and gone when they are revoked."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from headgate.registry import audit, tokens, workspaces
from headgate.registry.bootstrap import bootstrap
from headgate.registry.errors import Invalid, NotFound
from headgate.registry.records import Actor, Role
from headgate.registry.spans import Span
from headgate.registry.store import Registry
from tests.headgate.registry.harness import RegistryHarness, bytes_below


def test_a_token_is_verified_and_kept_nowhere(root: Path, harness: RegistryHarness) -> None:
    token, text = harness.do(
        lambda change: tokens.create(change, harness.workspace.id, name="ci", role="source-admin")
    )

    assert text.startswith("hgt_")
    assert len(text) == 47
    assert harness.see(tokens.verify, text) == token
    assert harness.see(tokens.listed, harness.workspace.id) == [token]
    assert text[4:].encode() not in bytes_below(root)


@pytest.mark.parametrize("guess", ["", "hgt_", "x", "\ud800", "\0"])
def test_a_guess_is_nobody(harness: RegistryHarness, guess: str) -> None:
    _, text = harness.do(lambda change: tokens.create(change, harness.workspace.id, name="ci"))

    assert harness.see(tokens.verify, guess) is None
    assert harness.see(tokens.verify, text[:-1]) is None
    assert harness.see(tokens.verify, text + guess + "x") is None


def test_a_revoked_token_is_refused(harness: RegistryHarness) -> None:
    token, text = harness.do(lambda change: tokens.create(change, harness.workspace.id, name="ci"))

    with pytest.raises(NotFound, match="there is no token"):
        harness.do(lambda change: tokens.revoke(change, token.id, workspace="another"))
    harness.do(lambda change: tokens.revoke(change, token.id))

    assert harness.see(tokens.verify, text) is None
    with pytest.raises(NotFound):
        harness.do(lambda change: tokens.revoke(change, token.id))


def test_a_role_is_one_of_those_there_are(harness: RegistryHarness) -> None:
    with pytest.raises(Invalid, match=r"^role: must be one of owner, member, functions-admin"):
        harness.do(
            lambda change: tokens.create(change, harness.workspace.id, name="ci", role=cast(Role, "king"))
        )


def test_the_first_start_makes_a_workspace_and_its_owner(registry: Registry) -> None:
    text = bootstrap(registry)

    assert text is not None
    with registry.view() as view:
        token = tokens.verify(view, text)
        assert token is not None
        workspace = workspaces.get(view, token.workspace)
    assert (workspace.slug, token.role) == ("default", "owner")
    assert bootstrap(registry) is None


def test_the_trail_tells_who_did_what(harness: RegistryHarness) -> None:
    actor = Actor("token", "t1")
    with harness.registry.change(actor) as change:
        token, text = tokens.create(change, harness.workspace.id, name="ci")
        workspaces.modify(change, harness.workspace.id, name="New")

    newest, created, *_ = harness.see(audit.listed, harness.workspace.id)
    assert (newest.type, newest.actor, newest.resource_name) == ("Workspace Modified", actor, "New")
    assert newest.before != newest.after
    assert (created.type, created.resource_id, created.before) == ("Token Created", token.id, None)
    assert text not in repr(created)
    assert [event.type for event in harness.see(audit.listed, harness.workspace.id)][::-1] == [
        "Workspace Created",
        "Source Created",
        "Token Created",
        "Workspace Modified",
    ]
    assert harness.see(audit.listed, harness.workspace.id, span=Span(1, newest.place)) == [created]
    assert harness.see(audit.listed, "another") == []


def test_what_changes_nothing_leaves_no_trail(harness: RegistryHarness) -> None:
    before = harness.see(lambda view: view.revision)

    harness.do(lambda change: workspaces.modify(change, harness.workspace.id, name=harness.workspace.name))

    assert harness.see(lambda view: view.revision) == before
    assert len(harness.see(audit.listed, harness.workspace.id)) == 2
