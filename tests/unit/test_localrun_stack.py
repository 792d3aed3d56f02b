"""The stack: what each role can reach, that stacks don't meet, and that nothing is left when one ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient, TextBase64EncodePolicy

from tests.localrun.children import ROOT, ChildFailed
from tests.localrun.stack import BACKUP_SETTING, CHAIN, CONTAINERS, EVIDENCE, HOLD, VAULT, VAULT_SETTING, LocalStack

pytestmark = pytest.mark.azurite


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with LocalStack.start(clock_factor=60) as made:
        yield made


def _put(stack: LocalStack, role: str, container: str, name: str) -> int:
    with BlobServiceClient.from_connection_string(stack.settings(role)[VAULT_SETTING], retry_total=0) as service:
        try:
            service.get_blob_client(container, name).upload_blob(role.encode())
        except HttpResponseError as error:
            return error.status_code or 0
    return 201


@pytest.mark.parametrize(
    ("role", "allowed"),
    [("backup", {VAULT, EVIDENCE, CHAIN}), ("restore", {EVIDENCE}), ("keeper", {HOLD}), ("reader", set())],
)
def test_roles_create_where_they_may(stack: LocalStack, role: str, allowed: set[str]) -> None:
    found = {name for name in CONTAINERS if _put(stack, role, name, f"by-{role}") == 201}
    assert found == allowed


def test_roles_read_all_three_and_nobody_overwrites_or_deletes(stack: LocalStack) -> None:
    assert _put(stack, "backup", VAULT, "kept") == 201
    assert _put(stack, "backup", CHAIN, "kept") == 201
    for role in ("backup", "restore", "reader", "intruder"):
        with BlobServiceClient.from_connection_string(
            stack.settings(role)[VAULT_SETTING], retry_total=0
        ) as service:
            for container in (VAULT, CHAIN):
                blob = service.get_blob_client(container, "kept")
                with pytest.raises(HttpResponseError):
                    blob.delete_blob()
                with pytest.raises(HttpResponseError):
                    blob.upload_blob(b"other", overwrite=True)
                assert blob.download_blob().readall() == b"backup"


def test_two_stacks_run_side_by_side(stack: LocalStack, tmp_path: Path) -> None:
    with LocalStack.start(folder=tmp_path) as other:
        assert _put(other, "backup", VAULT, "x") == _put(stack, "backup", VAULT, "x") == 201
        processes = psutil.Process().children(recursive=True)
    assert len(processes) >= 4
    # Its own two are gone, the first stack's still run.
    assert _put(stack, "backup", VAULT, "y") == 201
    assert {"azurite.log", "gateway.log", "gateway.jsonl"} <= {path.name for path in tmp_path.iterdir()}
    assert '"operation": "PutBlob"' in (tmp_path / "gateway.jsonl").read_text()


def test_what_is_stored_survives_a_restart_of_the_stack(tmp_path: Path) -> None:
    with LocalStack.start(location=tmp_path / "data") as first:
        assert _put(first, "backup", VAULT, "x") == 201
    with LocalStack.start(location=tmp_path / "data") as second:
        assert _put(second, "backup", VAULT, "x") == 409


APP = """
import json, os
from pathlib import Path
import azure.functions as func
from azure.storage.blob import BlobServiceClient

app = func.FunctionApp()

@app.queue_trigger(arg_name="message", queue_name="work", connection="BackupState")
def work(message: func.QueueMessage) -> None:
    with BlobServiceClient.from_connection_string(os.environ["VaultStorage"]) as service:
        facts = {name: os.environ[name] for name in os.environ if name.startswith("HOLDFAST_")}
        name = message.get_body().decode()
        service.get_blob_client("vault-35d", name).upload_blob(json.dumps(facts), overwrite=False)
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "function_app.py").write_text(APP)
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    return tmp_path


def _send(stack: LocalStack, body: str) -> None:
    with QueueServiceClient.from_connection_string(stack.settings("reader")[BACKUP_SETTING]) as service:
        service.get_queue_client("work", message_encode_policy=TextBase64EncodePolicy()).send_message(body)


def test_a_host_killed_between_commit_and_answer_meets_its_own_blob(stack: LocalStack, app: Path) -> None:
    rule = stack.control.add_fault("holdAfter", operation="PutBlob", path="/result$")
    host = stack.start_host("backup", {"HOLDFAST_EXTRA": "1"}, app=app)
    _send(stack, "result")
    stack.control.wait_until_held(rule)
    host.kill()
    stack.control.release(rule)
    assert host.events()[-1]["event"] == "invocationStart"
    with BlobServiceClient.from_connection_string(stack.direct_vault()) as service:
        facts = json.loads(service.get_blob_client(VAULT, "result").download_blob().readall())
    assert facts["HOLDFAST_ROLE"] == "backup"
    assert facts["HOLDFAST_CLOCK_FACTOR"] == "60"
    assert facts["HOLDFAST_CLOCK_EPOCH"] == stack.clock.settings()["HOLDFAST_CLOCK_EPOCH"]
    assert facts["HOLDFAST_EXTRA"] == "1"

    again = stack.start_host("backup", app=app, options=["--idle-exit", "0.3"])
    assert again.wait(90) == 0
    failed = [entry["error"] for entry in again.events() if entry.get("ok") is False]
    assert set(failed) == {"ResourceExistsError"}  # this app doesn't know its own earlier write; the product must


def test_a_host_of_the_wrong_role_is_stopped_by_the_gateway(stack: LocalStack, app: Path) -> None:
    host = stack.start_host("restore", app=app, options=["--idle-exit", "0.3"])
    _send(stack, "by-restore-app")
    assert host.wait(90) == 0
    assert {entry["error"] for entry in host.events() if entry.get("ok") is False} == {"HttpResponseError"}
    refusals = [entry for entry in stack.control.log() if entry["path"] == f"{VAULT}/by-restore-app"]
    assert refusals
    assert all(entry["code"] == "AuthorizationPermissionMismatch" for entry in refusals)


def test_a_host_that_can_not_start_says_why(stack: LocalStack, tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text("{}")
    with pytest.raises(ChildFailed, match=r"no function_app\.py"):
        stack.start_host("backup", app=tmp_path)


_PARENT = """
import sys, time
from pathlib import Path
from tests.localrun.stack import LocalStack
with LocalStack.start() as stack:
    stack.start_host("backup", app=Path(sys.argv[1]))
    print("up", stack.folder, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.full), signal.SIGKILL]
)
def test_nothing_is_left_however_the_parent_ends(app: Path, number: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(app)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env=os.environ,
        text=True,
    )
    assert parent.stdout is not None
    word, folder = parent.stdout.readline().split()
    assert word == "up"
    children = psutil.Process(parent.pid).children(recursive=True)
    assert len(children) == 3
    parent.send_signal(number)
    parent.communicate(timeout=90)
    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []
    if number is signal.SIGINT:
        assert not Path(folder).exists()
