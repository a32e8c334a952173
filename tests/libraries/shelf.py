"""Functions that use a library, compiled and run as users' functions are, with canned answers for a network."""

from __future__ import annotations

import json
from typing import Any

from headgate_runtime import Forward, Image
from headgate_runtime.compiler import compile as compile_function
from tests.guest.network import Conversation, Reply, converse


def use(code: str, *replies: Reply) -> Conversation:
    """What comes of *code*, the body of an async function; its requests get *replies* in their order."""
    source = (
        f"async function onTrack(event) {{ event.value = await (async () => {{ {code} }})(); return event }}"
    )
    image = compile_function(source)
    assert isinstance(image, Image), image
    conversation = converse("", *replies, function=image)
    assert isinstance(conversation.outcome, Forward), conversation.outcome
    assert len(conversation.asked) == len(replies), conversation.asked
    return conversation


def value(code: str) -> Any:
    """What *code* returns, without a network."""
    return use(code).value


def reply(body: Any = None, status: int = 200, content_type: str = "application/json") -> Reply:
    """An answer with *body*: bytes and text as they are, anything else as JSON."""
    content = json.dumps(body).encode() if not isinstance(body, str | bytes) else body
    content = content.encode() if isinstance(content, str) else content
    return Reply(status, (("content-type", content_type), ("content-length", str(len(content)))), content)
