"""The table of all operations. A module that is not listed here serves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headgate.api import (
    audit,
    catalog,
    debugger,
    delivery_metrics,
    destinations,
    filters,
    functions,
    groups,
    instances,
    invites,
    labels,
    overview,
    preview,
    regulations,
    roles,
    samples,
    source_schema,
    sources,
    subscriptions,
    tokens,
    usage,
    users,
    volume,
    workspace,
)

if TYPE_CHECKING:
    from headgate.api.operation import Operation

OPERATIONS: Final[tuple[Operation, ...]] = (
    *workspace.OPERATIONS,
    *functions.OPERATIONS,
    *preview.OPERATIONS,
    *instances.OPERATIONS,
    *sources.OPERATIONS,
    *source_schema.OPERATIONS,
    *debugger.OPERATIONS,
    *destinations.OPERATIONS,
    *samples.OPERATIONS,
    *overview.OPERATIONS,
    *delivery_metrics.OPERATIONS,
    *volume.OPERATIONS,
    *subscriptions.OPERATIONS,
    *usage.OPERATIONS,
    *filters.OPERATIONS,
    *labels.OPERATIONS,
    *catalog.OPERATIONS,
    *users.OPERATIONS,
    *invites.OPERATIONS,
    *groups.OPERATIONS,
    *roles.OPERATIONS,
    *tokens.OPERATIONS,
    *regulations.OPERATIONS,
    *audit.OPERATIONS,
)
