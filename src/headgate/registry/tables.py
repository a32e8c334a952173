"""
The tables of the registry, as they are after the last migration (a test compares the two).

Times are in ms since the epoch. Ids are opaque text that sorts in order of creation. JSON is stored as canonical text, so
that equal values are equal rows. `encrypted_settings` maps names to sealed values (secrets.py).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

HEAD: Final = "0009"
"""The migration that leads to these tables."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

config = Table(
    "config",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("rev", BigInteger, nullable=False),
    Column("key_id", String(16), nullable=False),
)
"""A single row with id 1. *rev* counts changes; *key_id* is the id of the master key that seals secrets."""

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("slug", String(100), nullable=False),
    Column("name", String(120), nullable=False),
    Column("weight", Float, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("egress_allow", Text, nullable=False, server_default="[]"),
    Column("egress_deny", Text, nullable=False, server_default="[]"),
    UniqueConstraint("slug"),
)

quotas = Table(
    "quotas",
    metadata,
    Column("workspace_id", ForeignKey("workspaces.id"), primary_key=True),
    Column("functions", Integer),
    Column("events_per_s", Float),
    Column("fuel_per_day", BigInteger),
    Column("sandboxes", Integer),
)
"""Has rows only for workspaces with quotas; NULL means no limit."""

sources = Table(
    "sources",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("workspace_id", ForeignKey("workspaces.id"), nullable=False),
    Column("slug", String(100), nullable=False),
    Column("name", String(120), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("workspace_id", "slug"),
    Index(None, "workspace_id", "id"),
)

source_settings = Table(
    "source_settings",
    metadata,
    Column("source_id", ForeignKey("sources.id"), primary_key=True),
    Column("settings", Text, nullable=False),
    Column("schema_settings", Text, nullable=False),
)
"""Has rows only for sources with settings."""

labels = Table(
    "labels",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("workspace_id", ForeignKey("workspaces.id"), nullable=False),
    Column("key", String(120), nullable=False),
    Column("value", String(120), nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("workspace_id", "key", "value"),
)
"""Sources can have only these."""

write_keys = Table(
    "write_keys",
    metadata,
    Column("key", String(100), primary_key=True),
    Column("source_id", ForeignKey("sources.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "source_id"),
)
"""Not sealed: write keys are public, web pages contain them. *position* is their order within the source."""

destinations = Table(
    "destinations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("source_id", ForeignKey("sources.id"), nullable=False),
    Column("name", String(120), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("settings", Text, nullable=False),
    Column("encrypted_settings", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("source_id", "name"),
    Index(None, "source_id", "id"),
)

filters = Table(
    "filters",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("destination_id", ForeignKey("destinations.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("title", String(64), nullable=False),
    Column("description", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("actions", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("destination_id", "position"),
)
"""*position* is the order of creation (SPEC D23)."""

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("destination_id", ForeignKey("destinations.id"), nullable=False),
    Column("name", String(120), nullable=False),
    Column("action_id", String(120), nullable=False),
    Column("trigger", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("settings", Text, nullable=False),
    Column("model_id", String(120), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index(None, "destination_id"),
)
"""Stored for clients; destinations have no mappings, so they have no effect."""

functions = Table(
    "functions",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("workspace_id", ForeignKey("workspaces.id"), nullable=False),
    Column("display_name", String(120), nullable=False),
    Column("description", Text, nullable=False),
    Column("logo_url", Text, nullable=False),
    Column("batch_max_count", Integer, nullable=False),
    Column("isolation", String(20), nullable=False),
    Column("time_ms", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index(None, "workspace_id", "id"),
)

function_versions = Table(
    "function_versions",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("function_id", ForeignKey("functions.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("language", String(20), nullable=False),
    Column("settings", Text, nullable=False),
    Column("author", String(120), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("deployed_at", BigInteger, nullable=True),
    # The last column, so that reading others does not skip over a megabyte.
    Column("code", Text, nullable=False),
    UniqueConstraint("function_id", "number"),
)
"""
Rows are immutable except for *deployed_at*. *number* counts from 1 within each function, and the highest is LATEST;
*settings* are the definitions saved with the code.
"""

instances = Table(
    "instances",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("function_id", ForeignKey("functions.id"), nullable=False),
    Column("destination_id", ForeignKey("destinations.id"), nullable=False),
    Column("version_id", ForeignKey("function_versions.id"), nullable=False),
    Column("name", String(120), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("settings", Text, nullable=False),
    Column("encrypted_settings", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("destination_id"),
    Index(None, "function_id", "id"),
    Index(None, "version_id"),
)

users = Table(
    "users",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("workspace_id", ForeignKey("workspaces.id"), nullable=False),
    Column("email", String(254), nullable=False),
    Column("name", String(254), nullable=False),
    Column("state", String(20), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("workspace_id", "email"),
    Index(None, "workspace_id", "state", "id"),
)
"""A user belongs to one workspace: somebody who works in two is a user of each. *state* is "invited" or "active"."""

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("workspace_id", ForeignKey("workspaces.id"), nullable=False),
    Column("name", String(120), nullable=False),
    Column("role", String(40), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("user_id", ForeignKey("users.id"), nullable=True),
    UniqueConstraint("hash"),
    Index(None, "workspace_id", "id"),
    Index(None, "user_id"),
)
"""
*hash* is the SHA-256 of a token of 256 random bits, in hex. *role* applies to the whole workspace. A user's token has the
permissions of the user; its own role is "member", which grants none.
"""

user_groups = Table(
    "user_groups",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("workspace_id", ForeignKey("workspaces.id"), nullable=False),
    Column("name", String(120), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("workspace_id", "name"),
    Index(None, "workspace_id", "id"),
)

members = Table(
    "members",
    metadata,
    Column("group_id", ForeignKey("user_groups.id"), primary_key=True),
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Index(None, "user_id"),
)

grants = Table(
    "grants",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("workspace_id", ForeignKey("workspaces.id"), nullable=False),
    Column("holder", String(10), nullable=False),
    Column("holder_id", String(40), nullable=False),
    Column("position", Integer, nullable=False),
    Column("role", String(40), nullable=False),
    Column("resources", Text, nullable=False),
    UniqueConstraint("holder_id", "position"),
    Index(None, "workspace_id"),
)
"""Permissions: *holder* is "user", "group" or "token". *resources* is JSON as the API shows it."""

regulations = Table(
    "regulations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("workspace_id", ForeignKey("workspaces.id"), nullable=False),
    Column("source_id", String(40), nullable=False),
    Column("type", String(40), nullable=False),
    Column("subject_type", String(20), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger, nullable=True),
    # The last column, so that reading others does not skip over thousands of ids.
    Column("subjects", Text, nullable=False),
    Index(None, "workspace_id", "id"),
)
"""*source_id* is "" for all sources. Regulations outlive their sources, and are never deleted."""

suppressions = Table(
    "suppressions",
    metadata,
    Column("workspace_id", ForeignKey("workspaces.id"), primary_key=True),
    Column("source_id", String(40), primary_key=True),
    Column("subject_type", String(20), primary_key=True),
    Column("subject", Text, primary_key=True),
)
"""The ids of people whose events are not accepted, derived from the regulations. *source_id* is "" for all sources."""

audit = Table(
    "audit",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("rev", BigInteger, nullable=False),
    Column("position", Integer, nullable=False),
    Column("workspace_id", String(40), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("type", String(80), nullable=False),
    Column("actor_type", String(20), nullable=False),
    Column("actor_id", String(120), nullable=False),
    Column("resource_type", String(40), nullable=False),
    Column("resource_id", String(40), nullable=False),
    Column("resource_name", String(120), nullable=False),
    Column("before", String(64), nullable=True),
    Column("after", String(64), nullable=True),
    UniqueConstraint("rev", "position"),
    Index(None, "at"),
    Index(None, "workspace_id", "at", "rev", "position"),
    Index(None, "workspace_id", "resource_id", "at", "rev", "position"),
    Index(None, "workspace_id", "resource_type", "at", "rev", "position"),
)
"""
The audit trail (SPEC 13.2). *before* and *after* are the SHA-256 of the resource as the API shows it, without secrets; NULL
if there was none. *rev* and *position* order events. It has no foreign keys: it outlives what it records.
"""
