"""Workspaces of one server reach what they may, and not what others may."""

import asyncio
from pathlib import Path

from tests.acceptance.service.project import Project, until
from tests.runtime.fetch.server import response, serving

MANIFEST = """
[workspace]
slug = "{slug}"
{lists}

[[sources]]
slug = "web"
write_keys = ["{slug}-key"]

[[functions]]
name = "Ask"
path = "ask.js"

[[destinations]]
name = "Asked"
source = "web"
kind = "sink"
path = "{slug}.jsonl"
function = {{ name = "Ask" }}

[[destinations]]
name = "Hook"
source = "web"
kind = "webhook"
url = "{url}hook/{slug}"
"""

ASK = """async function onTrack(event) {
  event.properties.answer = await fetch('URL').then((response) => response.status, (error) => error.code)
  return event
}"""


def test_a_workspace_reaches_what_it_may_and_a_change_holds_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(response(b"inside")) as server:
            await asyncio.to_thread(inside, server.url())
            hooks = [got.path for got in server.requests if got.path.startswith("/hook")]
            assert hooks == ["/hook/open", "/hook/closed"]

    def inside(url: str) -> None:
        project = Project(tmp_path, files={"ask.js": ASK.replace("URL", url)})
        apply(project, "open", url, 'egress_allow = ["127.0.0.1"]')
        apply(project, "closed", url, "")
        with project.serving() as client:
            for slug in ("open", "closed"):
                assert client.track(1, key=f"{slug}-key").status_code == 200
            until(lambda: answers(project) == {"open": [200], "closed": ["EACCES"]})
            until(lambda: "INVALID_SETTINGS: connect EACCES" in project.command("dead"))

            apply(project, "open", url, 'egress_allow = ["127.0.0.1"]\negress_deny = ["127.0.0.0/8"]')
            apply(project, "closed", url, 'egress_allow = ["127.0.0.0/8"]')
            for slug in ("open", "closed"):
                assert client.track(2, key=f"{slug}-key").status_code == 200
            until(lambda: answers(project) == {"open": [200, "EACCES"], "closed": ["EACCES", 200]})
            until(lambda: project.command("dead").count("connect EACCES") == 2)

    asyncio.run(main())


def apply(project: Project, slug: str, url: str, lists: str) -> None:
    project.write("headgate.toml", MANIFEST.format(slug=slug, url=url, lists=lists))
    project.apply()
    assert project.command("apply", "--yes") == "nothing to change\n"


def answers(project: Project) -> dict[str, list[object]]:
    return {
        slug: [event["properties"]["answer"] for event in project.arrived(f"{slug}.jsonl")]
        for slug in ("open", "closed")
    }


def test_an_entry_that_is_none_is_refused_with_its_place(tmp_path: Path) -> None:
    project = Project(tmp_path, '[workspace]\negress_deny = ["10.0.0.0/33"]\n')
    printed = project.command("apply", "--yes", status=2)
    assert printed.startswith(
        "headgate: headgate.toml: workspace.egress_deny: '10.0.0.0/33' is neither a host"
    )
