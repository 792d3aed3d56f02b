"""`holdfast unlock`: what keeps the break-glass accounts out is shown and switched off, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.cli.parts import open_unlocking
from shared.domain.errors import AnswerLost, GraphDown, Unusable
from tests.backup import TENANT
from tests.faults import Faults, fail
from tests.laptop import Laptop, begun
from tests.restore_nights import CA, REPORT_ONLY, block_everybody, named
from tests.simdirectory import scripted
from tests.unit.cli_runner import Ran

BLOCK, MFA = "Temporary maintenance", "Require MFA for all"


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return begun(tmp_path / "laptop", block_everybody)


def unlock(laptop: Laptop, *more: str, faults: Faults | None = None, folder: bool = True) -> Ran:
    known = (str(laptop.copy), "--key", str(laptop.root / "snapshot.pub")) if folder else ()
    accounts = [word for one in laptop.service.info["breakGlassIds"] for word in ("--account", one)]
    record = (
        () if "--record" in more or "--switch-off" not in more else ("--record", str(laptop.root / "unlock.json"))
    )
    return laptop("unlock", *known, *accounts, *more, *record, "--json", faults=faults)


def policies(laptop: Laptop) -> dict[str, dict[str, Any]]:
    return {key: dict(one) for key, one in laptop.service.store.tables["conditionalAccessPolicies"].items()}


def states(laptop: Laptop) -> dict[str, str]:
    return {str(one["displayName"]): str(one["state"]) for one in policies(laptop).values()}


def test_exactly_what_was_shown_is_switched_off_with_a_record_and_a_way_back(laptop: Laptop) -> None:
    before = policies(laptop)
    assert unlock(laptop).code == 0, "the snapshot knows nothing of the attack"
    asked = unlock(laptop, "--switch-off")
    assert asked.code == 3, "nothing without the tenant's id"
    assert policies(laptop) == before
    ran = unlock(laptop, "--switch-off", "--confirm", TENANT)
    assert ran.code == 0, ran.err
    ids = {named(laptop.service, "conditionalAccessPolicies", name) for name in (BLOCK, MFA)}
    assert {one["id"]: one["end"] for one in ran.document["policies"]} == dict.fromkeys(ids, "done")
    after = policies(laptop)
    for key, policy in before.items():
        changed = {name for name, value in policy.items() if after[key][name] != value} - {"modifiedDateTime"}
        assert changed == ({"state"} if key in ids else set())
        assert key not in ids or after[key]["state"] == REPORT_ONLY
    record = json.loads((laptop.root / "unlock.json").read_text())
    assert {one["id"]: one["before"] for one in record["policies"]} == dict.fromkeys(ids, "enabled")
    assert (laptop.root / "unlock.json").stat().st_mode & 0o077 == 0
    assert "--undo" in ran.document["undo"]
    assert unlock(laptop, "--switch-off", "--confirm", TENANT).document["policies"] == []


def test_the_way_back_leaves_off_what_would_lock_out_again(laptop: Laptop) -> None:
    assert unlock(laptop, "--switch-off", "--confirm", TENANT).code == 0
    mended = named(laptop.service, "conditionalAccessPolicies", MFA)
    conditions = policies(laptop)[mended]["conditions"]
    users = {**conditions["users"], "excludeUsers": list(laptop.service.info["breakGlassIds"])}
    scripted(laptop.service, "PATCH", f"{CA}/{mended}", {"conditions": {**conditions, "users": users}})
    back = unlock(laptop, "--undo", str(laptop.root / "unlock.json"), "--confirm", TENANT)
    assert back.code == 4
    ends = {one["id"]: one["end"] for one in back.document["policies"]}
    assert ends == {mended: "done", named(laptop.service, "conditionalAccessPolicies", BLOCK): "refused"}
    assert (states(laptop)[BLOCK], policies(laptop)[mended]["state"]) == (REPORT_ONLY, "enabled")
    other = tampered(laptop, tenant="00000000-2222-3333-4444-555555555555")
    assert unlock(laptop, "--undo", str(other), "--confirm", TENANT).code == 3


def tampered(laptop: Laptop, **members: Any) -> Path:
    record = json.loads((laptop.root / "unlock.json").read_text())
    path = laptop.root / "other.json"
    path.write_text(json.dumps({**record, **members}))
    return path


def test_one_can_be_picked_and_no_other_policy_can(laptop: Laptop) -> None:
    block = named(laptop.service, "conditionalAccessPolicies", BLOCK)
    legacy = named(laptop.service, "conditionalAccessPolicies", "Block legacy")
    before = states(laptop)
    ran = unlock(laptop, "--switch-off", "--policy", legacy, "--confirm", TENANT)
    assert ran.code == 2
    assert states(laptop) == before
    assert unlock(laptop, "--switch-off", "--policy", block, "--disable", "--confirm", TENANT).code == 0
    assert states(laptop) == {**before, BLOCK: "disabled"}


def test_groups_that_may_have_been_emptied_are_told_and_can_be_distrusted(laptop: Laptop) -> None:
    ran = unlock(laptop)
    leaning = {one["name"] for one in ran.document["onlyByGroups"]}
    assert any("Block outside home countries" in name for name in leaning)
    distrusting = unlock(laptop, "--without-groups")
    assert distrusting.code == 3
    assert leaning <= {one["name"] for one in distrusting.document["policies"]}
    alone = unlock(laptop, "--switch-off", folder=False)
    assert alone.code == 2
    assert "HOLDFAST_TENANT_ID" in alone.err


def test_without_a_folder_no_group_counts(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_TENANT_ID", TENANT)
    ran = unlock(laptop, "--switch-off", "--confirm", TENANT, folder=False)
    assert ran.code == 0, ran.err
    assert {states(laptop)[name] for name in (BLOCK,)} == {REPORT_ONLY}
    assert len(ran.document["policies"]) > 2


def test_lost_answers_are_looked_after_and_a_changed_policy_is_left(laptop: Laptop) -> None:
    block = named(laptop.service, "conditionalAccessPolicies", BLOCK)
    lost = Faults(fail("PATCH", lambda: AnswerLost("lost"), before=False))
    ran = unlock(laptop, "--switch-off", "--policy", block, "--confirm", TENANT, faults=lost)
    assert ran.code == 0
    assert ran.document["policies"][0]["end"] == "done"
    mfa = named(laptop.service, "conditionalAccessPolicies", MFA)
    assert unlock(laptop, "--switch-off", "--confirm", TENANT, "--record", str(laptop.root / "two.json")).code == 0
    scripted(laptop.service, "PATCH", f"{CA}/{mfa}", {"state": "disabled"})
    back = unlock(laptop, "--undo", str(laptop.root / "two.json"), "--confirm", TENANT, "--without-groups")
    assert states(laptop)[named_of(laptop, mfa)] == "disabled"
    assert back.code == 4


def named_of(laptop: Laptop, key: str) -> str:
    return str(policies(laptop)[key]["displayName"])


def test_nothing_is_written_without_a_record_or_the_permission(laptop: Laptop) -> None:
    before = policies(laptop)
    (laptop.root / "unlock.json").write_text("taken")
    ran = unlock(laptop, "--switch-off", "--confirm", TENANT)
    assert ran.code == 1
    assert (laptop.root / "unlock.json").read_text() == "taken"
    laptop.unlocks = frozenset({"Policy.Read.All"})
    ran = unlock(laptop, "--switch-off", "--confirm", TENANT)
    assert ran.code == 3
    assert "Policy.ReadWrite.ConditionalAccess" in ran.err
    assert policies(laptop) == before


@pytest.mark.parametrize(
    "words", [(), ("--undo", "x", "--switch-off"), ("--switch-off",), ("--undo", "there-is-none.json")]
)
def test_what_makes_no_sense_is_said(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.unit.cli_runner import run

    monkeypatch.delenv("HOLDFAST_TENANT_ID", raising=False)
    monkeypatch.delenv("HOLDFAST_BREAK_GLASS_IDS", raising=False)
    assert run("unlock", *words, "--account", "52853ee4-3d00-5d5c-abe8-f4b1818541c8").code == 2
    assert run("unlock", *words, "--switch-off").code == 2


async def test_the_unlock_identity_needs_neither_vault_nor_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VaultStorage", "the deployment's, which is gone")
    monkeypatch.setenv("HOLDFAST_GRAPH_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HOLDFAST_GRAPH_TOKEN", "x.y.z")
    async with open_unlocking(tmp_path, TENANT, "device-code", print) as unlocking:
        assert await unlocking.directory.roles() is None
    monkeypatch.delenv("HOLDFAST_GRAPH_URL")
    monkeypatch.delenv("HOLDFAST_GRAPH_TOKEN")
    with pytest.raises(Unusable, match="HOLDFAST_CLIENT_ID"):
        async with open_unlocking(tmp_path, TENANT, "browser", print):
            pass
    monkeypatch.setenv("HOLDFAST_CLIENT_ID", "00000000-0000-4000-8000-000000000009")
    async with open_unlocking(tmp_path, TENANT, "browser", print):
        pass


@pytest.mark.parametrize(
    "bent",
    [{"before": "disabled", "wanted": "enabled"}, {"before": "enabled", "wanted": "enabled"}, {"before": "x"}],
)
def test_a_record_that_says_anything_else_than_off_to_on_is_refused(laptop: Laptop, bent: dict[str, str]) -> None:
    assert unlock(laptop, "--switch-off", "--confirm", TENANT).code == 0
    before = policies(laptop)
    record = json.loads((laptop.root / "unlock.json").read_text())
    other = tampered(laptop, policies=[{**one, **bent} for one in record["policies"]])
    assert unlock(laptop, "--undo", str(other), "--confirm", TENANT).code == 2
    assert policies(laptop) == before


def test_one_that_graph_fails_on_keeps_no_other_from_being_switched(laptop: Laptop) -> None:
    down = Faults(fail("GET /beta/identity", lambda: GraphDown("away"), skip=1))
    ran = unlock(laptop, "--switch-off", "--confirm", TENANT, faults=down)
    assert ran.code == 4
    assert sorted(one["end"] for one in ran.document["policies"]) == ["done", "unknown"]
    assert unlock(laptop, "--switch-off", "--confirm", TENANT, "--record", str(laptop.root / "b.json")).code == 0
    assert [states(laptop)[name] for name in (BLOCK,)] == [REPORT_ONLY]
