"""A restore from an exported folder, with the apps and the vault gone: one laptop, one credential for Graph."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.domain.erasure import erasure_name
from shared.engines.erasure import erasure_blob
from tests.backup import TENANT
from tests.faults import Call, Crash, Faults, crash_at
from tests.laptop import Laptop, begun
from tests.restore_story import RESTORER
from tests.reviewing import reviewed
from tests.seeds import chance

# What no restore brings back as it was; the report gives the reason for each.
LISTED = {
    "applications keyCredentials",
    "roleDefinitions templateId",
    "users mail",
    "users proxyAddresses",
    "users _photo",  # backed up only where it is asked for
}


@dataclass(frozen=True)
class Ended:
    """What has to be the same whatever happened on the way."""

    verdict: str
    by_reason: dict[str, int]
    differences: list[str]
    secrets: list[str]
    created: dict[str, int]


@dataclass(frozen=True)
class Calm:
    """A laptop before the restore, and what a restore that nothing happens to brings."""

    approved: Laptop
    plan: dict[str, Any]
    done: Laptop
    report: dict[str, Any]
    writes: list[Call]

    @property
    def ended(self) -> Ended:
        return ended(self.done, self.report)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Calm:
    folder = tmp_path_factory.mktemp("laptop")
    laptop = begun(folder / "approved")
    plan = laptop.plan()
    assert [ran.code for ran in laptop.approve(plan["plan"])] == [0, 0]
    done, log = laptop.again(folder / "done"), Faults()
    ran = done.restore(plan, faults=log)
    assert ran.code == 0, ran.err
    return Calm(laptop, plan, done, ran.document, log.writes)


def ended(laptop: Laptop, report: dict[str, Any]) -> Ended:
    assert report["unexpected"] == []
    assert report["notDone"] == []
    created = Counter(
        change.table
        for txn in laptop.service.store.log
        if txn.app == RESTORER and txn.method == "POST" and "/deletedItems/" not in txn.path
        for change in txn.changes
        if change.kind == "object" and change.before is None
    )
    # Names end with when the password goes, which depends on when it was made.
    secrets = sorted(path.name.partition(".until-")[0] for path in (laptop.work / "secrets").iterdir())
    differences = laptop.differences(report)
    assert not any("[hf:" in one for one in differences)
    return Ended(report["verdict"], report["byReason"], differences, secrets, dict(created))


def hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_from_the_folder_alone_everything_comes_back_but_what_is_listed(calm: Calm) -> None:
    assert calm.report["verdict"] == "equalExceptListed"
    kinds = [re.search(r"table='(\w+)'.*? what='(\w+)'", one) for one in calm.ended.differences]
    assert {" ".join(found.groups()) for found in kinds if found is not None} == LISTED
    assert len(kinds) == len(LISTED)
    assert calm.ended.created["users"] == calm.ended.created["groups"] == 1
    assert len(calm.ended.secrets) == 1


def test_the_copy_stays_as_it_was_exported(calm: Calm) -> None:
    assert hashes(calm.done.copy) == hashes(calm.approved.copy)
    assert not (calm.done.work / "keys" / "snapshot.pem").exists()


def test_what_commands_print_leads_to_the_next_one(calm: Calm) -> None:
    folder = calm.approved.copy
    assert calm.plan["next"].endswith(f"--local {folder}")
    shown = calm.approved("status", calm.plan["plan"], "--local", str(folder))
    assert shown.code == 0, shown.err
    assert calm.plan["digest"] in shown.out


def test_a_second_plan_finds_nothing_to_do(calm: Calm, tmp_path: Path) -> None:
    again = calm.done.again(tmp_path / "again").plan()
    assert again["document"]["steps"] == []


def test_a_laptop_key_may_be_rotated_between_plan_and_restore(calm: Calm, tmp_path: Path) -> None:
    laptop = calm.approved.again(tmp_path / "laptop")
    assert laptop("keys", "rotate", str(laptop.work / "keys")).code == 0
    shown = laptop("status", calm.plan["plan"], "--local", str(laptop.copy))
    assert shown.code == 0, shown.err
    assert calm.plan["digest"] in shown.out


@pytest.mark.full
def test_killed_twice_and_run_again_it_ends_as_if_nothing_had_happened(calm: Calm, tmp_path: Path) -> None:
    laptop = calm.approved.again(tmp_path / "laptop")
    drawn = chance("laptop")
    half = len(calm.writes) // 2
    for before in (True, False):
        with pytest.raises(Crash):
            laptop.restore(calm.plan, faults=Faults(crash_at(drawn.randrange(1, half), before=before)))
    ran = laptop.restore(calm.plan)
    assert ran.code == 0, ran.err
    assert ended(laptop, ran.document) == calm.ended


@pytest.mark.full
def test_killed_at_one_write_in_four(calm: Calm, tmp_path: Path) -> None:
    """In `crash_points` the same engines die at each of their writes; here commands and folders pick it up. How
    many writes there are depends a little on which of two steps comes first: the last few are left out."""
    most = len(calm.writes) * 9 // 10
    for call in calm.writes[chance("laptop", "writes").randrange(4) : most : 4]:
        laptop = calm.approved.again(tmp_path / str(call.number))
        with pytest.raises(Crash):
            laptop.restore(calm.plan, faults=Faults(crash_at(call.number, before=call.number % 8 < 4)))
        ran = laptop.restore(calm.plan)
        assert ran.code == 0, (call, ran.err)
        assert ended(laptop, ran.document) == calm.ended, call
        shutil.rmtree(laptop.root)


@pytest.mark.full
def test_real_processes_get_a_sigkill_each_few_moments_until_one_comes_through(calm: Calm, tmp_path: Path) -> None:
    laptop = calm.approved.again(tmp_path / "laptop")
    drawn = chance("laptop", "sigkill")
    name, local = calm.plan["plan"], laptop.local()
    command = holdfast("restore", name, "--digest", calm.plan["digest"], *local)
    kills = 0
    with laptop.real(factor=60.0) as environment:
        for number in range(2):  # yesterday's approvals have expired
            key = str(laptop.root / f"approver-{number}.pem")
            approve = holdfast(
                "approve", name, "--key", key, *reviewed(calm.plan), "--yes", *laptop.local(key=False)
            )
            subprocess.run(approve, env=environment, capture_output=True, check=True)
        while kills < 12:
            running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            try:
                running.communicate(timeout=drawn.uniform(2.0, 6.0))
                break
            except subprocess.TimeoutExpired:
                running.kill()
                running.communicate()
                kills += 1
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert kills >= 2
    assert ended(laptop, json.loads(ran.stdout)) == calm.ended


def holdfast(*arguments: str) -> Sequence[str]:
    return (sys.executable, "-c", "from shared.cli.main import main; main()", *arguments)


def test_what_the_deployment_restored_before_is_not_made_twice_nor_run_on(calm: Calm, tmp_path: Path) -> None:
    """The finished laptop plays the deployment: its evidence is in the copy, its keys are the deployment's."""
    laptop = calm.done.again(tmp_path / "laptop")
    shutil.copytree(laptop.work / "evidence-400d", laptop.copy / "evidence-400d", dirs_exist_ok=True)
    keys = laptop.root / "deployment"
    keys.mkdir()
    for key in (laptop.root / "snapshot.pub", *(laptop.work / "keys").glob("*.pub")):
        shutil.copy(key, keys)
    shutil.rmtree(laptop.work)
    laptop.make_keys()
    distrusted = laptop("plan", "latest", *laptop.local())
    assert (distrusted.code, "plan.jws is not what its place demands" in distrusted.err) == (1, True)
    local = ("--local", str(laptop.copy), "--key", str(keys), "--json")
    ran = laptop("plan", "latest", *local)
    assert ran.code == 0, ran.err
    assert ran.document["document"]["steps"] == []
    refused = laptop("restore", calm.plan["plan"], "--digest", calm.plan["digest"], *local)
    assert (refused.code, "there is no such plan" in refused.err) == (2, True)


