"""Every command of a runbook is run, in its order and as it stands, by people with a laptop and a broken tenant."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import restore_nights as nights
from tests.backup import TENANT
from tests.laptop import Laptop, begun
from tests.localrun.children import ROOT
from tests.restore_damage import one_of_each, prepare
from tests.restore_planned import delete
from tests.simdirectory import scripted
from tests.simulator.service import Service
from tests.unit.cli_runner import Ran
from tests.unit.test_cli_arming import World as Deployed

RUNBOOKS = ROOT / "docs" / "runbooks"


@dataclass(frozen=True)
class Page:
    """What happened in the night, and how the page's commands end: by their place, 0 where nothing is said.
    `check` looks at the tenant afterwards."""

    night: Callable[[Service], None]
    commands: int
    check: Callable[[Laptop, list[Ran]], None]
    before: Callable[[Service], None] = prepare
    ends: Mapping[int, int] = field(default_factory=dict)
    by_hand: Mapping[int, Callable[[Laptop], None]] = field(
        default_factory=dict
    )  # before the command of that place


def commands(page: str) -> list[str]:
    text = (RUNBOOKS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


class Reader:
    """Follows a page word for word: PLAN and DIGEST are those of the last plan, files lie where the laptop is, and
    what a person types when asked is given."""

    def __init__(self, laptop: Laptop) -> None:
        self.laptop = laptop
        root = laptop.root
        self.words = {
            "copy": str(laptop.copy),
            "snapshot.pub": str(root / "snapshot.pub"),
            "maria.pem": str(root / "approver-0.pem"),
            "tomas.pem": str(root / "approver-1.pem"),
        }

    def run(self, command: str) -> Ran:
        program, *words = shlex.split(command)
        assert program == "holdfast"
        given = [self.words.get(word, self._beside(word)) for word in words]
        typed = {"approve": ["--yes"], "unlock": ["--confirm", TENANT]}
        ran = self.laptop(*given, *typed.get(words[0], []), "--json")
        if words[0] == "plan" and ran.code == 0:
            made = ran.document["document"]
            asks = {name for wave in made["waves"] for name in wave["asks"]}
            self.words |= {"PLAN": ran.document["plan"], "DIGEST": ran.document["digest"]}
            self.words |= {"FLAG": ",".join(sorted(asks)), "KEY": ",".join(one["key"] for one in made["tierZero"])}
            for conflict in made["conflicts"]:
                self.words |= {"MISSING": conflict["target"], "LIVE": conflict["live"]}
        return ran

    def _beside(self, word: str) -> str:
        return str(self.laptop.root / word) if re.fullmatch(r"[a-z]+\.(html|csv|json)", word) else word


def restored(ran: list[Ran]) -> dict[str, object]:
    """The report of the page's last restore: nothing was left to chance."""
    (*_, report) = [
        one.document for one in ran if one.out and "verdict" in one.document and "newIds" in one.document
    ]
    assert report["verdict"] in ("equal", "equalExceptListed")
    assert report["unexpected"] == []
    return dict(report)


def all_came_back(laptop: Laptop, ran: list[Ran]) -> None:
    restored(ran)
    written = {path.name for path in laptop.root.glob("*.*")}
    assert {"rescue.html", "plan.html", "report.html", "care.csv"} <= written
    assert "register sign-in methods anew" in (laptop.root / "care.csv").read_text(encoding="utf-8-sig")


def _states(laptop: Laptop) -> tuple[dict[str, object], dict[str, object]]:
    """Of the policies that there were: then and now, by id."""
    held = {key: one["state"] for key, one in laptop.before["conditionalAccessPolicies"].items()}
    now = laptop.service.store.tables["conditionalAccessPolicies"]
    return held, {key: now[key]["state"] for key in held}


def policies_are_as_before(laptop: Laptop, ran: list[Ran]) -> None:
    restored(ran)
    held, now = _states(laptop)
    assert held == now


def everybody_gets_in(laptop: Laptop, ran: list[Ran]) -> None:
    policies_are_as_before(laptop, ran)
    made = nights.named(laptop.service, "conditionalAccessPolicies", "Temporary maintenance")
    assert laptop.service.store.tables["conditionalAccessPolicies"][made]["state"] == nights.REPORT_ONLY


def groups_and_policies_are_back(laptop: Laptop, ran: list[Ran]) -> None:
    policies_are_as_before(laptop, ran)
    (first, _) = [one.document for one in ran if one.code == 0 and "newIds" in one.document]
    assert first["byReason"]["lockOutGuard"] == 3
    group = nights.named(laptop.service, "groups", "CA-BreakGlassAccounts")
    assert group not in laptop.before["groups"]
    members = set(laptop.service.store.targets("groups.members", group))
    assert members == set(laptop.service.info["breakGlassIds"])
    policies = laptop.service.store.tables["conditionalAccessPolicies"].values()
    assert all(one["conditions"]["users"]["excludeGroups"] == [group] for one in policies)


def applications_have_their_permissions(laptop: Laptop, ran: list[Ran]) -> None:
    assert restored(ran)["outcomes"] == {"done": 14}
    for table, names in (
        ("oauth2PermissionGrants", ("clientId", "resourceId", "scope", "principalId")),
        ("appRoleAssignments", ("principalId", "resourceId", "appRoleId")),
    ):
        held = sorted(str([one.get(name) for name in names]) for one in laptop.before[table].values())
        now = laptop.service.store.tables[table].values()
        assert sorted(str([one.get(name) for name in names]) for one in now) == held


