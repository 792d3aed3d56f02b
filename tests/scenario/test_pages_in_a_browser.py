"""Every page as a person sees it: in a headless Chromium, wide and narrow, with names that try to be markup.

The pictures are kept in `.build/pages`, for those who want to look at them, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.cli.plan_view import plan_page
from shared.cli.report_view import report_page
from tests.localrun.browser import NoBrowser, Seen, browser, look
from tests.localrun.children import ROOT
from tests.unit.cli_samples import HOSTILE, NOW, plan, report
from tests.unit.evidence_samples import document, facts
from tests.unit.test_pages import PAGES, SEARCHED, evidence_page, reviewed

pytestmark = pytest.mark.full

PICTURES = ROOT / ".build" / "pages"
WIDTHS = (1280, 400)
_LONG = "Rechtsschutzversicherungsgesellschaftenverband" * 4
NAMES = {"hostile": HOSTILE, "long": _LONG, "plain": "Anna Berg"}
# Something of each page that has to be seen.
CONTENT = {
    "evidence": (
        "Evidence of backup and recovery, 2026-10-01 to 2026-10-31",
        "Age of the newest backup",
        "Art. 12(3)",
    ),
    "plan": ("p0001", "holdfast approve"),
    "reviewed": ("An approval has to acknowledge", "Whose access changes", "Power over the tenant"),
    "diff": ("conditional", "live"),
    "report": ("Waves", "Left for people to do"),
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    try:
        with browser() as made:
            yield made
    except NoBrowser as reason:
        pytest.skip(str(reason))


async def _seen(address: str, folder: Path, name: str, page: str, width: int) -> Seen:
    path = folder / f"{name}.html"
    path.write_text(page, encoding="utf-8")
    seen = await look(address, path, width=width)
    PICTURES.mkdir(parents=True, exist_ok=True)
    (PICTURES / f"{name}-{width}.png").write_bytes(seen.picture)
    (PICTURES / f"{name}.pdf").write_bytes(seen.printed)
    assert seen.complaints == []
    assert set(seen.requests) == {path.as_uri()}, "nothing is loaded but the page itself"
    assert seen.width <= width, f"has to be scrolled sideways: {seen.wide}"
    assert seen.printed.startswith(b"%PDF-")
    return seen


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("naming", NAMES)
@pytest.mark.parametrize("kind", PAGES)
async def test_a_page_is_read_without_scrolling_sideways_and_asks_for_nothing(
    address: str, tmp_path: Path, kind: str, naming: str, width: int
) -> None:
    name = NAMES[naming]
    seen = await _seen(address, tmp_path, f"{kind}-{naming}", "".join(PAGES[kind](name)), width)
    for fact in CONTENT[kind]:
        assert fact in seen.text, fact
    shown = "<script>alert(1)</script>" if naming == "hostile" else name
    assert shown in seen.text.replace("\n", "")


_TYPE = """(words, kind) => {
  const at = document.getElementById('words'), kinds = document.getElementById('kinds');
  at.value = words; at.dispatchEvent(new Event('input'));
  kinds.value = kind; kinds.dispatchEvent(new Event('change'));
}"""


def _numbered(kind: str) -> str:
    """A plan or a report of a user and a group, user-0 and user-1, which bears another name."""
    made = reviewed("Anna Berg") if kind == "reviewed" else plan()
    first, second = made.steps[1].operations
    step = replace(made.steps[1], operations=(first, replace(second, name="Zebra", type="groups")))
    made = replace(made, steps=(made.steps[0], step))
    page = plan_page(made, "cd" * 32, NOW) if kind != "report" else report_page(report(), NOW, made)
    return "".join(page)


@pytest.mark.parametrize("kind", SEARCHED)
async def test_a_page_is_searched_without_a_server(address: str, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "page.html"
    path.write_text(_numbered(kind), encoding="utf-8")

    async def found(words: str, of: str = "") -> str:
        seen = await look(address, path, width=1280, do=f"({_TYPE})({words!r}, {of!r})")
        assert seen.complaints == []
        return seen.text

    text = await found("zebra CHANGE")
    assert "Zebra" in text, "what fits is unfolded"
    assert "1 of " in text
    assert "user-0" not in text
    assert "Zebra" in await found("zebra change", "groups")
    assert "0 of " in await found("zebra change", "users")
    assert "0 of " in await found("nobody is called so")
    assert not re.search(r"\d shown", await found("")), "an empty search hides nothing and says nothing"


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("kind", SEARCHED)
async def test_what_is_folded_is_printed_with_and_without_scripts(
    address: str, tmp_path: Path, kind: str, scripts: bool
) -> None:
    path = tmp_path / "page.html"
    path.write_text(_numbered(kind), encoding="utf-8")
    folded = await look(address, path, width=1280, scripts=scripts, do="true")
    assert "Sales" not in folded.text
    assert ("Search" in folded.text) == scripts, "no field that does nothing"
    printed = await look(address, path, width=1280, scripts=scripts, media="print", do="true")
    assert "Sales" in printed.text
    assert "Search" not in printed.text
    assert folded.complaints == printed.complaints == []
    opened = "dispatchEvent(new Event('beforeprint'))"
    if scripts:
        assert "Sales" in (await look(address, path, width=1280, do=opened)).text
        closed = f"{opened}; dispatchEvent(new Event('afterprint'))"
        assert "Sales" not in (await look(address, path, width=1280, do=closed)).text


@pytest.mark.parametrize("width", WIDTHS)
async def test_evidence_of_a_good_month_and_of_one_without_sources(
    address: str, tmp_path: Path, width: int
) -> None:
    seen = await _seen(address, tmp_path, "evidence-good", evidence_page(document()).decode(), width)
    assert "0 not met" in seen.text
    away = facts(away={"snapshots": "away", "completeness": "away"}, snapshots=None)
    seen = await _seen(address, tmp_path, "evidence-away", evidence_page(document(away)).decode(), width)
    assert "Nothing to draw: away" in seen.text
