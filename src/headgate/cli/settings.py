"""The --settings file: a JSON object."""

from __future__ import annotations

import json

from headgate.cli.errors import CommandError
from headgate.cli.functions import read


def load(name: str | None) -> bytes:
    """The JSON text in file *name*, `{}` without one. Raises CommandError."""
    if name is None:
        return b"{}"
    content = read(name)
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise CommandError(f"{name}: not UTF-8") from None
    except json.JSONDecodeError as error:
        raise CommandError(f"{name}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except RecursionError:
        raise CommandError(f"{name}: nested too deeply") from None
    if not isinstance(value, dict):
        raise CommandError(f'{name}: settings must be a JSON object, such as {{"apiKey": "..."}}')
    return json.dumps(value).encode()
