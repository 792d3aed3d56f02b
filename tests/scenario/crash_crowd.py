"""The points of the enumeration, many in one restore: each message kills the process that serves it, once.

An eighth of the time of one point at a time. What must stay true: every point of an undisturbed restore is come to,
in the crowd or else alone. What only shows when nothing else goes wrong is left to the enumeration itself
(`crash_points`), which is one of the long proofs.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from tests.faults import Call, Faults, crash_at, run_until_crash
from tests.restore_story import Outcome, Story, StoryProcess
from tests.scenario.crash_points import Restores, undisturbed_restore

# Ids that the tenant gives differ by how often it was asked for one; signatures differ always.
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z0-9_-]{43}(-1)?")
_SIGNED = re.compile(r'"jws":"[^"]*"')


@dataclass(frozen=True, slots=True)
class Death:
    """A point by what it is about, the same whatever went before: the message, the write, which of several such
    it is, the side."""

    message: str
    what: str
    nth: int
    before: bool


class _Writes:
    """The writes for one message after the other, named."""

    def __init__(self) -> None:
        self.number: Counter[str] = Counter()  # message → writes so far
        self._seen: Counter[tuple[str, str]] = Counter()

    def add(self, body: str, calls: list[Call]) -> list[tuple[str, str, int]]:
        message = _SIGNED.sub("", body)
        named = []
        for call in calls:
            what = _ID.sub("{id}", call.what)
            self._seen[message, what] += 1
            named.append((message, what, self._seen[message, what]))
        self.number[body] += len(calls)
        return named


async def all_points() -> dict[Death, Call]:
    """Those of the undisturbed restore."""
    calm = await undisturbed_restore()
    story, log, writes = calm.begin.copy(), Faults(), _Writes()
    process = StoryProcess(story, log)
    points: dict[Death, Call] = {}
    while True:
        found = story.receive()
        if found is None:
            if not await story.operators():
                assert [call.what for call in points.values()][::2] == [call.what for call in log.writes]
                return points
            continue
        done = len(log.writes)
        await process.serve(*found)
        calls = log.writes[done:]
        for name, call in zip(writes.add(found[1].body, calls), calls, strict=True):
            points |= {Death(*name, before): call for before in (True, False)}


async def dying_story(number: int, *, before: bool) -> tuple[Story, list[Death]]:
    """A restore in which a process dies at the `number`-th write of every message that comes to so many. It dies
    once: the message comes again, and another process goes on."""
    story = (await undisturbed_restore()).begin.copy()
    deaths: list[Death] = []
    writes = _Writes()
    died: set[str] = set()
    for _ in range(3000):
        found = story.receive()
        if found is None:
            if not await story.operators():
                return story, deaths
            continue
        body, faults = found[1].body, Faults()
        if body not in died:
            faults.add(crash_at(number - writes.number[body], before=before))
        dead = await run_until_crash(StoryProcess(story, faults).serve(*found))
        names = writes.add(body, faults.writes)
        if dead:
            died.add(body)
            deaths.append(Death(*names[-1], before))
    raise AssertionError("the queues never get empty")


async def crowds(expected: Outcome) -> Counter[Death]:
    """A story for each number and side, until no message comes to so many writes. Fails where one ends
    otherwise."""
    come_to: Counter[Death] = Counter()
    number = 0
    while True:
        number += 1
        before_and_after = [await dying_story(number, before=before) for before in (True, False)]
        for story, deaths in before_and_after:
            assert await story.outcome() == expected, (number, deaths)
            come_to.update(deaths)
        if not any(deaths for _, deaths in before_and_after):
            return come_to


async def alone(point: Death, call: Call) -> None:
    """The point by itself, as the enumeration has it."""
    calm = await undisturbed_restore()
    one = Restores(calm.outcome, calm.kept)
    await one.recover(await one.die(call, before=point.before))
