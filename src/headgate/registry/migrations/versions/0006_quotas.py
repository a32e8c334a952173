"""Quotas of workspaces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "quotas",
        sa.Column("workspace_id", sa.String(40), nullable=False),
        sa.Column("functions", sa.Integer()),
        sa.Column("events_per_s", sa.Float()),
        sa.Column("fuel_per_day", sa.BigInteger()),
        sa.Column("sandboxes", sa.Integer()),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_quotas_workspace_id"),
        sa.PrimaryKeyConstraint("workspace_id", name="pk_quotas"),
    )
