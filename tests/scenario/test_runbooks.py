"""Every command of a runbook is run, in its order and as it stands, by people with a laptop and a broken tenant."""

from __future__ import annotations

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
from tests.simulator.service import Service
from tests.unit.cli_runner import Ran

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
            self.words |= {"PLAN": ran.document["plan"], "DIGEST": ran.document["digest"]}
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


def policies_are_as_before(laptop: Laptop, ran: list[Ran]) -> None:
    restored(ran)
    policies = laptop.service.store.tables["conditionalAccessPolicies"].values()
    states = {str(one["displayName"]): one["state"] for one in policies}
    assert states["Temporary maintenance"] == nights.REPORT_ONLY
    held = {key: one["state"] for key, one in laptop.before["conditionalAccessPolicies"].items()}
    assert {one["id"]: one["state"] for one in policies if one["id"] in held} == held


PAGES = {
    "from-a-folder.md": Page(one_of_each, 11, all_came_back),
    "locked-out.md": Page(nights.block_everybody, 7, policies_are_as_before),
}


@pytest.mark.full
@pytest.mark.parametrize("name", PAGES)
def test_a_runbook_does_what_it_says(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = PAGES[name]
    laptop = begun(tmp_path / "laptop", page.night, page.before)
    monkeypatch.setenv("HOLDFAST_BREAK_GLASS_IDS", ",".join(laptop.service.info["breakGlassIds"]))
    reader, ran = Reader(laptop), []
    for number, command in enumerate(commands(name), start=1):
        ran.append(reader.run(command))
        assert ran[-1].code == page.ends.get(number, 0), f"{number}. {command}: {ran[-1].err} {ran[-1].out}"
    assert len(ran) == page.commands
    page.check(laptop, ran)


def test_every_runbook_is_run() -> None:
    assert {path.name for path in RUNBOOKS.glob("*.md")} == set(PAGES)
