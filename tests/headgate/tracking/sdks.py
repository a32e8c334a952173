"""The official server SDKs, as they are published, and what is known of what they send (SPEC 8.8)."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from guest.build import bundles
from guest.build.sources import ROOT, cache_directory
from guest.build.workshop import Workshop, digest_of
from headgate.tracking.timestamps import format_ms, parse
from tests.headgate.tracking.asking import SOURCE

NODE = Path(__file__).parent / "node"

WIRE = json.loads((ROOT / "tests" / "conformance" / "tracking-sdk-wire.json").read_text(encoding="utf-8"))


@functools.cache
def node_package() -> Path:
    """The pinned package @segment/analytics-node, fetched into the build's cache the first time."""
    # In a corner of its own, so that it waits for no build of the guest.
    shop = Workshop(cache_directory(os.environ) / "sdks")
    manifests = [NODE / "package.json", NODE / "package-lock.json", ROOT / "guest" / ".npmrc"]
    with shop.exclusive():
        packages = shop.step(
            "npm packages of the event API's tests",
            "packages",
            digest_of(*manifests),
            lambda out: bundles.install_packages(shop, manifests, out),
        )
    return packages / "node_modules" / "@segment" / "analytics-node"


def send_with_node(
    settings: Mapping[str, Any], calls: Sequence[tuple[str, Mapping[str, Any]]]
) -> dict[str, Any]:
    """What node/send.mjs answers."""
    script = NODE / "send.mjs"
    done = subprocess.run(
        [bundles.node(), script, node_package()],
        input=json.dumps({"settings": settings, "calls": calls}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def listed(entries: Sequence[str]) -> Iterator[tuple[list[str], str | None]]:
    """
    The entries of `itemKeys`: the fields that each names, and the value where it tells one. `a.b.c=v`, `a (remark)`,
    `a and/or b (remark)`.
    """
    for entry in entries:
        named = re.sub(r" \(.*", "", entry)
        path, _, value = named.partition("=")
        yield re.split(r" and/or ", path), value or None


def value_at(item: Mapping[str, Any], path: str) -> Any:
    """What the dotted *path* leads to. KeyError where it leads nowhere."""
    found: Any = item
    for name in path.split("."):
        found = found[name]
    return found


def check_what_the_server_adds(
    event: Mapping[str, Any], item: Mapping[str, Any], request: Mapping[str, Any]
) -> None:
    """*event* is what the server made of *item*, one of the calls of a batch *request*."""
    assert (event["channel"], event["projectId"], event["version"]) == ("server", SOURCE.id, 2)
    times = {
        field: parse(event[field]) for field in ("receivedAt", "sentAt", "originalTimestamp", "timestamp")
    }
    assert times["originalTimestamp"] == parse(item["timestamp"])
    assert times["sentAt"] == parse(request["sentAt"])
    assert None not in times.values()
    assert all(event[field] == format_ms(value or 0) for field, value in times.items())
