"""Every command of a runbook is run, in its order and as it stands, by people with a laptop and a broken tenant."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.laptop import Laptop, begun
from tests.localrun.children import ROOT
from tests.unit.cli_runner import Ran

RUNBOOKS = ROOT / "docs" / "runbooks"


def commands(page: str) -> list[str]:
    text = (RUNBOOKS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


class Reader:
    """Follows a page word for word: PLAN and DIGEST are those of the last plan, files lie where the laptop is."""

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
        more = ["--yes"] if words[0] == "approve" else []
        ran = self.laptop(*given, *more, "--json")
        if words[0] == "plan":
            asks = {name for wave in ran.document["document"]["waves"] for name in wave["asks"]}
            keys = [grant["key"] for grant in ran.document["document"]["tierZero"]]
            self.words |= {"PLAN": ran.document["plan"], "DIGEST": ran.document["digest"]}
            self.words |= {"FLAG": ",".join(sorted(asks)), "KEY": ",".join(keys)}
        return ran

    def _beside(self, word: str) -> str:
        return str(self.laptop.root / word) if re.fullmatch(r"[a-z]+\.(html|csv)", word) else word


@pytest.mark.full
def test_the_runbook_for_a_folder_brings_the_tenant_back(tmp_path: Path) -> None:
    reader = Reader(begun(tmp_path / "laptop"))
    ran = [(command, reader.run(command)) for command in commands("from-a-folder.md")]
    for command, one in ran:
        assert one.code == 0, f"{command}: {one.err} {one.out}"
    assert len(ran) == 11
    restored = ran[-2][1].document
    assert restored["verdict"] in ("equal", "equalExceptListed")
    assert restored["unexpected"] == []
    written = {path.name for path in tmp_path.glob("laptop/*.*")}
    assert {"rescue.html", "plan.html", "report.html", "care.csv"} <= written
    assert "register sign-in methods anew" in (reader.laptop.root / "care.csv").read_text(encoding="utf-8-sig")


def test_every_runbook_is_run() -> None:
    assert {path.name for path in RUNBOOKS.glob("*.md")} == {"from-a-folder.md"}
