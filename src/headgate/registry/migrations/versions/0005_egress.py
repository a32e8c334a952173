"""Egress lists of workspaces, in addition to those of the server."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    for name in ("egress_allow", "egress_deny"):
        op.add_column("workspaces", sa.Column(name, sa.Text(), nullable=False, server_default="[]"))
