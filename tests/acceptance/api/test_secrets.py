"""
After a life with every kind of secret, in which functions and destinations do all they can to tell them, none is found:
not in the data directory, not in the server's log, not in an answer of the API, in none of the forms it could have.
"""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from headgate.api.table import OPERATIONS
from tests.acceptance.api.served import Served, served
from tests.acceptance.service.doubles import Double, Reply, Request
from tests.acceptance.service.project import until

SECRETS = {
    "of a setting": 'k1 "setting"/ü+&<%>',
    "of a setting, replaced": 'k2 "replaced"/ü+&<%>',
    "in a list": "k3-element-of-a-list/+&",
    "in a map": "k4-value-of-a-map/+&",
    "of a header": "k5-header/+&%41",
    "of a header, replaced": "k6-header-replaced/+&",
    "to sign with": "k7-signing/+&",
    "of a preview": 'k8 "preview"/ü+&',
    "that was none at first": "k9-became-a-secret/+&",
}

CODE = """
async function onTrack(event, settings) {
  const all = [settings.key, settings.plain, ...(settings.list || []), ...Object.values(settings.map || {})]
  console.log('told', ...all)
  for (const each of all) console.warn(JSON.stringify({ each }), encodeURIComponent(each))
  const sent = { method: 'POST', body: JSON.stringify(all), headers: { 'X-Key': encodeURIComponent(settings.key) } }
  await fetch(event.properties.site + '/?q=' + encodeURIComponent(settings.key), sent)
  if (event.event === 'Thrown') throw new Error('thrown with ' + all.join(' '))
  if (event.event === 'Retried') throw new RetryError(all.join(' '))
  if (event.event === 'Dropped') throw new DropEvent(settings.key)
  if (event.event === 'Stuck') { console.log(settings.key); while (true) {} }
  return event
}
"""


def setting(name: str, kind: str = "STRING", *, sensitive: bool = True) -> dict[str, Any]:
    about = {"name": name, "label": name, "description": "", "type": kind}
    return {**about, "required": False, "sensitive": sensitive}


def settings(*, plain_is_secret: bool) -> list[dict[str, Any]]:
    of = [setting("key"), setting("list", "ARRAY"), setting("map", "TEXT_MAP")]
    return [*of, setting("plain", sensitive=plain_is_secret)]


def lived(project: Served, site: str) -> None:
    """All there is to do with secrets."""

    def made(path: str, body: dict[str, Any], kind: str, method: str = "POST") -> Any:
        answer = project.http.request(method, path, json=body)
        assert answer.is_success, answer.text
        told.append(answer.text)
        return answer.json()["data"][kind]

    told: list[str] = []
    source = made("/sources", {"slug": "web", "enabled": True, "metadataId": "http-api"}, "source")
    hook = {
        "url": f"{site}/hook",
        "headers": {"authorization": SECRETS["of a header"]},
        "signing_secret": SECRETS["to sign with"],
    }
    of = {"sourceId": source["id"], "metadataId": "webhook", "name": "Hook", "settings": hook}
    destination = made("/destinations", of, "destination")["id"]
    hook["headers"] = {"authorization": SECRETS["of a header, replaced"]}
    made(f"/destinations/{destination}", {"settings": hook}, "destination", "PATCH")
    new = {"code": CODE, "displayName": "F", "resourceType": "INSERT_DESTINATION", "timeMs": 300}
    new["settings"] = settings(plain_is_secret=False)
    function = made("/functions", new, "function")["id"]
    values: dict[str, Any] = {
        "key": SECRETS["of a setting"],
        "list": [SECRETS["in a list"]],
        "map": {"a": SECRETS["in a map"]},
        "plain": SECRETS["that was none at first"],
    }
    bound = {"functionId": function, "integrationId": destination, "name": "I", "settings": values}
    instance = made("/insert-function-instances", {**bound, "enabled": True}, "insertFunctionInstance")["id"]
    path = f"/insert-function-instances/{instance}"
    values["key"] = SECRETS["of a setting, replaced"]
    made(path, {"settings": values}, "insertFunctionInstance", "PATCH")
    changed = {"settings": settings(plain_is_secret=True)}
    made(f"/functions/{function}", changed, "function", "PATCH")
    told[:] = [each.replace(SECRETS["that was none at first"], "") for each in told]
    made(f"/functions/{function}/deploy", {}, "functionDeployment")
    event = {"type": "track", "event": "Thrown", "messageId": "p", "properties": {"site": site}}
    tried = {"payload": event, "settingValues": {**values, "key": SECRETS["of a preview"]}}
    made(f"/functions/{function}/preview", tried, "result")
    for number, name in enumerate(["Fine", "Thrown", "Retried", "Dropped", "Stuck", "Refused"]):
        body = {"userId": "u", "event": name, "messageId": f"m{number}", "properties": {"site": site}}
        auth = (source["writeKeys"][0], "")
        sent = httpx.post(f"{project.url}/v1/track", json=body, auth=auth, trust_env=False)
        assert sent.status_code == 200
    samples = f"/destinations/{destination}/samples"
    until(lambda: len(project.http.get(samples).json()["data"]["samples"]) >= 4)
    invoked = project.http.post(
        f"/v1/functions/{function}/invoke?instanceId={instance}", json={**event, "event": "Fine"}
    )
    assert invoked.status_code == 200
    ids = {
        "sourceId": source["id"],
        "destinationId": destination,
        "destinationConfigId": destination,
        "functionId": function,
        "instanceId": instance,
    }
    told += [invoked.text, *answers(project.http, ids)]
    assert not found(told), found(told)
    project.http.delete(path)
    project.http.delete(f"/destinations/{destination}")


