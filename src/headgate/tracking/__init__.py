"""The tracking HTTP API, compatible with the official SDKs (SPEC 8)."""

from headgate.tracking.api import TrackingApi
from headgate.tracking.intake import Arrival, Intake
from headgate.tracking.limits import TrackingLimits

__all__ = ["Arrival", "Intake", "TrackingApi", "TrackingLimits"]
