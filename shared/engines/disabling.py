"""Items of a list that must be disabled before they go or change: Graph refuses to touch one that is enabled.

What is added to an application after a snapshot, such as an app role, is enabled as a rule. So that taking it away
doesn't fail with all that is written together with it, a first operation disables such items and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shared.domain.objects import Json, JsonObject
from shared.domain.plan import Mechanism
from shared.engines.drafts import Draft
from shared.engines.plan_objects import Planning

_ENABLED = "isEnabled"


def disable_first(planning: Planning) -> None:
    """Puts an operation before each that takes away or changes enabled items of a declared list."""
    for draft in list(planning.drafts):
        if draft.operation.mechanism is Mechanism.PATCH and draft.spec.disabled_first:
            _split(planning, draft)


def _split(planning: Planning, draft: Draft) -> None:
    operation = draft.operation
    lessened: JsonObject = {}
    for path in draft.spec.disabled_first:
        member = path.partition(".")[0]
        if member not in operation.wanted:
            continue
        before = lessened.get(member, operation.before.get(member))
        held = _disabled(before, operation.wanted[member], path.split(".")[1:])
        if held != before:
            lessened[member] = held
    if not lessened:
        return
    form = planning.forms[draft.spec.name]
    body = {name: form.written(name, value, operation.before.get(name)) for name, value in lessened.items()}
    first = replace(
        operation,
        id=planning.drafter.operation_id(operation.mechanism, draft.key, "\x00disabled"),
        why=f"Disables what goes or changes in {', '.join(sorted(lessened))}: Graph takes away nothing enabled.",
        request=replace(operation.request, body=body),
        before={name: operation.before.get(name) for name in lessened},
        wanted=dict(body),
    )
    planning.drafts.append(draft.ahead(first, lessened))


def _disabled(before: Json, wanted: Json, steps: list[str]) -> Json:
    """The value as it is now, with each enabled item that goes or changes disabled."""
    if steps:
        if not isinstance(before, dict) or not isinstance(before.get(steps[0]), list | dict):
            return before
        inner = wanted.get(steps[0]) if isinstance(wanted, dict) else None
        return {**before, steps[0]: _disabled(before[steps[0]], inner, steps[1:])}
    if not isinstance(before, list):
        return before
    kept = {str(one.get("id")): one for one in wanted if isinstance(one, dict)} if isinstance(wanted, list) else {}
    return [
        {**one, _ENABLED: False} if isinstance(one, dict) and _must_be_disabled(one, kept) else one
        for one in before
    ]


def _must_be_disabled(item: Mapping[str, Json], kept: Mapping[str, JsonObject]) -> bool:
    if item.get(_ENABLED) is not True:
        return False
    stays = kept.get(str(item.get("id")))
    if stays is None:
        return True
    return any(stays[name] != item.get(name) for name in stays if name != _ENABLED)
