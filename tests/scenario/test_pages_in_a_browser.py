"""Every page as a person sees it: in a headless Chromium, wide and narrow, with names that try to be markup.

The pictures are kept in `.build/pages`, for those who want to look at them, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.localrun.browser import NoBrowser, Seen, browser, look
from tests.localrun.children import ROOT
from tests.unit.cli_samples import HOSTILE
from tests.unit.evidence_samples import document, facts
from tests.unit.test_pages import PAGES, evidence_page

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


@pytest.mark.parametrize("width", WIDTHS)
async def test_evidence_of_a_good_month_and_of_one_without_sources(
    address: str, tmp_path: Path, width: int
) -> None:
    seen = await _seen(address, tmp_path, "evidence-good", evidence_page(document()).decode(), width)
    assert "0 not met" in seen.text
    away = facts(away={"snapshots": "away", "completeness": "away"}, snapshots=None)
    seen = await _seen(address, tmp_path, "evidence-away", evidence_page(document(away)).decode(), width)
    assert "Nothing to draw: away" in seen.text
