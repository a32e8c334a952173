"""Applies and exports manifests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from headgate.registry import workspaces
from headgate.registry.manifest import applying
from headgate.registry.manifest.applying import Loaded
from headgate.registry.manifest.export import Exported, export
from headgate.registry.manifest.steps import Plan
from headgate.registry.records import SYSTEM
from headgate.registry.store import Registry

WHOLE = """
[workspace]
slug = "acme"
name = "Acme"

[[sources]]
slug = "web"
write_keys = ["w1", { env = "WEB_KEY" }]

[[functions]]
name = "Enrich"
path = "enrich.js"
settings = [
    { label = "API Key", sensitive = true, required = true },
    { name = "tags", type = "ARRAY" },
    { name = "limits", type = "TEXT_MAP", sensitive = true },
]

[[destinations]]
name = "Warehouse"
source = "web"
kind = "webhook"
url = "https://warehouse.example/events"
headers = { Authorization = { env = "TOKEN" }, "X-Team" = "data" }
signing_secret = { env = "SIGNING" }
batch_max_count = 50
filters = [
    { if = "type = 'page'", actions = [{ type = "DROP" }], title = "no pages" },
    { if = "all", actions = [{ type = "SAMPLE", percent = 0.5 }] },
]
function = { name = "Enrich", settings = { apiKey = { env = "API_KEY" }, tags = ["a"], limits = { env = "LIMITS" } } }

[[destinations]]
name = "File"
source = "web"
kind = "sink"
path = "events.jsonl"
enabled = false
"""

ENVIRON = {
    "WEB_KEY": "w2",
    "TOKEN": "Bearer s3cr3t-token",
    "SIGNING": "s3cr3t-signature",
    "API_KEY": "s3cr3t-key",
    "LIMITS": '{"a": "s3cr3t-limit"}',
}


class ManifestDirectory:
    """Applies manifests in a directory."""

    def __init__(self, registry: Registry, directory: Path) -> None:
        self.registry = registry
        self.directory = directory
        directory.mkdir()
        self.file("enrich.js", "function onTrack(event) { return event }\n")

    def file(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.write_text(text)
        return path

    def load(self, text: str) -> Loaded:
        return applying.load(self.file("headgate.toml", text))

    def plan(self, text: str, environ: Mapping[str, str] = ENVIRON, *, prune: bool = False) -> Plan:
        return applying.rehearse(self.registry, self.load(text), environ, SYSTEM, prune=prune)

    def apply(self, text: str, environ: Mapping[str, str] = ENVIRON, *, prune: bool = False) -> Plan:
        loaded = self.load(text)
        rehearsed = applying.rehearse(self.registry, loaded, environ, SYSTEM, prune=prune)
        return applying.carry_out(self.registry, loaded, environ, SYSTEM, rehearsed, prune=prune)

    def export(self, *, slug: str = "acme", inline: bool = True) -> Exported:
        with self.registry.view() as view:
            workspace = workspaces.find(view, slug)
            assert workspace is not None
            return export(view, workspace.id, inline=inline)
