"""Pages: nothing a tenant holds becomes markup, nothing hides, a page is whole or not there."""

from __future__ import annotations

import base64
import hashlib
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.cli.diff_view import diff_page, short
from shared.cli.plan_view import plan_page
from shared.cli.report_view import report_page
from shared.domain import data_uri
from shared.domain.errors import Unusable
from shared.domain.evidence import Topic
from shared.domain.plan import (
    Access,
    AccessKind,
    Address,
    BlastRadius,
    Flag,
    LicenceUnits,
    RestorePlan,
    TierZeroGrant,
)
from shared.engines.report import Verdict
from shared.pages import page as pages
from shared.pages.charts import nice
from shared.pages.evidence_page import ages_over_time, evidence_page
from shared.pages.page import show_value
from shared.pages.text import is_hidden, legible, pieces, visible
from tests.unit.cli_samples import HOSTILE, NOW, collected, plan, report
from tests.unit.evidence_samples import END, HOUR, START, arming, document, facts, snapshot, snapshots, troubled

DIGEST = "cd" * 32
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Reader(HTMLParser):
    """Tags, attributes and text of a page; fails on tags that don't nest."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def reviewed(name: str) -> RestorePlan:
    """A plan of which an approver sees all there can be, by this name."""
    made = plan(name=name)
    return replace(
        made,
        tier_zero=(TierZeroGrant("key", "op", 4, "users", "id", name, name, name, name),),
        flags=(Flag("manyObjects", name),),
        blast_radius=BlastRadius(
            1, 0, (Access(AccessKind.GROUPS, "groups", "g", name, ("a",), (), 1),), {"a": name}
        ),
        licences=(LicenceUnits("sku", name, 2, 1, 0),),
        untold=(name,),
        addresses=(Address("applications", "a", name, name, name, name, name),),
    )


PAGES: dict[str, Callable[[str], Iterable[str]]] = {
    "evidence": lambda name: [evidence_page(document(troubled(name))).decode()],
    "plan": lambda name: plan_page(plan(name=name), DIGEST, NOW),
    "reviewed": lambda name: plan_page(reviewed(name), DIGEST, NOW),
    "diff": lambda name: diff_page(collected(name=name), NOW),
    "report": lambda name: report_page(report(name=name, unexpected=1), NOW, plan(name=name)),
}
SEARCHED = ("plan", "reviewed", "report")
every_page = pytest.mark.parametrize("kind", PAGES)


def hostile_page(kind: str) -> str:
    return "".join(PAGES[kind](HOSTILE))


@every_page
def test_hostile_text_is_shown_as_text(kind: str) -> None:
    page = hostile_page(kind)
    reader = read(page)
    assert page.count("<script") == (kind in SEARCHED)
    assert ("script" in reader.tags) == (kind in SEARCHED)
    text = "".join(reader.text)
    assert "<script>alert(1)</script> \"'&" in text
    assert "{{ 7*7 }}" in text, "a template in a name is not run"
    for name, value in reader.attributes:
        assert not name.startswith("on")
        assert "alert" not in value


@every_page
def test_hidden_characters_are_spelled_out_everywhere(kind: str) -> None:
    page = hostile_page(kind)
    for character in ("\u2028", "\u202e", "\x1b", "\ud800"):
        assert character not in page
    for code in ("U+2028", "U+202E", "U+001B", "U+D800"):
        assert f'<span class="hid">{code}</span>' in page


@every_page
def test_page_loads_nothing_and_allows_only_its_own_style(kind: str) -> None:
    page = hostile_page(kind)
    reader = read(page)
    assert reader.tags <= {
        "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "nav", "p", "h1", "h2", "a",
        "table", "tr", "th", "td", "dl", "dt", "dd", "details", "summary", "div", "span", "ul", "li", "pre", "code",
        "br", "b", "bdi", "h3", "thead", "tbody", "figure", "figcaption", "svg", "rect", "line", "polygon",
        "polyline", *(("script", "input", "select", "option", "label") if kind in SEARCHED else ()),
    }  # fmt: skip
    assert not re.search(r"https?://|@import|url\(", page)
    names = {name for name, _ in reader.attributes}
    assert not names & {"src", "style", "action", "srcset", "data"}
    links = {value.removeprefix("#") for name, value in reader.attributes if name == "href"}
    anchors = [value for name, value in reader.attributes if name == "id"]
    assert links <= set(anchors), "every link leads somewhere on this page"
    assert len(set(anchors)) == len(anchors)
    assert all(re.fullmatch(r"[a-z0-9]+", anchor) for anchor in anchors), "anchors are made by us"
    policy = next(value for name, value in reader.attributes if name == "content" and "default-src" in value)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert ("script-src" in policy) == bool(scripts)
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"script-src 'sha256-{digest}'" in policy
        assert script == (Path(pages.__file__).parent / "templates" / "filter.html.j2").read_text().strip()


def test_the_evidence_page_tells_who_armed_for_how_long_and_what_was_done_meanwhile() -> None:
    page = evidence_page(document(facts(arming=arming("<b>maria</b>")))).decode()
    assert "<b>maria" not in page
    section = page.partition('id="arming"')[2].partition('id="drills"')[0]
    assert section.count("&lt;b&gt;maria&lt;/b&gt;") == 2
    for fact in (
        "Switched on",
        "Switched off",
        "restore app",
        "2026-10-14 09:00",
        "2026-10-14 13:00",
        "4 h",
        ">2<",
    ):
        assert fact in section, fact


def test_plan_page_says_what_an_approver_must_know() -> None:
    page = "".join(read("".join(plan_page(plan(), DIGEST, NOW))).text)
    for fact in (
        "p0001",
        DIGEST,
        "20261122T013000Z-full",
        "userPrincipalName",
        "The live one was created by",
        "needs an action that is not supported yet 2",
        "Will get a new id",
        "holdfast approve p0001 --key FILE --waves 4",
        "none set: no policy will be enabled",
    ):
        assert fact in page, fact


def test_evidence_page_says_what_an_auditor_looks_for() -> None:
    page = "".join(read(evidence_page(document(troubled("anna"))).decode()).text)
    for fact in (
        "Evidence of backup and recovery, 2026-10-01 to 2026-10-31",
        "0 0 1 * * * (UTC), 31 firings in the period",
        "2026-10-06 01:00:00 UTC",  # missed
        "users: GraphDown: anna",  # failed, why
        "Art. 12(3)",
        "not met",
        "source unavailable: nobody said anna",
        "Stays with the customer",
        "none run",
        "uksouth",
        "VAIT",
    ):
        assert fact in page, fact
    assert "complian" not in page.lower()


def test_evidence_page_is_the_same_for_the_same_document_and_stands_without_any_source() -> None:
    assert evidence_page(document()) == evidence_page(document())
    bare = {topic.value: None for topic in Topic if topic is not Topic.COMPLETENESS}
    page = evidence_page(document(facts(away=dict.fromkeys(Topic, "away today"), **bare))).decode()
    assert "".join(read(page).text).count("away today") > len(Topic)
    assert "<svg" not in page


def test_the_age_of_the_newest_backup_grows_and_falls_when_one_is_finished() -> None:
    of = snapshots(snapshot(1), snapshot(2), before=START - 23 * HOUR)
    points = [(at - START.timestamp(), age / 3600) for at, age in ages_over_time(of, START, END)]
    assert points[0] == (0.0, 23.0)
    assert [round(age) for _, age in points] == [23, 24, 0, 24, 0, 24 * 30 - 1]
    assert points == sorted(points, key=lambda point: point[0])
    assert ages_over_time(snapshots(before=None, taken=()), START, END) == []


@pytest.mark.parametrize(("most", "top"), [(0, 1), (0.9, 1), (1.0, 1.5), (73, 80), (1358, 1500), (99.5, 100)])
def test_a_scale_ends_with_a_round_number(most: float, top: float) -> None:
    assert nice(most) == pytest.approx(top)


def test_diff_page_shows_where_inside_a_member_a_change_lies() -> None:
    page = "".join(read("".join(diff_page(collected(), NOW))).text)
    assert "conditions.users.includeUsers" in page
    assert "excludeUsers" not in page, "what is the same inside the member is left out"
    assert "Not everything can be told" in page
    assert "key-1" in page


def test_diff_page_says_how_many_are_not_on_it() -> None:
    page = "".join(read("".join(diff_page(collected(rows=3, total=5000), NOW))).text)
    assert "… and 4,997 more, not on this page" in page
    assert "5,000" in page


@pytest.mark.parametrize(("verdict", "tone"), [(Verdict.EQUAL, "good"), (Verdict.DIFFERS, "bad")])
def test_report_page_leads_with_the_verdict(verdict: Verdict, tone: str) -> None:
    page = "".join(report_page(report(verdict=verdict), NOW))
    assert f'<div class="box {tone}">' in page
    assert page.index(f'<div class="box {tone}">') < page.index('id="waves"')
    for text in ("user-1b", "hand over the initial password", "left off by the lock-out guard"):
        assert text in page


def test_report_page_shows_before_and_after_of_each_property_and_what_became_of_it() -> None:
    page = "".join(read("".join(report_page(report(states=("refusedByGraph",)), NOW, plan()))).text)
    start = page.index("Before and after", page.index("Left off", page.index("Waves", 500)))
    changes = page[start : page.index("Not as in the snapshot, by reason")]
    for text in (
        "user-0",
        "user-1",
        "department",
        '"anna"',
        '"Sales"',
        "change back",
        "refused by Graph",
        "user-1b",
    ):
        assert text in changes, text
    assert "Before and after" not in "".join(report_page(report(), NOW))


def test_a_plan_of_many_operations_makes_a_page_of_few_and_says_how_many_steps_are_not_on_it() -> None:
    made = plan(operations=20)
    step = next(one for one in made.steps if one.operations)
    steps = tuple(replace(step, id=f"w4-{number:05}") for number in range(150))
    page = "".join(plan_page(replace(made, steps=steps), DIGEST, NOW))
    assert page.count("<dt>Step</dt>") == pages.MAX_ROWS // 20
    assert "… and 50 more, not on this page" in page


def test_long_lists_are_cut_with_the_number_left_out() -> None:
    cut = pages.cut(list(range(25)), "holdfast status", limit=20)
    assert cut["rows"] == list(range(20))
    assert cut["left_out"] == 5
    assert pages.cut([1], "x")["left_out"] == 0


def test_page_is_written_whole_and_for_its_owner_only(tmp_path: Path) -> None:
    target = tmp_path / "plan.html"
    target.write_text("old")
    pages.write(target, iter(["<p>", "new"]))
    assert target.read_text() == "<p>new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_interrupted_page_leaves_the_old_one(tmp_path: Path) -> None:
    def broken() -> Iterator[str]:
        yield "half"
        raise KeyboardInterrupt

    target = tmp_path / "plan.html"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        pages.write(target, broken())
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target], "nothing half-written stays behind"


def test_page_in_a_missing_folder_is_unusable_input(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no file can be written"):
        pages.write(tmp_path / "none" / "plan.html", iter(["x"]))


@settings(max_examples=200)
@given(st.text(st.characters(codec=None), max_size=60))
def test_any_text_keeps_the_page_well_formed(text: str) -> None:
    marked = str(pages.show(text))
    reader = read(marked)
    assert reader.tags <= {"span", "bdi"}
    marked.encode("utf-8")  # also where the text held a lone surrogate
    assert not any(is_hidden(character) for character in marked)
    assert "".join(reader.text) == "".join(piece for piece, _ in pieces(text))


@settings(max_examples=200)
@given(st.text(st.characters(codec=None), max_size=60))
def test_visible_text_holds_nothing_hidden_and_keeps_the_rest(text: str) -> None:
    shown = visible(text)
    assert not any(is_hidden(character) for character in shown)
    assert (
        "".join(character for character in text if not is_hidden(character))
        == re.sub(r"‹U\+[0-9A-F]{4,6}›", "", shown)
        or "‹U+" in text
    )


@pytest.mark.parametrize(
    ("character", "hidden"),
    [
        ("a", False), (" ", False), ("ü", False), ("א", False), ("漢", False), ("😀", False), ("é", False),
        ("\u0301", False), ("\u202e", True), ("\u2066", True), ("\u200b", True), ("\u00a0", True),
        ("\u3164", True), ("\ufe0f", True), ("\U000e0041", True), ("\n", True), ("\x9b", True), ("\ud800", True),
    ],
)  # fmt: skip
def test_what_counts_as_hidden(character: str, hidden: bool) -> None:
    assert is_hidden(character) is hidden


def test_json_values_are_shown_by_line_and_escaped() -> None:
    rows = pages.members({"a": ["<b>", "x\ny"], "gone": None}, {"a": []})
    (first, gone) = rows
    assert "&lt;b&gt;" in first["before"]
    assert "x\\ny" in first["before"], "a line break inside a value is no line break of the page"
    assert first["before"].count("\n") == 3
    assert gone["before"] == "null"
    assert gone["after"] is None


def test_a_file_is_shown_by_what_tells_it_from_another() -> None:
    first, second = (data_uri.encode("image/png", bytes([number]) * 3000) for number in (1, 2))
    shown = legible({"logo": first, "rest": [second, "data:no"], "none": None})
    digest = hashlib.sha256(b"\x01" * 3000).hexdigest()[:16]
    assert shown["logo"] == f"image/png, 2.9 KiB, SHA-256 {digest}…"
    assert shown["rest"][1] == "data:no"
    assert shown["logo"] != shown["rest"][0]
    assert digest in show_value(first)
    assert digest in short(first)
