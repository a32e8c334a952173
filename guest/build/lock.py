"""
Takes addresses out of guest/package-lock.json, where npm notes whom to fund: a lock holds versions and hashes.

    python -m guest.build.lock
"""

from __future__ import annotations

import json

from guest.build.sources import ROOT

LOCK = ROOT / "guest" / "package-lock.json"


def main() -> None:
    """Rewrites the lock file in place."""
    lock = json.loads(LOCK.read_text(encoding="utf-8"))
    for package in lock["packages"].values():
        package.pop("funding", None)
    LOCK.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
