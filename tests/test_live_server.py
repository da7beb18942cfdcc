"""`clinometer serve`: who is let in, what is told, how it ends."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import live_runs
from clinometer.live.gate import POLICY

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    where = tmp_path_factory.mktemp("runs")
    live_runs.write(where / "one.clino")
    live_runs.write(where / f"{HOSTILE}.clino", prefix=f"{HOSTILE}.")
    (where / "broken.clino").write_text("no recording")
    (where / "secret.txt").write_text("not to be served")
    return where


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with live_runs.served(folder) as address:
        yield address


def asked(url: str, path: str = "", *, method: str = "GET", host: str | None = None):
    """(status, headers, body) of a request; the path is sent as it stands."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
    try:
        connection.putrequest(method, path or place.path, skip_host=True)
        for value in [place.netloc] if host is None else host.split("\n"):
            connection.putheader("Host", value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def told(url: str, path: str, until, wait_s: float = 20.0) -> dict:
    """The first event of a stream that fulfils a wish."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=wait_s)
    try:
        connection.request("GET", place.path + path)
        answer = connection.getresponse()
        assert answer.getheader("content-type").startswith("text/event-stream")
        until_s = time.monotonic() + wait_s
        for line in iter(answer.readline, b""):
            assert time.monotonic() < until_s, f"nothing of the kind in {wait_s:g} s"
            if line.startswith(b"data: "):
                data = json.loads(line.removeprefix(b"data: "))
                if until(data):
                    return data
    finally:
        connection.close()
    raise AssertionError("the stream ended")


def rows(url: str, *wanted: str) -> dict[str, dict]:
    """By name, every run when all are judged and those that are wanted are there."""
    known: dict[str, dict] = {}

    def all_judged(data: dict) -> bool:
        known.update({row["name"]: row for row in data["rows"]})
        return (
            data["complete"]
            and known.keys() >= set(wanted)
            and all(row["sheets"] for row in known.values())
        )

    told(url, "api/events", all_judged)
    return known


def test_the_list_tells_the_verdict_of_every_run_and_what_cannot_be_read(url: str) -> None:
    known = rows(url)
    assert known["one.clino"]["verdict"] == "stuck"
    assert known["one.clino"]["steps"] == 300
    assert len(known["one.clino"]["spark"]) > 20
    assert "is no recording" in known["broken.clino"]["problem"]
    assert "secret.txt" not in known


def test_a_page_is_served_with_a_policy_and_nothing_is_shared_with_other_sites(url: str) -> None:
    status, headers, body = asked(url)
    assert status == 200
    assert b"<h1>Runs</h1>" in body
    assert headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "", "127.0.0.1.evil.example"]
)  # fmt: skip
def test_another_host_header_is_refused(url: str, host: str) -> None:
    assert asked(url, host=host)[0] in {400, 421}


def test_two_host_headers_are_refused(url: str) -> None:
    own = urlsplit(url).netloc
    assert asked(url, host=f"{own}\nevil.example")[0] in {400, 421}


def test_localhost_is_this_server_too(url: str) -> None:
    assert asked(url, host=f"localhost:{urlsplit(url).port}")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_it_is_read_only(url: str, method: str) -> None:
    assert asked(url, method=method)[0] == 405


@pytest.mark.parametrize(
    "path",
    [
        "/secret.txt", "/static/../secret.txt", "/static/..%2f..%2fapp.py", "/../../../etc/passwd",
        "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/uPlot-LICENSE.txt%00.js",
        "/api/runs/..%2f..%2fsecret.txt", "/api/runs/one.clino", "//etc/passwd", "/static/",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_what_is_served(url: str, path: str) -> None:
    status, _, body = asked(url, path)
    assert status == 404
    assert body in {b"Not found.\n", b"Not Found"}


def test_a_frame_and_a_sheet_are_strict_json_once_a_page_is_open(url: str) -> None:
    run = rows(url)["one.clino"]["id"]
    data = told(url, f"api/events/{run}", lambda data: data.get("ready"))
    status, headers, body = asked(url, f"/api/runs/{run}")
    assert (status, headers["content-type"]) == (200, "application/json")
    head = json.loads(body, parse_constant=pytest.fail)
    assert head["verdict"] == data["verdict"]
    last = len(head["frames"])
    frame = json.loads(asked(url, f"/api/runs/{run}/frames/{last}")[2], parse_constant=pytest.fail)
    assert len(frame["curves"]["gradient"]) == len(head["places"])
    assert asked(url, f"/api/runs/{run}/frames/{last + 1}")[0] == 404


def test_a_file_s_name_cannot_end_an_event(tmp_path: Path) -> None:
    live_runs.write(tmp_path / "a\n\nevent: runs\ndata: {}\n\n.clino", 1)
    with live_runs.served(tmp_path) as url:
        (name,) = rows(url)
    assert name.startswith("a\n\nevent")


def test_no_such_run_is_told_and_the_stream_ends(url: str) -> None:
    assert told(url, f"api/events/{16 * '0'}", lambda data: data == {}) == {}


def test_steps_are_told_within_two_seconds_and_a_kill_too(tmp_path: Path) -> None:
    live_runs.write(tmp_path / "done.clino", 1)
    with live_runs.served(tmp_path) as url, live_runs.trained(tmp_path / "run.clino") as child:
        run = rows(url, "run.clino")["run.clino"]["id"]
        begun = told(url, f"api/events/{run}", lambda data: data["ended"] == "running")
        since = time.monotonic()
        told(url, f"api/events/{run}", lambda data: data["steps"] > begun["steps"])
        assert time.monotonic() - since < 2
        child.kill()
        since = time.monotonic()
        dead = told(url, f"api/events/{run}", lambda data: data["ended"] == "killed")
        assert time.monotonic() - since < 2
        assert dead["steps"] > 10


def test_a_run_that_ends_is_told_and_judged_again(tmp_path: Path) -> None:
    with live_runs.served(tmp_path) as url, live_runs.trained(tmp_path / "run.clino") as child:
        (row,) = rows(url, "run.clino").values()
        child.send_signal(signal.SIGTERM)
        ended = told(url, f"api/events/{row['id']}", lambda data: data["ended"] == "normal")
        assert ended["ended"] == "normal"
        assert child.wait(10) == 0


def test_a_recording_of_the_same_name_is_told_from_the_one_before(tmp_path: Path) -> None:
    live_runs.write(tmp_path / "run.clino", 30)
    with live_runs.served(tmp_path) as url:
        assert rows(url)["run.clino"]["steps"] == 300
        (tmp_path / "run.clino").unlink()
        live_runs.write(tmp_path / "run.clino", 2)
        (row,) = rows(url).values()
        told(url, f"api/events/{row['id']}", lambda data: data["steps"] == 20)


def test_away_from_loopback_the_address_holds_a_token(folder: Path) -> None:
    with live_runs.served(folder, "--host", "0.0.0.0") as address:
        place = urlsplit(address)
        here = f"http://127.0.0.1:{place.port}{place.path}"
        assert len(place.path) > 20
        assert asked(here)[0] == 200
        assert asked(here, place.path + "static/style.css")[0] == 200
        for path in ("/", "/api/events", f"{place.path[:-2]}x/", "/static/style.css"):
            assert asked(here, path)[0] == 404
        assert asked(here, host="evil.example")[0] == 421


def test_two_servers_have_different_tokens(folder: Path) -> None:
    away = ("--host", "0.0.0.0")
    with live_runs.served(folder, *away) as one, live_runs.served(folder, *away) as other:
        assert urlsplit(one).path != urlsplit(other).path


def test_a_port_in_use_is_said_and_another_is_offered(tmp_path: Path, run_cli) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = run_cli("serve", tmp_path, "--port", port, code=2).stderr
    assert f"port {port} on 127.0.0.1 is in use" in said
    assert "--port " in said
    assert "Traceback" not in said


def test_the_usual_port_in_use_gives_way_to_the_next(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "clinometer", "serve", str(tmp_path)]
    with live_runs.served(tmp_path) as url:
        port = urlsplit(url).port
        code = f"import clinometer.live.serving as s; s.DEFAULT_PORT = {port}\n"
        code += f"from clinometer.cli import main; import sys; sys.argv = {command[2:]!r}; main()"
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen([sys.executable, "-c", code], **pipes) as child:
            assert urlsplit(child.stdout.readline().strip()).port != port
            child.send_signal(signal.SIGINT)
            _, said = child.communicate(timeout=20)
    assert f"Port {port} is in use; port " in said


@pytest.mark.parametrize("place", ["missing", "file"])
def test_what_is_no_folder_is_refused(tmp_path: Path, run_cli, place: str) -> None:
    (tmp_path / "file").touch()
    assert "no such folder" in run_cli("serve", tmp_path / place, code=2).stderr


def test_an_address_of_another_machine_is_refused(tmp_path: Path, run_cli) -> None:
    said = run_cli("serve", tmp_path, "--host", "192.0.2.1", code=2).stderr  # TEST-NET-1
    assert "cannot be listened at" in said


def test_ctrl_c_ends_it_at_once_although_pages_are_open(tmp_path: Path) -> None:
    live_runs.write(tmp_path / "run.clino", 1)
    with live_runs.served(tmp_path) as url:
        place = urlsplit(url)
        open_page = http.client.HTTPConnection(place.hostname, place.port)
        open_page.request("GET", "/api/events")
        open_page.getresponse().readline()
        since = time.monotonic()
    assert time.monotonic() - since < 5
    open_page.close()


def test_without_its_libraries_it_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['uvicorn'] = None\nfrom clinometer.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "serve", str(tmp_path)], capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert "pip install 'clinometer[live]'" in done.stderr


def test_serving_needs_no_torch(tmp_path: Path) -> None:
    live_runs.write(tmp_path / "run.clino", 1)
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['torch'] = None\n")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(tmp_path)
    try:
        with live_runs.served(tmp_path) as url:
            assert rows(url, "run.clino")["run.clino"]["verdict"]
    finally:
        os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)
