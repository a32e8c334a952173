import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from headgate.demo.server import ServerFailed
from tests.acceptance import forked
from tests.acceptance.forked import HEADGATE
from tests.acceptance.service.project import MANIFEST, Project, Server, event, kill, until


@pytest.fixture
def project(tmp_path: Path) -> Project:
    it = Project(tmp_path)
    it.apply()
    return it


@pytest.mark.parametrize("workers", ["1", "2"])
def test_events_arrive_through_their_function(project: Project, workers: str) -> None:
    with project.serving("--workers", workers) as client:
        assert client.http.get("/healthz").text == "ok\n"
        assert client.http.get("/readyz").text == "ok\n"
        for number in range(20):
            answer = client.track(number, n=number)
            assert (answer.status_code, answer.json()) == (200, {"success": True})
        client.batch(*(event(number) for number in range(20, 60)))
        until(lambda: len(project.arrived()) == 60)
        assert {each["messageId"] for each in project.arrived()} == {f"m{number}" for number in range(60)}
        assert all(each["properties"]["mark"] == 1 for each in project.arrived())


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_event_sent_again_is_dropped_whichever_worker_gets_it(project: Project, workers: str) -> None:
    with project.serving("--workers", workers) as client:
        for _ in range(10):
            # A connection each, so that the kernel deals them out.
            client.http.post("/v1/track", json=event(1, writeKey="wk"), headers={"connection": "close"})
        client.track(2)
        until(lambda: {each["messageId"] for each in project.arrived()} == {"m1", "m2"})
    with project.serving("--workers", workers) as client:
        client.track(1)
        client.track(3)
        until(lambda: len(project.arrived()) == 3)
    assert [each["messageId"] for each in project.arrived()].count("m1") == 1


def test_what_workers_left_behind_that_are_no_more_is_delivered(project: Project) -> None:
    """Events of worker 1 of 2 arrive when there is only worker 0 again."""
    with project.serving("--workers", "2", "--grace-ms", "0") as client:
        for number in range(40):
            client.http.post("/v1/track", json=event(number, writeKey="wk"), headers={"connection": "close"})
    with project.serving() as client:
        until(lambda: len({each["messageId"] for each in project.arrived()}) == 40)
        until(lambda: sum(client.metrics("headgate_queue_jobs").values()) == 0)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_change_holds_for_the_next_event_of_every_worker(project: Project, workers: str) -> None:
    with project.serving("--workers", workers) as client:
        client.track(0)
        until(lambda: len(project.arrived()) == 1)
        for version in range(2, 5):
            project.write("mark.js", f"function onTrack(e) {{ e.properties.mark = {version}; return e }}")
            project.apply()
            seen = len(project.arrived())
            for number in range(6):
                client.http.post(
                    "/v1/track",
                    json=event(version * 10 + number, writeKey="wk"),
                    headers={"connection": "close"},
                )
            until(lambda: len(project.arrived()) == seen + 6)  # noqa: B023
            assert [each["properties"]["mark"] for each in project.arrived()[seen:]] == [version] * 6


def test_a_source_that_was_added_is_known_at_once(project: Project) -> None:
    with project.serving("--strict-write-keys") as client:
        assert client.track(1, key="other").status_code == 401
        project.write("headgate.toml", MANIFEST.replace('["wk"]', '["wk", "other"]'))
        project.apply()
        assert client.track(1, key="other").status_code == 200


def test_a_second_server_is_refused(project: Project) -> None:
    with project.serving() as client:
        with pytest.raises(ServerFailed) as caught, Server(project.data):
            pass
        assert str(caught.value) == (
            f"headgate: the data directory {project.data} is in use by process {client.server.pid}; stop it first"
        )
        assert client.track(1).status_code == 200
    with project.serving():
        pass


def test_an_address_that_is_taken_is_refused(project: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServerFailed) as caught, Server(project.data, port):
            pass
    assert str(caught.value) == (
        f"headgate: cannot listen on 127.0.0.1:{port}: another process listens there; end it, or choose another with "
        "--port"
    )


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_told_to_stop_it_ends_well(project: Project, workers: str, number: int) -> None:
    with project.serving("--workers", workers) as client:
        client.track(1)
        process = client.server._process
        assert process is not None
        os.kill(client.server.pid, number)
        assert process.wait(20) == 0
    with project.serving():
        until(lambda: len(project.arrived()) == 1)


def test_a_worker_that_dies_is_started_again(project: Project) -> None:
    with project.serving("--workers", "2") as client:
        children = Path(f"/proc/{client.server.pid}/task/{client.server.pid}/children").read_text().split()
        assert len(children) == 2
        kill(int(children[0]))
        until(lambda: any("is started again" in line for line in client.server.log))
        for number in range(20):
            answer = client.http.post(
                "/v1/track", json=event(number, writeKey="wk"), headers={"connection": "close"}
            )
            assert answer.status_code == 200
        until(lambda: len({each["messageId"] for each in project.arrived()}) == 20)


