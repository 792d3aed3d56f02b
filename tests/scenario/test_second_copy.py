"""The copier as it is deployed: a host of its own, two accounts behind a gateway each, timers.

One deployment for the module; its tests build on each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from tests.localrun.second_account import SecondAccount, second_account
from tests.localrun.stack import CHAIN, EVIDENCE, VAULT, HostProcess
from tests.localrun.world import World
from tests.scenario.outside import said, until

pytestmark = [pytest.mark.azurite, pytest.mark.full]
# A run has some seconds of this machine, half of them for verifying, and the next one goes on. Whatever is missing
# for a second is late.
SMALL = {"HOLDFAST_WORK_BUDGET": "900", "HOLDFAST_COPY_LAG": "1"}


@pytest.fixture(scope="module")
def second(world: World) -> Iterator[SecondAccount]:
    with second_account(world) as made:
        yield made


@pytest.fixture(scope="module")
def snapshot(world: World) -> str:
    host = world.start_host("backup", "--grace", "1")
    taken = str(world.holdfast_json("backup", "--timeout", "6")["snapshot"])
    host.stop()
    return taken


def _read(second: SecondAccount, *arguments: str, code: int = 0, **env: str) -> Any:
    """What a person sees who may read the second account."""
    ended = second.world.shell(*arguments, "--json", **{**second.settings("reader"), **env})
    assert ended.code == code, (arguments, ended)
    return json.loads(ended.out)


def _names(connection: str, container: str) -> list[str]:
    with BlobServiceClient.from_connection_string(connection) as service:
        return sorted(service.get_container_client(container).list_blob_names())


def _copier(second: SecondAccount) -> HostProcess:
    return second.world.stack.start_host("copy", {**second.settings("copy"), **SMALL}, options=("--grace", "1"))


def test_a_copier_that_is_killed_leaves_nothing_readable_and_goes_on(second: SecondAccount, snapshot: str) -> None:
    control = second.gateway.control
    rule = control.add_fault("holdBefore", operation="PutBlob", path="/index/groups/", seconds=60)
    host = _copier(second)
    control.wait_until_held(rule)
    host.kill()
    control.release(rule)
    assert _read(second, "snapshots")["snapshots"] == []
    host = _copier(second)
    until(lambda: said(second.world, "copy", "copy.copied"), "a copy", 120)
    until(lambda: said(second.world, "copy", "copy.pulled")[-1]["state"] == "done", "the evidence", 120)
    host.stop()
    assert [one["id"] for one in _read(second, "snapshots")["snapshots"]] == [snapshot]


def test_the_copy_is_read_and_verified_without_the_vault_and_the_tenant(
    second: SecondAccount, snapshot: str
) -> None:
    world = second.world
    head = world.holdfast_json("snapshots")["head"]
    gone = {"VaultStorage": "AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:9/a;"}
    verified = _read(second, "verify", "all", "--expect-head", head, **gone)
    assert verified["good"] is True
    theirs = _read(second, "show", snapshot, "users", **gone)
    assert theirs["objects"] == world.holdfast_json("show", snapshot, "users")["objects"]
    refused = _read(second, "vault", "status", code=2, **gone)
    assert "HOLDFAST_COPY_RESOURCE_ID" in json.dumps(refused)  # an emulator has no lock state
    refused = _read(second, "plan", snapshot, code=2, **gone)
    assert "a copy can only be read" in json.dumps(refused)
    held = _names(second.storage("reader"), EVIDENCE)
    assert held == _names(world.stack.direct_vault(), EVIDENCE)
    assert len(held) == 1  # the approvers' document


def test_the_copier_only_reads_here_and_only_adds_there(second: SecondAccount, snapshot: str) -> None:
    here = {one["method"] for one in second.world.stack.control.log() if one["role"] == "copy"}
    assert here <= {"GET", "HEAD"}
    there = [one for one in second.gateway.control.log() if one["role"] == "copy"]
    assert {one["operation"] for one in there if one["method"] == "PUT"} == {"PutBlob"}
    assert {one["method"] for one in there} <= {"GET", "HEAD", "PUT"}
    created = [one["path"] for one in there if one["method"] == "PUT" and one["status"] == 201]
    assert len(created) == len(set(created))


def test_a_pack_that_was_changed_in_the_vault_is_named_and_not_copied_and_the_lag_is_alarmed(
    second: SecondAccount, snapshot: str
) -> None:
    world = second.world
    host = world.start_host("backup", "--grace", "1")
    bad = str(world.holdfast_json("backup", "--timeout", "6")["snapshot"])
    host.stop()
    # Past the gateway, as no identity of a locked account could.
    name = next(one for one in _names(world.stack.direct_vault(), VAULT) if bad in one and "/objects/users/" in one)
    with BlobServiceClient.from_connection_string(world.stack.direct_vault()) as service:
        blob = service.get_blob_client(VAULT, name)
        blob.upload_blob(blob.download_blob().readall()[:-1] + b"?", overwrite=True)
    host = _copier(second)
    told = until(lambda: said(world, "copy", "copy.refused"), "an alarm that names the snapshot", 120)[-1]
    late = until(
        lambda: [one for one in said(world, "copy", "copy.lag") if one["snapshot"] == bad], "an alarm of lag", 120
    )
    host.stop()
    assert (told["snapshot"], told["state"]) == (bad, "damaged")
    assert name.partition(f"{bad}/")[2] in told["reason"]
    assert late[-1]["count"] == 1
    assert {one["container"] for one in said(world, "copy", "copy.unprotected")} == {CHAIN, EVIDENCE, VAULT}
    assert not any(bad in one for one in _names(second.storage("reader"), VAULT))
    assert _read(second, "verify", snapshot)["good"] is True


def test_status_shows_the_copy_to_those_who_look_after_it_and_to_those_who_back_up(
    second: SecondAccount, snapshot: str
) -> None:
    lagging = _read(second, "status", code=3, HOLDFAST_COPY_LAG="1")
    assert (lagging["newest"], lagging["held"], len(lagging["missing"])) == (snapshot, 1, 1)
    assert (lagging["behind"], lagging["findings"], lagging["region"]) == (True, [], "swedencentral")
    assert set(lagging["unprotected"]) == {CHAIN, EVIDENCE, VAULT}
    both = second.world.shell("status", "--json", CopyStorage=second.storage("reader"), HOLDFAST_COPY_LAG="1")
    assert both.code == 3
    document = json.loads(both.out)
    assert document["copy"]["missing"] == lagging["missing"]
    assert document["head"] == document["copy"]["head"]  # the entry was copied, its snapshot was not
    text = second.world.shell("status", CopyStorage=second.storage("reader"))
    assert text.code == 0  # within the 26 hours that are allowed
    assert "Second copy" in text.out
    assert "In the vault and not in the copy (1)" in text.out
