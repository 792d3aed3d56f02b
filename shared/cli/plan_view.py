"""A restore plan in words: what the terminal, the HTML page and an approver are shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from shared.cli.conflicts_view import again_command, chosen_row, conflict_box
from shared.domain.objects import Json
from shared.domain.plan import (
    Access,
    AccessKind,
    Address,
    BlastRadius,
    Exclusion,
    ExpectedId,
    Forecast,
    Leaving,
    LicenceUnits,
    Mechanism,
    Operation,
    Reason,
    RestorePlan,
    Step,
    TierZeroGrant,
)
from shared.pages.page import MAX_ROWS, cut, members, render
from shared.pages.text import count, duration, moment

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

MECHANISMS = {
    Mechanism.BIN: "from the recycle bin",
    Mechanism.CREATE: "create again",
    Mechanism.PATCH: "change back",
    Mechanism.FINISH: "finish",
    Mechanism.LINK: "link again",
    Mechanism.ENABLE: "enable",
    Mechanism.UNLINK: "take a link away",
    Mechanism.REMOVE: "remove",
    Mechanism.REVOKE: "take a credential away",
    Mechanism.ACT: "end sessions",
    Mechanism.RENAME: "give a name up",
}

ADDRESSES = "Addresses that move, or name a domain of the tenant that they come from"

REASONS = {
    Reason.NEW_ID: "gets a new id",
    Reason.CONFLICT: "another live object holds its key",
    Reason.LOCK_OUT_GUARD: "left off: a break-glass account can't be proved to get in",
    Reason.SECRET: "secrets that can never be read back",
    Reason.COMPUTED: "computed by the service",
    Reason.WRITE_ONCE: "can be set only when the object is created",
    Reason.DYNAMIC: "membership made by a dynamic rule",
    Reason.SYNCED: "owned by the on-premises directory",
    Reason.FOREIGN: "owned by another tenant or by Azure",
    Reason.NEEDS_ACTION: "needs an action that is not supported yet",
    Reason.NOT_COMPLETE: "the snapshot or the live listing is not complete",
    Reason.DEAD_REFERENCE: "refers to something that is gone",
    Reason.ADDED_SINCE: "added since the snapshot, and nothing is deleted",
    Reason.OUT_OF_SCOPE: "out of the scope asked for",
    Reason.PASSING: "was an activation, which only its holder can repeat",
    Reason.ENDED: "would have ended by itself meanwhile",
    Reason.UNCLASSIFIED: "the snapshot doesn't tell whether it was an assignment or an activation",
    Reason.ERASED: "on the erasure list",
    Reason.CHOSEN: "left so by the operator's choice",
    Reason.DOMAIN: "needs a domain that the tenant it goes to has not verified",
    Reason.LICENCE: "a licence that the tenant it goes to doesn't have",
}


def forecast_line(forecast: Forecast) -> str:
    return (
        f"{count(forecast.operations, 'operation')}, {count(forecast.requests, 'request')}, "
        f"{count(forecast.resource_units, 'resource unit')}, about {duration(forecast.seconds)}"
    )


def by_reason(exclusions: Iterable[Exclusion]) -> list[tuple[Reason, list[Exclusion]]]:
    """Folded by reason, the most frequent first."""
    groups: defaultdict[Reason, list[Exclusion]] = defaultdict(list)
    for exclusion in exclusions:
        groups[exclusion.reason].append(exclusion)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0].value))


_SOON = timedelta(hours=72)
_TONES = {
    Mechanism.CREATE: "warn",
    Mechanism.ENABLE: "warn",
    Mechanism.BIN: "add",
    Mechanism.UNLINK: "warn",
    Mechanism.REMOVE: "warn",
    Mechanism.REVOKE: "warn",
    Mechanism.ACT: "warn",
    Mechanism.RENAME: "warn",
}


def mechanisms_line(operations: Sequence[Operation]) -> str:
    """`12 from the recycle bin, 3 create again`."""
    tally: dict[Mechanism, int] = dict.fromkeys(Mechanism, 0)
    for operation in operations:
        tally[operation.mechanism] += 1
    return ", ".join(f"{number:,} {MECHANISMS[mechanism]}" for mechanism, number in tally.items() if number)


def spelled(value: Json) -> str:
    """A request's path or a body's text with its markers in words."""
    if isinstance(value, dict):
        if set(value) == {"$id"}:
            return f"‹id now in place of {value['$id']}›"
        if set(value) == {"$password"}:
            return "‹initial password, made when sent›"
        if set(value) == {"$begins"}:
            return f"‹{value['$begins']}, or the day after it is sent›"
        if set(value) == {"$origin"}:
            return ""
        if set(value) == {"$join"} and isinstance(value["$join"], list):
            return "".join(spelled(part) for part in value["$join"])
    return value if isinstance(value, str) else str(value)


def leaving_soon(plan: RestorePlan) -> list[Leaving]:
    """What a recycle bin purges within three days of the plan."""
    return [one for one in plan.leaving if one.at < plan.created_at + _SOON]


def grant_line(grant: TierZeroGrant) -> str:
    """Who gets what by a grant of power over the tenant."""
    who = f"{grant.to_name} ({grant.to})" if grant.to_name else grant.to
    where = "" if grant.to == grant.target else f", by {grant.type} {grant.name} ({grant.target})"
    return f"{who} gets {grant.why}{where}"


ACCESS = {
    AccessKind.ACCOUNTS: "may sign in",
    AccessKind.GROUPS: "is in the group",
    AccessKind.ROLES: "holds the role",
    AccessKind.ELIGIBLE: "may activate the role",
    AccessKind.APPS: "has access to the application",
    AccessKind.POLICIES: "is under the policy",
}


def licence_row(units: LicenceUnits) -> tuple[str, str, str, str, str]:
    """Licence, units that the plan takes, more by hand, free, short of."""
    free = "not known" if units.free is None else f"{units.free:,}"
    short = f"{units.short:,}" if units.short else ""
    return units.name or units.sku, f"{units.needed:,}", f"{units.by_hand:,}", free, short


_NAMED = 10  # people in one line


def reach_line(reached: BlastRadius) -> str:
    if not reached.access:
        return "nobody's access changes, as far as can be told"
    return f"{count(reached.gaining, 'principal gains', 'principals gain')} something, {reached.losing:,} lose"


def widest(reached: BlastRadius) -> list[Access]:
    """What changes for most comes first, for everybody before all."""
    return sorted(
        reached.access,
        key=lambda one: (not (one.all_gain or one.all_lose), -(one.gained_by + one.lost_by), one.target),
    )


def who(access: Access, names: Mapping[str, str], *, gains: bool) -> str:
    """Who gains or loses a thing: the first by name, and how many more."""
    if access.all_gain if gains else access.all_lose:
        spared = _listed(access.spared, len(access.spared), names)
        return f"everybody but {spared}" if spared else "everybody"
    return _listed(access.gains, access.gained_by, names) if gains else _listed(access.loses, access.lost_by, names)


def _listed(ids: Sequence[str], number: int, names: Mapping[str, str]) -> str:
    shown = ids[:_NAMED]
    text = ", ".join(names.get(one) or one for one in shown)
    return f"{text} and {number - len(shown):,} more" if number > len(shown) else text


def address_fate(one: Address) -> str:
    """What becomes of it: the operator's map decides, so that each is shown."""
    left = f"still names {one.left}" if one.left else ""
    if one.old == one.new:
        return f"stays, and {left}"
    return f"{one.new} ({left})" if left else one.new


