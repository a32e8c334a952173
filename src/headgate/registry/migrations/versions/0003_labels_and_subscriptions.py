"""Labels of workspaces, settings of sources, subscriptions of destinations."""

from __future__ import annotations

import json
import secrets

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "labels",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("value", sa.String(length=120), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_labels_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labels")),
        sa.UniqueConstraint("workspace_id", "key", "value", name=op.f("uq_labels_workspace_id_key_value")),
    )
    op.create_table(
        "source_settings",
        sa.Column("source_id", sa.String(length=40), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("schema_settings", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_source_settings_source_id")),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_source_settings")),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("destination_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("action_id", sa.String(length=120), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("model_id", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["destinations.id"], name=op.f("fk_subscriptions_destination_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
    )
    op.create_index(
        op.f("ix_subscriptions_destination_id"), "subscriptions", ["destination_id"], unique=False
    )
    _take_labels_of_sources()


def _take_labels_of_sources() -> None:
    """Every label that a source has is one of its workspace."""
    sources = sa.table("sources", sa.column("workspace_id"), sa.column("labels"), sa.column("created_at"))
    labels = sa.table(
        "labels",
        *map(sa.column, ("id", "workspace_id", "key", "value", "description", "created_at")),
    )
    found: dict[tuple[str, str, str], dict[str, object]] = {}
    for workspace, text, created_at in op.get_bind().execute(sa.select(sources).order_by("created_at")):
        for label in json.loads(text):
            found.setdefault(
                (workspace, label["key"], label["value"]),
                {
                    "id": f"{created_at & 0xFFFFFFFFFFFF:012x}{secrets.token_hex(6)}",
                    "workspace_id": workspace,
                    "key": label["key"],
                    "value": label["value"],
                    "description": label.get("description") or "",
                    "created_at": created_at,
                },
            )
    if found:
        op.get_bind().execute(sa.insert(labels), list(found.values()))
