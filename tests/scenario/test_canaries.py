"""What must not leave: passwords nowhere but in the secret store, people's data in no message, row or log.

Every text of the tenant that says something about a person, and every name of a group, an application or a
policy, is a canary: it is looked for in all messages that ever came, all rows and all log lines. Pages show such
texts to people, but neither a password nor a token. The logs and pages of the demo's real hosts are searched by
`test_story.py`.
"""

from __future__ import annotations

import json
import logging
import re

import pytest

from shared.catalog.registry import CATALOG
from shared.cli.diff_view import collect, diff_page
from shared.cli.plan_view import plan_page
from shared.cli.report_view import report_page
from shared.engines.diff import diff
from tests.localrun import truth
from tests.restore_planned import Planned, read
from tests.restore_story import Story

_PERSONAL = (
    "displayName",
    "userPrincipalName",
    "mail",
    "givenName",
    "surname",
    "mobilePhone",
    "jobTitle",
    "employeeId",
)
TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{16,}\.")  # how every JWT and JWS begins
_LONG = 6  # shorter texts stand in words of our own


def canaries(before: truth.State) -> set[str]:
    """What the tables hold of people, and names."""
    return {
        str(one[member])
        for table in before.values()
        for one in table.values()
        for member in _PERSONAL
        if isinstance(one.get(member), str)
        and len(one[member]) >= _LONG
        and not re.fullmatch(r"[0-9a-f-]{36}", one[member])
    }


async def test_nothing_of_anybody_leaves_and_a_password_is_in_the_secret_store_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        story = await Story.begin()
        await story.drain(times=2)
        await story.outcome()
    evidence = b"\n".join(story.world.evidence.blobs.values()).decode("utf-8", "replace")
    written = {
        "messages": json.dumps(story.delivered, ensure_ascii=False),
        "rows": repr(story.world.rows._rows),
        "logs": caplog.text,
    }
    known = canaries(story.before)
    assert len(known) > 100
    assert any(one in evidence for one in known)  # the canaries are alive: the plan shows names to people
    passwords = [held for versions in story.world.secrets.versions.values() for held in versions]
    assert passwords
    assert all(len(one) >= 16 for one in passwords)
    for where, text in written.items():
        assert sorted(one for one in known if one in text) == [], where
    pages = await _pages(story)
    assert all(any(one in page for one in known) for page in pages.values())
    for where, text in {**written, "evidence": evidence, **pages}.items():
        assert not [one for one in passwords if one in text], where
    for name, page in pages.items():
        assert not TOKEN.search(page), name


async def _pages(story: Story) -> dict[str, str]:
    """Every page that a command writes, of this restore."""
    world, now = story.world, story.world.clock.now()
    stored = await world.view().load_plan(story.plan)
    report = await Planned(world, story.snapshot).confirmation().report(story.plan)
    assert report is not None
    compared = await collect(await diff(story.snapshot, await read(world.service, world.clock), CATALOG))
    made = {
        "diff": diff_page(compared, now),
        "plan": plan_page(stored.plan, stored.digest, now),
        "report": report_page(report, now),
    }
    return {name: "".join(page) for name, page in made.items()}
