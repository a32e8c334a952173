"""Prepares an empty registry at the first start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headgate.registry import tokens, workspaces

if TYPE_CHECKING:
    from headgate.registry.store import Registry

WORKSPACE: Final = "default"


def bootstrap(registry: Registry) -> str | None:
    """
    Creates the workspace "default" and a token of its owner, unless there is a workspace already. Returns the token, to be
    printed once; None if there was nothing to do.
    """
    with registry.view() as view:
        if workspaces.count(view):
            return None
    with registry.change() as change:
        if workspaces.count(change):
            return None
        workspace = workspaces.create(change, slug=WORKSPACE, name="Default")
        _, text = tokens.create(change, workspace.id, name="first owner")
        return text