def answers(http: httpx.Client, ids: dict[str, str]) -> Iterator[str]:
    """Of everything that can be read about the things with *ids*."""
    now = datetime.now(UTC)
    given = {
        **ids,
        "resourceType": "INSERT_DESTINATION",
        "granularity": "DAY",
        "startTime": now.strftime("%Y-%m-%dT00:00:00Z"),
        "endTime": now.strftime("%Y-%m-%dT23:59:59Z"),
        "period": now.strftime("%Y-%m-%d"),
        "message": "hello",
    }
    read = 0
    for operation in OPERATIONS:
        wanted = re.findall(r"\{(\w+)\}", operation.path)
        if operation.method != "GET" or not set(wanted) <= set(given):
            continue
        path = operation.path.format(**given)
        query = {name.rstrip("*"): given[name.rstrip("*")] for name in operation.query if name.endswith("*")}
        answer = http.get(path, params=query)
        assert answer.status_code == 200, (path, answer.text)
        read += 1
        yield answer.text
    assert read > 40


def forms(secret: str) -> set[str]:
    """In which it could be written down."""
    quoted = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    quoted |= {json.dumps(each)[1:-1] for each in quoted}
    encoded = {
        urllib.parse.quote(secret),
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote_plus(secret),
    }
    raw = secret.encode()
    # Whatever stands before it: the middle of base64 is one of three.
    whole = {base64.b64encode(b"x" * shift + raw)[4:-4].decode() for shift in range(3)}
    return {secret, *quoted, *encoded, *whole, raw.hex()}


def found(texts: list[str] | list[bytes]) -> list[str]:
    return [
        f"the secret {name}, as {form!r}: {_around(text, form)}"
        for name, secret in SECRETS.items()
        for form in forms(secret)
        for text in texts
        if (form.encode() in text if isinstance(text, bytes) else form in text)
    ]


def _around(text: str | bytes, form: str) -> str:
    whole = text if isinstance(text, str) else text.decode(errors="replace")
    at = whole.index(form)
    return whole[max(0, at - 300) : at + 100]


def test_no_secret_is_told(tmp_path: Path) -> None:
    def answer(request: Request) -> Reply:
        """Of a destination that sends back what it was sent, and wants nothing of it."""
        told = json.dumps(request.headers).encode() + request.body
        return Reply(400 if b"Refused" in request.body and request.path == "/hook" else 200, body=told)

    with Double(answer) as site, served(tmp_path / "data", "--workers", "2", "--allow-private") as project:
        lived(project, site.url)
        # They are not kept from those whom they are for.
        hooked = [each.headers["authorization"] for each in site.requests if each.path == "/hook"]
        assert SECRETS["of a header, replaced"] in hooked
        fetched = [json.loads(each.body) for each in site.requests if each.path != "/hook"]
        assert any(SECRETS["of a setting, replaced"] in each for each in fetched)
        while_running = contents(project.data)
    assert not found(while_running), found(while_running)
    assert not found(contents(project.data)), found(contents(project.data))
    assert not found(["\n".join(project.server.log)])
    token = project.token.encode()
    assert [content for content in contents(project.data) if token in content] == []
    assert "\n".join(project.server.log).count(project.token) == 1


def contents(data: Path) -> list[bytes]:
    """Of every file there is; of the master key the key itself is a secret, and the only file that has it."""
    files = [path for path in data.rglob("*") if path.is_file()]
    assert {"registry.sqlite", "master.key"} <= {path.name for path in files}
    key = next(path for path in files if path.name == "master.key").read_bytes().strip()
    texts = [path.read_bytes() for path in files if path.name != "master.key"]
    assert not any(key in text for text in texts)
    return texts
