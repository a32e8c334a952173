"""
The files of `run --record`, for `replay`: the runtime's record, the name of the function's file, and the recorded outcomes.

Such a file contains the event and the settings including secrets, so only its owner may read it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from headgate.cli.errors import CommandError, file_error
from headgate.cli.functions import read
from headgate.outcomes import as_json
from headgate_runtime import Record, ReplayError

if TYPE_CHECKING:
    from headgate.cli.events import Portion
    from headgate.cli.flow import Settled
    from headgate_runtime import Outcome


class Recorder:
    """
    Saves one invocation to file *name*: that of line *line*, or else the first that did not forward every event.

    Until it has saved one, every candidate runs recorded, in a sandbox made from the image.
    """

    def __init__(self, name: str, function: str, line: int | None) -> None:
        self._name = name
        self._function = function
        self._line = line
        self.saved_line: int | None = None

    def wants(self, portion: Portion) -> bool:
        if self.saved_line is not None:
            return False
        return self._line is None or any(line.number == self._line for line in portion.lines)

    def see(self, settled: Settled) -> None:
        """To be called in the order of the input. Raises CommandError if the file cannot be written."""
        outcomes = settled.outcomes
        if self.saved_line is not None or not outcomes or outcomes[0].record is None:
            return
        if self._line is None and all(outcome.outcome == "forward" for outcome in outcomes):
            return
        self._save(outcomes[0].record, outcomes)
        self.saved_line = self._line or settled.portion.lines[0].number

    def _save(self, record: Record, outcomes: list[Outcome]) -> None:
        content = orjson.loads(record.dumps())
        path = Path(self._name)
        content["function"] = os.path.relpath(self._function, path.parent)
        content["outcomes"] = [as_json(outcome) for outcome in outcomes]
        text = orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(text)
        except OSError as error:
            raise file_error(error, self._name) from None


def load(name: str) -> tuple[Record, str | None, list[dict[str, object]] | None]:
    """
    The record in file *name*, the function's file, and the outcomes that were recorded (None for a record that the
    library wrote). Raises CommandError.
    """
    text = read(name)
    try:
        content = orjson.loads(text)
        record = Record.loads(text)
    except orjson.JSONDecodeError:
        raise CommandError(f"{name}: not JSON, so no record; `headgate run --record` makes them") from None
    except ReplayError as error:
        raise CommandError(f"{name}: {error}") from None
    function, outcomes = content.get("function"), content.get("outcomes")
    if not isinstance(function, str):
        function = None
    if not isinstance(outcomes, list) or not all(isinstance(each, dict) for each in outcomes):
        outcomes = None
    return record, None if function is None else os.path.normpath(Path(name).parent / function), outcomes