def test_the_first_start_prints_a_token_once_and_invoke_wants_it(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with Server(project.data) as server:
        until(lambda: any("token" in line for line in server.log))
        (line,) = [line for line in server.log if "token" in line]
    token = line.rsplit(" ", 1)[1]
    project.apply()
    with project.serving() as client:
        assert not any("token" in line for line in client.server.log)
        function = re.search(r"ifnd_[0-9a-f]{24}", _functions(project))
        assert function is not None
        path = f"/v1/functions/{function[0]}/invoke"
        bearer = {"authorization": f"Bearer {token}"}

        one = client.post(path, {"type": "track", "properties": {}}, **bearer).json()["data"]["outcomes"]
        assert [(each["outcome"], each["output"]["properties"]) for each in one] == [("forward", {"mark": 1})]
        two = client.post(path, [event(1, properties={}), event(2, type="page")], **bearer).json()["data"][
            "outcomes"
        ]
        assert [each["category"] for each in two] == [None, "Unsupported Event Type"]
        bare = client.post(path.replace("ifnd_", ""), {"type": "track", "properties": {}}, **bearer)
        assert bare.status_code == 200

        assert client.post(path, {}).status_code == 401
        assert client.post(path, {}, authorization="Bearer hgt_wrong").status_code == 401
        assert client.post("/v1/functions/ifnd_none/invoke", {}, **bearer).status_code == 404
        assert client.post(path + "?instanceId=none", {}, **bearer).status_code == 404
        nothing: tuple[object, ...] = (1, "x", [1], [[]], None)
        for value in nothing:
            assert client.post(path, value, **bearer).status_code == 400
        assert client.http.post(path, content=b"{", headers=bearer).status_code == 400
        assert client.post(path, [{}] * 1_001, **bearer).json()["errors"][0]["message"] == (
            "the array has 1001 events, more than 1000"
        )
        assert client.http.post(path, content=b" " * (6 << 20) + b" {}", headers=bearer).status_code == 413
        assert not project.arrived()


def _functions(project: Project) -> str:
    from headgate.paths import DataDirectory
    from headgate.registry.snapshot_store import SnapshotStore
    from headgate.registry.store import Registry

    with Registry.open(DataDirectory(project.data)) as registry:
        return " ".join(SnapshotStore(registry).load().functions)


def test_metrics_of_all_workers(project: Project) -> None:
    project.write("headgate.toml", MANIFEST.replace('"Out"', "'Out \"1\"'"))
    project.command("apply", str(project.root / "headgate.toml"), "--yes", "--prune")
    with project.serving("--workers", "2") as client:
        client.batch(*(event(number) for number in range(10)), {"type": "track", "event": 1})
        until(lambda: len(project.arrived()) == 10)
        until(lambda: sum(client.metrics("headgate_queue_jobs").values()) == 0)
        counts = client.metrics("headgate_events_total")
        steps: dict[str, float] = {}
        for labels, value in counts.items():
            step = dict(labels)["step"]
            steps[step] = steps.get(step, 0) + value
        assert steps["successfully-received"] == 10
        assert steps["successful-delivery"] == 10
        assert steps["failed-on-ingest"] >= 1
        workers = {dict(labels)["worker"] for labels in client.metrics("headgate_queue_jobs")}
        assert workers == {"0", "1"}
        ((named, one),) = client.metrics("headgate_destination_info").items()
        assert one == 1.0
        assert dict(named) == {
            "destination": dict(next(labels for labels in counts if dict(labels)["destination"]))[
                "destination"
            ],
            "source": "web",
            "name": 'Out "1"',
        }
        assert set(client.metrics("headgate_sandbox_evictions").values()) == {0.0}
        assert not client.metrics("headgate_connections_refused")
        assert sum(client.metrics("headgate_function_seconds_count").values()) == 10


@pytest.mark.parametrize("running", [True, False])
def test_dead_events_are_listed_and_redriven(project: Project, running: bool) -> None:
    project.write(
        "mark.js", "function onTrack(e) { if (e.properties.bad) throw new ValidationError('bad'); return e }"
    )
    project.apply()
    with project.serving() as client:
        client.track(1, bad=True)
        client.track(2)
        until(lambda: len(project.arrived()) == 1)
        until(lambda: sum(client.metrics("headgate_queue_dead").values()) == 1)
        if running:
            _redrive(project)
            until(lambda: len(project.arrived()) == 2)
    if not running:
        _redrive(project)
        with project.serving():
            until(lambda: len(project.arrived()) == 2)
    assert project.command("dead") == ""


def _redrive(project: Project) -> None:
    line = project.command("dead")
    assert "message_rejected: ValidationError: bad" in line
    (dead,) = [orjson.loads(each) for each in project.command("dead", "--json").splitlines()]
    assert (dead["id"], dead["attempts"], dead["event"]["messageId"]) == (line.split()[0], 1, "m1")
    assert "  web / Out  track  m1  " in line
    assert project.command("dead", "--destination", "Out") == line
    assert project.command("dead", "--destination", "web / Out") == line
    assert project.command("dead", "--destination", dead["destinationId"]) == line
    assert project.command("dead", "--destination", "0" * 24) == ""
    assert project.command("dead", "--destination", "none", status=2) == (
        "headgate: there is no destination 'none'; there is: 'web / Out'\n"
    )
    project.write("mark.js", "function onTrack(e) { return e }")
    project.apply()
    assert project.command("redrive", "0.999", status=1) == "headgate: 0 due again, 1 not found\n"
    assert "shows them" in project.command("redrive", "x", status=2)
    assert "one of them" in project.command("redrive", status=2)
    assert project.command("redrive", dead["id"]) == "headgate: 1 due again\n"


def test_metrics_are_for_those_who_have_their_token(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_METRICS_TOKEN", "for-prometheus")
    with project.serving() as client:
        assert client.http.get("/metrics").status_code == 401
        assert client.http.get("/metrics", headers={"authorization": "Bearer no"}).status_code == 401
        right = client.http.get("/metrics", headers={"authorization": "Bearer for-prometheus"})
        assert right.status_code == 200
        assert "headgate_queue_jobs" in right.text
        assert client.http.get("/readyz").status_code == 200


def test_an_entry_of_the_egress_lists_that_is_none(project: Project) -> None:
    assert project.command("serve", "--egress-deny", "10.0.0.0/33", status=2).startswith(
        "headgate: --egress-allow, --egress-deny: '10.0.0.0/33' is neither a host"
    )


@pytest.mark.parametrize("name", ["none", "empty"])
def test_dead_without_a_data_directory(tmp_path: Path, name: str) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    done = forked.run("dead", "--data", tmp_path / name, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr == f"headgate: there is no data directory {tmp_path}/{name}; `headgate serve` makes one\n"
    )
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--port", "65536"),
        ("--workers", "0"),
        ("--workers", "65"),
        ("--grace-ms", "-1"),
        ("--retry-base-ms", "0"),
    ],
)
def test_flags_have_bounds(tmp_path: Path, flag: str, value: str) -> None:
    done = forked.run("serve", "--data", tmp_path, flag, value, capture_output=True, text=True)
    assert done.returncode == 2
    assert "must be from" in done.stderr


