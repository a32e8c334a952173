"""The --settings file: a JSON object."""

from __future__ import annotations

import json

from headgate.cli.functions import read
from headgate.cli.trouble import Trouble


def load(name: str | None) -> bytes:
    """The JSON text in file *name*, `{}` without one. Raises Trouble."""
    if name is None:
        return b"{}"
    content = read(name)
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Trouble(f"{name}: not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Trouble(f"{name}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except RecursionError:
        raise Trouble(f"{name}: nested too deeply") from None
    if not isinstance(value, dict):
        raise Trouble(f'{name}: settings must be a JSON object, such as {{"apiKey": "..."}}')
    return json.dumps(value).encode()