def wave_steps(plan: RestorePlan, number: int) -> list[Step]:
    return [step for step in plan.steps if step.wave == number]


# --- page ------------------------------------------------------------------------------------------------


def plan_page(
    plan: RestorePlan, digest: str, made_at: datetime, moving: Sequence[tuple[str, str]] = ()
) -> Iterable[str]:
    """`moving`: from which tenant into which, for a plan that goes into another."""
    names = {operation.target: operation.name for operation in plan.operations}
    waves = [
        {
            "anchor": f"w{wave.number}",
            "number": wave.number,
            "title": wave.title,
            "forecast": _forecast(wave.forecast),
            "step_count": len(wave_steps(plan, wave.number)),
            "steps": _steps(wave_steps(plan, wave.number), names, _where(plan)),
        }
        for wave in plan.waves
    ]
    new_ids: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for old, type_name in plan.new_ids.items():
        new_ids[type_name].append({"id": old, "name": names.get(old, "")})
    again = again_command(plan)
    context = {
        "facts": [
            ("Plan", plan.id),
            ("Digest", digest),
            ("Snapshot", plan.snapshot),
            ("Planned at", moment(plan.created_at)),
            ("Live as of", moment(plan.live_as_of)),
            *moving,
            ("Scope", scope_line(plan)),
            ("Despite the erasure list", ", ".join(plan.despite_erasure) or "nobody"),
            ("Break-glass accounts", ", ".join(plan.break_glass_ids) or "none set: no policy will be enabled"),
            ("Forecast", forecast_line(plan.forecast)),
            ("What it does", mechanisms_line(plan.operations)),
            ("Next", approve_command(plan)),
        ],
        "fighting": cut(
            [{"type": one.type, "name": one.name, "id": one.target, "why": one.why} for one in plan.fighting],
            _where(plan),
        ),
        "flags": [{"name": one.name, "why": one.why} for one in plan.flags],
        "reach": _reach(plan),
        "licences": [
            dict(zip(("name", "needed", "by_hand", "free", "short"), licence_row(one), strict=True))
            for one in plan.licences
        ],
        "tier_zero": _made(plan.tier_zero, _grant, _where(plan)),
        "untold": list(plan.untold),
        "leaving": cut(
            [
                {"at": moment(one.at), "type": one.type, "name": one.name, "id": one.target}
                for one in leaving_soon(plan)
            ],
            _where(plan),
        ),
        "addresses": cut(
            [
                {
                    "type": one.type,
                    "name": one.name,
                    "id": one.target,
                    "path": one.path,
                    "old": one.old,
                    "fate": address_fate(one),
                    "left": one.left,
                }
                for one in plan.addresses
            ],
            _where(plan),
        ),
        "addresses_title": ADDRESSES,
        "contents": [
            {"anchor": "waves", "text": count(len(plan.waves), "wave")},
            {"anchor": "reach", "text": "whose access changes"},
            {"anchor": "tierzero", "text": count(len(plan.tier_zero), "tier-0 grant")},
            {"anchor": "conflicts", "text": count(len(plan.conflicts), "conflict")},
            {"anchor": "exclusions", "text": f"{len(plan.exclusions):,} left as it is"},
            {"anchor": "newids", "text": count(len(plan.new_ids), "new id")},
        ],
        "waves": waves,
        "step_count": len(plan.steps),
        "forecast": _forecast(plan.forecast),
        "conflicts": _made(plan.conflicts, lambda one: conflict_box(one, again, _where(plan)), _where(plan)),
        "chosen": _made(plan.chosen, chosen_row, _where(plan)),
        "exclusions": [
            {
                "title": REASONS[reason],
                "count": f"{len(group):,}",
                **_made(group, _exclusion, _where(plan)),
            }
            for reason, group in by_reason(plan.exclusions)
        ],
        "new_ids": [
            {"title": type_name, "count": f"{len(rows):,}", **cut(rows, _where(plan))}
            for type_name, rows in sorted(new_ids.items())
        ],
    }
    return render("plan.html.j2", f"Restore plan {plan.id}", made_at, context, searched=True)


