"""Requests to delete and to suppress what is known of people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "regulations",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("workspace_id", sa.String(40), nullable=False),
        sa.Column("source_id", sa.String(40), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("subject_type", sa.String(20), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("subjects", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_regulations_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_regulations"),
    )
    op.create_index("ix_regulations_workspace_id", "regulations", ["workspace_id"])
    op.create_table(
        "suppressions",
        sa.Column("workspace_id", sa.String(40), nullable=False),
        sa.Column("source_id", sa.String(40), nullable=False),
        sa.Column("subject_type", sa.String(20), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_suppressions_workspace_id"),
        sa.PrimaryKeyConstraint(
            "workspace_id", "source_id", "subject_type", "subject", name="pk_suppressions"
        ),
    )
