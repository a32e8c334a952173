"""What Node and node-fetch make of the same expressions, recorded by record_web.mjs, held against the sandbox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.guest.evaluate import Evaluate

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "web-vectors.json").read_text())

STANDARD: dict[str, Any] = json.loads((Path(__file__).parent / "standard-vectors.json").read_text())


def differences(evaluate: Evaluate, group: str, vectors: dict[str, Any] = VECTORS) -> dict[str, list[str]]:
    """Expression -> [what the sandbox makes of it, what Node does], for those of *group* on which they disagree."""
    code = f"""
        const show = {vectors["show"]}
        const different = {{}}
        for (const [expression, expected] of {json.dumps(vectors[group])}) {{
          const found = await show(new Function(`return (${{expression}})`))
          if (found !== expected) different[expression] = [found, expected]
        }}
        return different
        """
    result = evaluate(code, time_ms=60_000)
    assert result.thrown is None, result.thrown
    found: dict[str, list[str]] = result.value
    return found
