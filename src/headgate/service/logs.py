"""Structured logs on stderr, with a line of JSON for each record."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Final

import orjson

_KNOWN: Final = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "color_message",
    "taskName",
}


class JsonFormatter(logging.Formatter):
    """
    Formats records as {"time", "level", "logger", "message",
    "error"?} plus the fields given by `extra`.
    """

    def format(self, record: logging.LogRecord) -> str:
        value: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        value |= {key: item for key, item in record.__dict__.items() if key not in _KNOWN}
        if record.exc_info:
            value["error"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(value, default=str).decode()
        except TypeError:  # a lone surrogate, or endless nesting
            return orjson.dumps({key: _clean(str(item)) for key, item in value.items()}).decode()


class TextFormatter(logging.Formatter):
    """Formats records for people at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        extra = " ".join(f"{key}={item}" for key, item in record.__dict__.items() if key not in _KNOWN)
        text = f"{record.getMessage()}{' ' if extra else ''}{extra}"
        line = f"{time} {record.levelname.lower()}: {_clean(text)}"
        if not record.exc_info:
            return line
        # The message in a traceback may contain input as well.
        trace = self.formatException(record.exc_info).split("\n")
        return "\n".join([line, *(f"  {_clean(each)}" for each in trace)])


def _clean(text: str) -> str:
    """*text* without characters that could control a terminal or begin another line."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def configure(*, as_json: bool, level: int = logging.INFO) -> None:
    """Sets up logging of this process. Call it once."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # The service logs its own start and stop, and the metrics cover requests.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    # Its warnings are about requests that it does not understand: anybody could fill the log with them.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
