"""discard-reasons.json and limits.json, where they speak of the tracking API, and the event API's names and numbers."""

from __future__ import annotations

import json
from pathlib import Path

from headgate.tracking import TrackingLimits, reasons
from headgate.tracking.limits import RECOMMENDED_RPS

HERE = Path(__file__).parent

LIMITS = {row["key"]: row["value"] for row in json.loads((HERE / "limits.json").read_text())["limits"]}

INGEST = {
    code: row["relevance"]
    for row in json.loads((HERE / "discard-reasons.json").read_text())["reasons"]
    if row["stage"] == "failed-on-ingest"
    for code in row["codes"]
}

OURS = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}

NOT_CHECKED = {
    # The same condition has one name here.
    "id_required",
    # Checks of single fields that SPEC 8.5 does not ask for.
    "consent_categorypreferences_should_exist",
    "consent_categorypreferences_fields_should_be_object",
    "consent_categorypreferences_fields_should_be_bool",
    "consent_version_should_be_number",
    "device_advertisingid_should_be_string",
}


def test_every_code_is_of_the_table() -> None:
    assert INGEST.keys() >= OURS
    assert reasons.OF_REQUESTS <= OURS


def test_every_code_of_the_tracking_api_is_used() -> None:
    of_tracking = {code for code, relevance in INGEST.items() if relevance == "tracking"}

    assert of_tracking - OURS == NOT_CHECKED


def test_limits() -> None:
    limits = TrackingLimits()

    assert limits.event_bytes == LIMITS["tracking.event_bytes"]
    assert limits.batch_bytes == LIMITS["tracking.batch_bytes"]
    assert limits.batch_events == LIMITS["tracking.batch_events"]
    assert limits.message_id_chars == LIMITS["tracking.message_id_chars"]
    assert limits.properties == LIMITS["tracking.properties_per_event"]
    assert LIMITS["tracking.recommended_rps_per_workspace"] == RECOMMENDED_RPS