def approve_command(plan: RestorePlan) -> str:
    numbers = ",".join(str(wave.number) for wave in plan.waves)
    said = "".join(f" --acknowledge {name}" for name in sorted({name for wave in plan.waves for name in wave.asks}))
    named = " --tier-zero KEY" if plan.tier_zero else ""
    return f"holdfast approve {plan.id} --key FILE --waves {numbers}{said}{named}"


def scope_line(plan: RestorePlan) -> str:
    parts = [f"takes back {plan.undo_of}"] if plan.undo_of else []
    if plan.scope.types:
        parts.append("types " + ", ".join(plan.scope.types))
    if plan.scope.ids:
        more = " with what it depends on" if plan.scope.dependencies else ""
        parts.append(count(len(plan.scope.ids), "object") + more)
    if plan.scope.members:
        parts.append("only " + ", ".join(plan.scope.members))
    if plan.scope.contain:
        parts.insert(0, "containment: what was added and gives access goes, accounts are shut")
    if plan.scope.rescue:
        parts.append("only what recycle bins hold")
    if said := len(plan.scope.choices) + len(plan.scope.adopt):
        parts.append(f"with {count(said, 'word')} on conflicts")
    if plan.scope.prune:
        parts.append("what was added goes")
    return "; ".join(parts) or "everything"


