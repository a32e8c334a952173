"""The catalog of sources and destinations."""

from __future__ import annotations

import pytest

from headgate.api.catalog import OPTIONS
from headgate.registry import kinds
from tests.headgate.api.harness import ApiHarness


@pytest.mark.parametrize(
    ("path", "many", "one", "ids"),
    [
        (
            "/catalog/sources",
            "sourcesCatalog",
            "sourceMetadata",
            ["http-api", "javascript", "node-js", "python"],
        ),
        ("/catalog/destinations", "destinationsCatalog", "destinationMetadata", ["webhook", "sink"]),
        ("/catalog/warehouses", "warehousesCatalog", "warehouseMetadata", []),
    ],
)
def test_the_catalog_tells_what_there_is(
    harness: ApiHarness, path: str, many: str, one: str, ids: list[str]
) -> None:
    caller = harness.caller("functions-read-only")
    data = caller.get(path).data

    assert [each["id"] for each in data[many]] == ids
    assert data["pagination"]["totalEntries"] == len(ids)
    for entry in data[many]:
        assert caller.get(f"{path}/{entry['id']}").data == {one: entry}
    assert caller.get(f"{path}/cobol").refusal == (404, "", "there is no such entry in the catalog")
    assert [each["id"] for each in caller.get(path, pagination={"count": 1}).data[many]] == ids[:1]


def test_every_setting_of_a_destination_is_an_option() -> None:
    assert {kind: set(options) for kind, options in OPTIONS.items()} == {
        kind: set(model.model_fields) for kind, model in kinds.MODELS.items()
    }


def test_what_is_required_says_so(harness: ApiHarness) -> None:
    metadata = harness.owner.get("/catalog/destinations/webhook").data["destinationMetadata"]

    assert [option["name"] for option in metadata["options"] if option["required"]] == ["url"]
    assert {option["name"]: option.get("defaultValue") for option in metadata["options"]}["method"] == "POST"
