"""How long a run takes. Each section says beside its code what it does at each Scale, in an Effort of its own."""

from __future__ import annotations

from enum import StrEnum


class Scale(StrEnum):
    """
    Larger scales make figures steadier; what is measured stays the same.

    QUICK    `make bench`: five minutes
    FULL     `make bench-full`: an hour, with the sections that have no quick form
    SMOKE    the tests: just enough for everything to run once, without peers and without figures that mean anything
    """

    QUICK = "quick"
    FULL = "full"
    SMOKE = "smoke"