def bent_attributes_are_straight(laptop: Laptop, ran: list[Ran]) -> None:
    restored(ran)
    users = laptop.service.store.tables["users"]
    for key, one in laptop.before["users"].items():
        assert [users[key].get(name) for name in ("department", "jobTitle")] == [
            one.get(name) for name in ("department", "jobTitle")
        ]
    assert "Utrecht" in [one.get("city") for one in users.values()]


def the_cloud_part_is_back(laptop: Laptop, ran: list[Ran]) -> None:
    report = restored(ran)
    assert report["byReason"] == {"ownedByOnPremisesSync": 4}
    people = nights.hybrid_people(laptop.service)
    assert {(one["department"], one["usageLocation"]) for one in people} == {("Moved on premises", "KP")}
    members = laptop.service.store.targets("groups.members", nights.named(laptop.service, "groups", "All staff"))
    assert {str(one["id"]) for one in people} <= set(members)


def roles_and_policies_are_strict(laptop: Laptop, ran: list[Ran]) -> None:
    policies_are_as_before(laptop, ran)
    assert restored(ran)["verdict"] == "equal"
    rules = nights.settings_of(laptop.service, nights.custom_role(laptop.service))["rules"]
    (rule,) = [one for one in rules if one["id"] == nights.ENABLEMENT]
    assert rule["enabledRules"]


def the_real_one_is_back(laptop: Laptop, ran: list[Ran]) -> None:
    report = restored(ran)
    assert report["conflicts"] == []
    (conflict,) = ran[0].document["document"]["conflicts"]
    users, name = (
        laptop.service.store.tables["users"],
        laptop.before["users"][conflict["target"]]["userPrincipalName"],
    )
    (real,) = [one for one in users.values() if one["userPrincipalName"] == name]
    assert real["id"] not in (conflict["live"], conflict["target"])
    assert users[conflict["live"]]["accountEnabled"] is False


def rename_the_namesake(laptop: Laptop) -> None:
    """What the page leaves to people."""
    name = laptop.before["users"][str(nights.purged(laptop.service, laptop.before["users"]))]["userPrincipalName"]
    (key,) = [key for key, one in laptop.service.store.tables["users"].items() if one["userPrincipalName"] == name]
    renamed = {"userPrincipalName": "evidence1@holdfastsim.onmicrosoft.com", "mailNickname": "evidence1"}
    scripted(laptop.service, "PATCH", f"/v1.0/users/{key}", renamed)


def only_lasting_assignments_are_back(laptop: Laptop, ran: list[Ran]) -> None:
    report = restored(ran)
    assert report["byReason"] == {"activationIsNoAssignment": 1, "newId": 1, "outOfScope": 1}
    assert report["outcomes"] == {"done": 1}
    assert nights.activated(laptop.service) == []


PAGES = {
    "from-a-folder.md": Page(one_of_each, 11, all_came_back),
    "locked-out.md": Page(nights.block_everybody, 7, everybody_gets_in),
    "groups-purged.md": Page(nights.purge_groups, 10, groups_and_policies_are_back),
    "app-permissions.md": Page(nights.strip_permissions, 5, applications_have_their_permissions),
    "bent-attributes.md": Page(nights.bend_attributes, 5, bent_attributes_are_straight),
    "hybrid-users.md": Page(nights.bend_hybrid_people, 5, the_cloud_part_is_back, before=nights.sync_some),
    "roles-and-policies.md": Page(nights.loosen_roles_and_policies, 6, roles_and_policies_are_strict),
    "namesake.md": Page(nights.take_a_name, 10, the_real_one_is_back, by_hand={6: rename_the_namesake}),
    "activation.md": Page(nights.end_activations_and_unassign, 5, only_lasting_assignments_are_back),
}
OWN_PRINCIPAL = "own-service-principal.md"


@pytest.mark.full
@pytest.mark.parametrize("name", PAGES)
def test_a_runbook_does_what_it_says(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = PAGES[name]
    laptop = begun(tmp_path / "laptop", page.night, page.before)
    monkeypatch.setenv("HOLDFAST_BREAK_GLASS_IDS", ",".join(laptop.service.info["breakGlassIds"]))
    reader, ran = Reader(laptop), []
    for number, command in enumerate(commands(name), start=1):
        if number in page.by_hand:
            page.by_hand[number](laptop)
        ran.append(reader.run(command))
        assert ran[-1].code == page.ends.get(number, 0), f"{number}. {command}: {ran[-1].err} {ran[-1].out}"
    assert len(ran) == page.commands
    page.check(laptop, ran)


def test_every_runbook_is_run() -> None:
    assert {path.name for path in RUNBOOKS.glob("*.md")} == {*PAGES, OWN_PRINCIPAL}


def test_the_page_for_holdfasts_own_service_principal_makes_it_again() -> None:
    """In a deployment whose applications are in another tenant, with a person who may register them."""
    world = Deployed(apart=True)
    delete(world.tenant.protected, "servicePrincipals", str(world.principal["id"]), purge=True)
    ends = []
    for command in commands(OWN_PRINCIPAL):
        program, *words = shlex.split(command)
        if program == "holdfast":
            ends.append(world(*words[1:]).code)
            continue
        assert words[:3] == ["-m", "infra.graph", "register"]
        ends.append(asyncio.run(world.tenant.run()))
    assert ends == [3, 0, 0, 0]
    assert world.on == (False, False)
