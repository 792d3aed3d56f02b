"""The Azurite launcher: what it installs, what it serves, and that nothing of it is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from tests.localrun import setup_azurite
from tests.localrun.azurite import Azurite
from tests.localrun.children import ROOT, Child, ChildFailed
from tests.localrun.shared import fresh, shared_azurite

LOCK = setup_azurite.SOURCE / "package-lock.json"


def test_the_lock_file_pins_azurite_and_holds_no_download_address() -> None:
    text = LOCK.read_text(encoding="utf-8")
    packages = json.loads(text)["packages"]
    assert packages["node_modules/azurite"]["version"] == "3.35.0"
    assert all("resolved" not in package for package in packages.values())
    assert all(package.get("integrity") for name, package in packages.items() if name)
    hosts = set(re.findall(r'"(\w+)": "\w+://', text))
    assert hosts <= {"url", "license"}  # who to thank and what it is under; nothing to download


def test_setup_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(setup_azurite, "TARGET", tmp_path / "azurite")
    with pytest.raises(setup_azurite.AzuriteMissing, match="make setup"):
        setup_azurite.program()


@pytest.mark.azurite
def test_setup_again_does_nothing() -> None:
    shared_azurite()
    assert setup_azurite.install() is False


@pytest.mark.azurite
def test_accounts_are_apart_and_keys_are_checked() -> None:
    azurite = shared_azurite()
    name = fresh("q")
    with QueueServiceClient.from_connection_string(azurite.connection_string("backupstate")) as service:
        service.create_queue(name)
        assert name in [queue.name for queue in service.list_queues()]
    with QueueServiceClient.from_connection_string(azurite.connection_string("restorestate")) as service:
        assert name not in [queue.name for queue in service.list_queues()]
    with TableServiceClient.from_connection_string(azurite.connection_string("backupstate")) as tables:
        tables.create_table("t" + fresh("x").replace("-", ""))
    wrong = azurite.connection_string("backupstate").replace(azurite.keys["backupstate"], azurite.keys["vault"])
    with (
        QueueServiceClient.from_connection_string(wrong, retry_total=0) as service,
        pytest.raises((ClientAuthenticationError, HttpResponseError)),
    ):
        service.create_queue(fresh("q"))


@pytest.mark.azurite
def test_two_run_side_by_side_and_a_location_survives_a_restart(tmp_path: Path) -> None:
    other = shared_azurite()
    with Azurite.start(["vault"], location=tmp_path / "data") as azurite:
        assert azurite.endpoints != other.endpoints
        text = azurite.connection_string("vault")
        with BlobServiceClient.from_connection_string(text) as service:
            service.create_container("kept").upload_blob("a", b"content")
        azurite.restart()
        assert azurite.connection_string("vault") == text
        with BlobServiceClient.from_connection_string(text) as service:
            assert service.get_blob_client("kept", "a").download_blob().readall() == b"content"
    assert not azurite.running


def test_a_bad_account_name_is_refused() -> None:
    with pytest.raises(ValueError, match="not a storage account name"):
        Azurite.start(["Not-Valid"])


_PARENT = """
import sys, time
from tests.localrun.azurite import Azurite
azurite = Azurite.start(["vault"])
print(azurite.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.azurite
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_azurite_outlives_its_parent(number: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    child = psutil.Process(pid)
    assert child.is_running()
    parent.send_signal(number)
    parent.communicate(timeout=60)
    child.wait(timeout=30)  # raises if it is still there


def test_a_child_that_ends_early_is_an_error_that_shows_its_output() -> None:
    child = Child("early", [sys.executable, "-c", "import sys; print('so it goes'); sys.exit(3)"])
    with pytest.raises(ChildFailed, match=r"early ended with 3:\nso it goes"):
        child.wait_for(lambda lines: False, seconds=60)
    assert child.stop() == 3


def test_a_silent_child_is_an_error_and_stop_insists() -> None:
    program = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('up', flush=True); time.sleep(600)"
    )
    child = Child("stubborn", [sys.executable, "-c", program])
    child.wait_for(lambda lines: lines == ["up"], seconds=60)
    with pytest.raises(ChildFailed, match="stubborn did not become ready"):
        child.wait_for(lambda lines: "more" in lines, seconds=0.1)
    assert child.stop(grace=0.1) == -signal.SIGKILL
    assert not child.running


def test_a_child_gets_the_given_environment_and_its_output_is_kept(tmp_path: Path) -> None:
    program = "import os; print(os.environ['HELLO'], os.getpgid(0) == os.getpid())"
    with Child(
        "env", [sys.executable, "-c", program], env={**os.environ, "HELLO": "world"}, output=tmp_path / "out"
    ) as child:
        assert child.wait(60) == 0
    assert (tmp_path / "out").read_text() == "world True\n"
    assert child.output() == "world True"
