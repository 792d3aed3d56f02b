"""Access reviews come back about what they were about, and never begin in the past. What must stay true: one that
was over doesn't begin once more, and what no change can mend is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.domain.plan import Reason
from tests.restore_planned import Planned, planned, purge
from tests.simulator.service import Service

Obj = dict[str, Any]
TABLE = "accessReviewDefinitions"
ONE, ALL, STAGED, OVER = (
    "Members of a group, by a person",
    "Guests of all Microsoft 365 groups",
    "Security administrators, in two stages",
    "Once, and over",
)


def reviews(service: Service) -> dict[str, Obj]:
    return {str(one["displayName"]): dict(one) for one in service.store.tables[TABLE].values()}


def start_of(review: Obj) -> str:
    return str(review["settings"]["recurrence"]["range"]["startDate"])


def group_of(service: Service) -> str:
    return str(reviews(service)[ONE]["instanceEnumerationScope"]["query"]).removeprefix("/groups/")


def told(case: Planned) -> dict[str, tuple[Reason, str]]:
    named = {one.name: (one.reason, one.why) for one in case.world.plan.exclusions if one.type == TABLE}
    return {name: named[name] for name in sorted(named)}


async def test_what_was_purged_comes_back_about_the_new_group_and_begins_tomorrow() -> None:
    def damage(service: Service) -> None:
        for review in reviews(service).values():
            purge(service, TABLE, review["id"])
        purge(service, "groups", gone[0])

    before: dict[str, Obj] = {}
    gone: list[str] = []

    def note(service: Service) -> None:
        before.update(reviews(service))
        gone.append(group_of(service))

    case = await planned(damage, prepare=note)
    await case.run()
    report = await case.report()
    assert report.unexpected == ()
    after = reviews(case.world.service)
    assert sorted(after) == sorted((ONE, ALL, STAGED))
    new = group_of(case.world.service)
    assert new != gone[0]
    assert new in case.world.service.store.tables["groups"]
    assert after[ONE]["scope"]["query"] == f"/groups/{new}/transitiveMembers"
    today = case.world.clock.now().date()
    for name, review in after.items():
        assert today.isoformat() < start_of(review) <= (today + timedelta(days=1)).isoformat()
        for member in ("reviewers", "fallbackReviewers", "stageSettings"):
            assert said(review.get(member)) == said(before[name].get(member)), (name, member)
    assert after[STAGED]["scope"]["@odata.type"] == "#microsoft.graph.principalResourceMembershipsScope"
    assert after[ALL]["settings"]["applyActions"] == before[ALL]["settings"]["applyActions"]
    (over,) = [one for one in case.world.plan.exclusions if one.target == before[OVER]["id"]]
    assert "begin once more" in over.why


def said(value: Any) -> Any:
    """Without what says nothing: an object that is made anew lacks its nulls."""
    if isinstance(value, dict):
        return {name: said(member) for name, member in value.items() if member not in (None, [])}
    return [said(one) for one in value or []] if isinstance(value, list | None) else value


async def test_what_no_change_can_mend_is_told_and_the_rest_goes_back() -> None:
    def damage(service: Service) -> None:
        purge(service, "groups", group_of(service))
        review = reviews(service)[ALL]
        whom = [{"query": f"/users/{sorted(service.store.tables['users'])[0]}", "queryType": "MicrosoftGraph"}]
        with service.store.transaction("PUT", "", "somebody"):
            changed = {**review, "reviewers": whom, "descriptionForAdmins": "Never"}
            service.store.put(TABLE, review["id"], changed)

    case = await planned(damage)
    assert told(case)[ONE][0] is Reason.WRITE_ONCE
    assert "can be set only when the object is created" in told(case)[ONE][1]
    assert told(case)[ALL][0] is Reason.WRITE_ONCE
    await case.run()
    assert (await case.report()).unexpected == ()
    after = reviews(case.world.service)[ALL]
    assert after["descriptionForAdmins"] == "Every quarter"
    assert after["reviewers"][0]["query"].startswith("/users/")
    assert start_of(after) == "2024-05-05"
