"""
mini-racer: V8 from Python: `python -m benchmarks.peers.programs.racer PACKAGES WORKLOAD NAME MODE`.

Two evaluations, with the event as a literal of the first, are more than twice as fast as calls of functions, whose values
cross one by one, and as promises.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import cast

from benchmarks.peers.programs.serve import events, script, serve

SCRIPT = """%s
var output;
const keep = (event) => { output = JSON.stringify(event); };
const drop = (error) => { output = error instanceof DropEvent ? null : String(error); };
const handle = (text) => { output = undefined; onTrack(JSON.parse(text), settings).then(keep, drop); };
"""


def main(packages: str, workload: Path, name: str, mode: str) -> None:
    sys.path.insert(0, packages)
    from py_mini_racer import MiniRacer  # noqa: PLC0415 - it lies in the folder that was told

    source = SCRIPT % script(workload, name)

    def first(text: str) -> str | None:
        with MiniRacer() as context:
            context.eval(f"{source}; handle({json.dumps(text)})")
            return cast("str | None", context.eval("output"))

    if mode == "warm":
        stays = MiniRacer()
        stays.eval(source)

        def again(text: str) -> str | None:
            stays.eval(f"handle({json.dumps(text)})")
            return cast("str | None", stays.eval("output"))

        serve(events(workload), again)
    else:
        serve(events(workload), first)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
