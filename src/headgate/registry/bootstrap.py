"""The first start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headgate.registry import tokens, workspaces

if TYPE_CHECKING:
    from headgate.registry.store import Registry

WORKSPACE: Final = "default"


def bootstrap(registry: Registry) -> str | None:
    """
    Makes the workspace "default" and an owner's token where there is no workspace yet. The token, to be printed once;
    None where there was nothing to do.
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
