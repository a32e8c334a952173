"""Structured logs: a line of JSON for each record, on stderr."""

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
    """{"time", "level", "logger", "message", "error"?} and whatever a record was given by `extra`."""

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
        except TypeError:  # half a surrogate pair, or something nested without end
            return orjson.dumps({key: _clean(str(item)) for key, item in value.items()}).decode()


class TextFormatter(logging.Formatter):
    """For people at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        extra = " ".join(f"{key}={item}" for key, item in record.__dict__.items() if key not in _KNOWN)
        text = f"{record.getMessage()}{' ' if extra else ''}{extra}"
        line = f"{time} {record.levelname.lower()}: {_clean(text)}"
        if not record.exc_info:
            return line
        # Of a traceback, too, the message may be anybody's.
        trace = self.formatException(record.exc_info).split("\n")
        return "\n".join([line, *(f"  {_clean(each)}" for each in trace)])


def _clean(text: str) -> str:
    """*text* on one line, and without what could steer a terminal or pass for another line."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def configure(*, as_json: bool, level: int = logging.INFO) -> None:
    """Of this process, once."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Start and stop are told by the service itself, and requests by the metrics.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
