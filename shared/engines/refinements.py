"""The order between a set of values and the objects that refine some of them.

A value is there before an object of the plan names it, and goes only after none names it any more: Graph refuses
both otherwise. Where values come and others go, that takes two writes, with the objects between them.
"""

from __future__ import annotations

from dataclasses import replace

from shared.catalog.spec import Action
from shared.domain.objects import Json, JsonObject
from shared.domain.plan import Mechanism, Operation, Reason
from shared.engines.drafts import Draft, Drafter, Phase
from shared.engines.plan_objects import Planning


def order_refined(planning: Planning) -> None:
    """Puts the drafts that change such values before and after those of the objects that refine them, and tells of
    each added object that may stand in the way: it stays, and Graph may not let go of what it refines."""
    for draft in list(planning.drafts):
        for action in draft.spec.actions:
            if draft.operation.mechanism is Mechanism.PATCH and action.refined_by and _writes(draft, action):
                _order(planning, draft, action)


def _writes(draft: Draft, action: Action) -> bool:
    return action.member in draft.operation.wanted


def _order(planning: Planning, draft: Draft, action: Action) -> None:
    before, wanted = _values(draft.operation.before, action), _values(draft.operation.wanted, action)
    comes, goes = [one for one in wanted if one not in before], [one for one in before if one not in wanted]
    if goes:
        _tell_added(planning, draft, action)
    parts = [
        one for one in planning.drafts if one.spec.name == action.refined_by and one.lock == draft.operation.target
    ]
    if not parts:
        return
    if comes:
        if goes:
            planning.drafts.append(_widened(planning.drafter, draft, action, [*before, *comes]))
        else:
            draft.settles, draft.phase = True, Phase.SHELL
        for part in parts:
            part.needs.add(draft.key)
    if goes:
        draft.needs_whole |= {part.key for part in parts}


def _values(members: JsonObject, action: Action) -> list[Json]:
    values = members.get(action.member)
    return values if isinstance(values, list) else []


def _widened(drafter: Drafter, draft: Draft, action: Action, values: list[Json]) -> Draft:
    """A draft that only adds what comes."""
    old = draft.operation
    members: JsonObject = {action.member: values}
    widening: Operation = replace(
        old,
        id=drafter.operation_id(old.mechanism, draft.key, f"{action.path}\x00widened"),
        why=f"{old.why} What comes is added first: the {action.refined_by} that refine it need it, and those that "
        "refine what goes are changed in between.",
        request=replace(old.request, body=members),
        before={action.member: old.before.get(action.member)},
        wanted=members,
    )
    return draft.ahead(widening, members, draft.needs)


def _tell_added(planning: Planning, draft: Draft, action: Action) -> None:
    operation = draft.operation
    for entry in planning.fates.surveys[action.refined_by].added:
        if entry.parent == operation.target:
            why = (
                f"{action.refined_by}/{entry.id} was added since the snapshot, and stays. If it refines a value "
                "that has to go, Graph refuses to take that away: delete it, then plan this object again"
            )
            planning.exclude(
                draft.spec, operation.target, operation.name, Reason.ADDED_SINCE, why, action.member, entry.id
            )