@pytest.mark.parametrize("flag", ["--port", "--workers", "--grace-ms", "--retry-attempts"])
def test_what_is_counted_is_whole(tmp_path: Path, flag: str) -> None:
    done = forked.run("serve", "--data", tmp_path, flag, "2.5", capture_output=True, text=True)
    assert done.returncode == 2
    assert "'2.5' is no whole number" in done.stderr


def test_a_proxy_is_an_address(tmp_path: Path) -> None:
    done = forked.run("serve", "--data", tmp_path, "--proxy", "here", capture_output=True, text=True)
    assert done.returncode == 2
    assert "'here' is neither an address, like 10.0.0.5, nor a network, like 10.0.0.0/8" in done.stderr


@pytest.mark.parametrize(
    ("flags", "known"),
    [((), "127.0.0.1"), (("--proxy", "127.0.0.0/8", "--proxy", "10.1.1.1"), "203.0.113.9")],
)
def test_who_sent_an_event_is_known_from_the_proxies_that_are_named(
    project: Project, flags: tuple[str, ...], known: str
) -> None:
    with project.serving(*flags) as client:
        said = {"x-forwarded-for": "198.51.100.1, 203.0.113.9, 10.1.1.1"}
        client.post("/v1/t", event(1, writeKey="wk", context={"library": {"name": "analytics.js"}}), **said)
        until(lambda: len(project.arrived()) == 1)
        assert project.arrived()[0]["context"]["ip"] == known


def test_the_demonstration_runs_to_its_end(tmp_path: Path) -> None:
    done = subprocess.run(
        [HEADGATE, "demo", tmp_path / "shop", "--events", "60"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts = {text: int(count) for count, text in re.findall(r"^ +(\d+)  (.*)$", done.stdout, re.MULTILINE)}
    assert counts["accepted"] + counts["sent twice, dropped"] == 60
    ended = (
        counts["delivered, to two destinations"]
        + counts["dropped by a filter"]
        + counts["dropped by the function"]
        + counts["refused by the function"]
    )
    assert ended == 2 * counts["accepted"]
    assert (tmp_path / "shop" / "data" / "sinks" / "archive.jsonl").exists()
    # The server has ended: what is printed is to be done with the next one.
    assert re.findall(r"http://\S+", done.stdout) == ["http://127.0.0.1:8080/v1/track"]
    assert sys.executable not in done.stdout