def _where(plan: RestorePlan) -> str:
    return f"holdfast status {plan.id} --json"


def _forecast(forecast: Forecast) -> dict[str, str]:
    return {
        "operations": f"{forecast.operations:,}",
        "requests": f"{forecast.requests:,}",
        "units": f"{forecast.resource_units:,}",
        "time": duration(forecast.seconds),
    }


def _reach(plan: RestorePlan) -> dict[str, Any]:
    if plan.blast_radius is None:
        return {"told": "Not told: the live tenant was not read for this plan.", **cut([], _where(plan))}
    names = plan.blast_radius.names

    def row(one: Access) -> dict[str, str]:
        return {
            "what": ACCESS[one.kind],
            "name": one.name,
            "type": one.type,
            "target": one.target,
            "gains": who(one, names, gains=True),
            "loses": who(one, names, gains=False),
        }

    return {"told": f"{reach_line(plan.blast_radius)}.", **_made(widest(plan.blast_radius), row, _where(plan))}


def _grant(grant: TierZeroGrant) -> dict[str, str]:
    return {
        "key": grant.key,
        "wave": str(grant.wave),
        "who": grant.to_name,
        "to": grant.to,
        "why": grant.why,
        "type": grant.type,
        "name": grant.name,
        "target": grant.target,
    }


def _steps(steps: Sequence[Step], names: dict[str, str], where: str) -> dict[str, Any]:
    """Whole steps, as many as hold no more operations than a page takes of one wave."""
    shown, operations = 0, 0
    for step in steps:
        operations += max(1, len(step.operations))
        if operations > MAX_ROWS and shown:
            break
        shown += 1
    return _made(steps, lambda step: _step(step, names), where, shown)


def _made(rows: Sequence[T], make: Callable[[T], Any], where: str, limit: int = MAX_ROWS) -> dict[str, Any]:
    """Like `cut`, and only what is shown is made: a plan may have a hundred thousand of anything."""
    part = cut(rows, where, limit)
    return {**part, "rows": [make(row) for row in part["rows"]]}


def _step(step: Step, names: dict[str, str]) -> dict[str, Any]:
    return {
        "title": step.title,
        "count": count(len(step.operations), "operation") if step.operations else "gate",
        "facts": [("Step", step.id), ("Waits for steps", ", ".join(step.depends_on))],
        "operations": [_operation(operation, names) for operation in step.operations],
    }


def _operation(operation: Operation, names: dict[str, str]) -> dict[str, Any]:
    return {
        "mechanism": MECHANISMS[operation.mechanism],
        "tone": tone(operation.mechanism),
        "name": operation.name or operation.target,
        "type": operation.type,
        "guarded": operation.guarded,
        "facts": [
            ("Why", operation.why),
            ("Object", operation.target),
            ("Request", f"{operation.request.method} {spelled(operation.request.path)}"),
            ("Id", "a new one" if operation.expected_id is ExpectedId.NEW else "kept"),
            ("Recognised by", operation.anchor.property if operation.anchor else ""),
            ("Waits for operations", ", ".join(operation.after)),
            ("Initial password", "to the secret store" if operation.secret_for else ""),
        ],
        "members": before_and_after(operation, names),
    }


def before_and_after(operation: Operation, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """What it replaces and what it wants, by property. `names`: of objects by id, for links."""
    wanted: dict[str, Any] = dict(operation.wanted)
    if operation.mechanism is Mechanism.LINK:
        wanted = {
            name: [f"{names[target]} ({target})" if names.get(target) else target for target in targets]
            if isinstance(targets, list)
            else targets
            for name, targets in _texts(operation.wanted)
        }
    return members(operation.before, wanted)


def tone(mechanism: Mechanism) -> str:
    return _TONES.get(mechanism, "")


def _texts(wanted: dict[str, Json]) -> Iterable[tuple[str, Any]]:
    for name, targets in wanted.items():
        yield name, [str(target) for target in targets] if isinstance(targets, list) else targets


def _exclusion(exclusion: Exclusion) -> dict[str, str]:
    return {
        "name": exclusion.name,
        "target": exclusion.target,
        "type": exclusion.type,
        "member": exclusion.member,
        "why": exclusion.why,
    }
