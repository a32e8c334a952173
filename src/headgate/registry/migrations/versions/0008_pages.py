"""Indexes to read lists by page, in the order of ids."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"

OWNERS = {
    "sources": ["workspace_id"],
    "destinations": ["source_id"],
    "functions": ["workspace_id"],
    "instances": ["function_id"],
    "users": ["workspace_id", "state"],
    "tokens": ["workspace_id"],
    "user_groups": ["workspace_id"],
    "regulations": ["workspace_id"],
}

REPLACED = ("functions", "instances", "tokens", "regulations")
"""Tables that had an index of the owner alone."""


def upgrade() -> None:
    for table in REPLACED:
        op.drop_index(f"ix_{table}_{OWNERS[table][0]}", table)
    for table, owner in OWNERS.items():
        op.create_index(f"ix_{table}_{'_'.join(owner)}_id", table, [*owner, "id"])