@pytest.mark.full
def test_whom_the_deployment_erased_stays_away_by_the_list_in_the_copy(calm: Calm, tmp_path: Path) -> None:
    """Put on it before the plan, or after the plan was approved."""
    laptop = calm.approved.again(tmp_path / "laptop")
    operations = calm.plan["document"]["steps"]
    (user,) = {
        one["target"]
        for step in operations
        for one in step["operations"]
        if (one["type"], one["mechanism"]) == ("users", "create")
    }
    blob = laptop.copy / "evidence-400d" / erasure_blob(TENANT, erasure_name(user), 1)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"whatever lies here bars")  # nobody here has the deployment's evidence key
    planned = laptop.plan()["document"]["steps"]
    assert user not in {one["target"] for step in planned for one in step["operations"]}
    ran = laptop.restore(calm.plan)
    assert ran.code == 4, ran.err
    made = [txn for txn in laptop.service.store.log if txn.app == RESTORER and txn.path.endswith("/users")]
    assert made == []
    assert not (laptop.work / "secrets").exists()


# --- what is refused -------------------------------------------------------------------------------------------


def test_one_approval_is_not_enough(calm: Calm, tmp_path: Path) -> None:
    laptop = calm.approved.again(tmp_path / "laptop")
    plan = laptop.plan("--type", "users")
    (ran,) = laptop.approve(plan["plan"], 0)
    assert ran.code == 0, ran.err
    commits = laptop.service.store.seq
    refused = laptop.restore(plan)
    assert refused.code == 3
    assert "1 of 2 approvals" in refused.err
    assert laptop.service.store.seq == commits


def test_another_digest_or_an_approval_by_a_stranger_starts_nothing(calm: Calm, tmp_path: Path) -> None:
    laptop = calm.approved.again(tmp_path / "laptop")
    refused = laptop.restore({**calm.plan, "digest": "0" * 64})
    assert (refused.code, "nothing was started" in refused.err) == (3, True)
    stranger = laptop(
        "approve", calm.plan["plan"], "--key", str(laptop.work / "keys" / "plan.pem"), *laptop.local(key=False)
    )
    assert stranger.code == 3


def test_a_key_that_did_not_sign_the_snapshots_opens_nothing(calm: Calm) -> None:
    laptop = calm.approved
    other = ("--key", str(laptop.work / "keys" / "plan.pub"))
    ran = laptop("plan", "latest", "--local", str(laptop.copy), *other)
    assert (ran.code, ran.out) == (1, "")
    assert "which is not in your list" in ran.err


def test_nothing_is_waited_for_that_does_not_go_on(calm: Calm) -> None:
    ran = calm.approved.restore(calm.plan, "--no-wait")
    assert ran.code == 2
    assert "--no-wait" in ran.err


def test_without_keys_of_its_own_the_laptop_says_how_to_make_them(calm: Calm, tmp_path: Path) -> None:
    ran = calm.approved("plan", "latest", "--work", str(tmp_path / "none"), *calm.approved.local())
    assert ran.code == 2
    assert f"holdfast keys create {tmp_path / 'none' / 'keys'} --laptop" in ran.err
