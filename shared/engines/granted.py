"""Links that were given for a time only: somebody activated them, or gave them an end.

Made as a link, such a membership would be a lasting right that nobody gave. What has an end comes back by the
object that gave it, with that end; what had passed by itself, or has ended, stays out.
"""

from __future__ import annotations

from shared.catalog.spec import Granted
from shared.domain.objects import Link
from shared.domain.plan import Reason
from shared.domain.snapshot import Completeness, State
from shared.engines.conditions import holds
from shared.engines.natures import Told, verdict
from shared.engines.opening import read_objects
from shared.engines.plan_objects import Planning
from shared.engines.survey import LinkSurvey
from shared.engines.view import View

Pair = tuple[str, str]  # source, target
_TOLD = (State.COMPLETE, State.NOT_LICENSED, State.NOT_READ)


class GivenLinks:
    """What the snapshot tells of the links of one relationship."""

    def __init__(self, completeness: Completeness, by: str) -> None:
        self._completeness = completeness
        self._by = by
        self.lasting: set[Pair] = set()
        self.passing: dict[Pair, tuple[Reason, str]] = {}
        self.timed: dict[Pair, str] = {}  # to the id of the object that gave it

    def keep(self, planning: Planning, survey: LinkSurvey, source: str, name: str, links: list[Link]) -> list[Link]:
        """Those of the missing links of a source that are to be made as links; the others are told."""
        kept = []
        for link in links:
            pair = (source, link.target)
            if pair not in self.lasting and (found := self.passing.get(pair)):
                planning.exclude(survey.spec, source, name, *found, survey.relationship.name, link.target)
            elif pair in self.lasting or pair not in self.timed:
                kept.append(link)
            elif not planning.fates.way(self._by, self.timed[pair]).comes:
                why = (
                    f"it was given for a time by {self._by}/{self.timed[pair]}, which this plan doesn't bring back"
                )
                told = (survey.relationship.name, link.target)
                planning.exclude(survey.spec, source, name, Reason.NEEDS_ACTION, why, *told)
        return kept

    def tell_unread(self, planning: Planning, survey: LinkSurvey) -> None:
        """Where what would tell could not be read to its end, links may be made that were given for a time."""
        if self._completeness.state not in _TOLD:
            why = f"whether links were given for a time is not known: {self._by} {self._completeness}"
            spec = survey.spec
            planning.exclude(spec, "", spec.title, Reason.NOT_COMPLETE, why, survey.relationship.name)


async def given_links(planning: Planning, snapshot: View, granted: Granted) -> GivenLinks:
    spec = planning.catalog.get(granted.by)
    assert spec.nature is not None
    completeness = snapshot.completeness(spec.name)
    given = GivenLinks(completeness, spec.name)
    async for entry, item in read_objects(snapshot, spec.name, snapshot.index(spec.name)):
        pair = (str(item.get(granted.source)), str(item.get(granted.target)))
        if not holds(granted.when, item):
            continue
        found = verdict(spec.nature, Told(completeness, {entry.id: item}), entry.id, planning.fates.now)
        if found.reason is not None:
            given.passing[pair] = found.reason, found.why
        elif found.end or found.start:
            given.timed[pair] = entry.id
        else:
            given.lasting.add(pair)
    return given
