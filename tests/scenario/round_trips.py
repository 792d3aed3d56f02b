"""Each type there and back: seed → backup → change or purge → restore → equal.

`python -m tests.scenario.round_trips` prints the table of types by what was shown of them. Truth is the simulated
tenant's own tables and links, all of them, compared without ids of its own objects: whatever named an object that
was made anew must name the new one.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from shared.engines.report import Report
from tests.changes import changed
from tests.must_come_back import MUST, Must
from tests.restore_planned import Planned, planned, purge
from tests.simdirectory import scripted
from tests.simulator import plain
from tests.simulator.service import Service

Obj = dict[str, Any]
# What tells of the restore itself, and moves with any write.
_PASSING = frozenset(
    (
        "createdDateTime",
        "createdDate",
        "modifiedDateTime",
        "lastModifiedDateTime",
        "updatedDateTime",
        "modifiedBy",
        "createdBy",
        "lastModifiedBy",
        "version",
    )
)
_NOT_COMPARED = ("directoryAudits",)


def rows(service: Service, must: Must) -> list[Obj]:
    """The objects that a row of the list is about."""
    found = service.store.tables[must.table].values()
    return [one for one in found if all(one.get(name) == value for name, value in must.only.items())]


def path_of(must: Must, obj: Obj) -> str:
    row = plain.ROWS[must.table]
    version = row.versions[0]
    path = row.item.replace("{id}", str(obj.get("_parent", obj["id"]))).replace("{child}", str(obj["id"]))
    return f"/{version}{path}"


def change_all(service: Service, must: Must) -> None:
    """Every property that must go back, on every object."""
    row = plain.ROWS[must.table]
    for obj in rows(service, must):
        shown = plain.shown(row, obj, beta=True)
        body = changed(plain.model_of(row, obj), shown, must.changed, must.values)
        if row.whole:
            kept = {name: value for name, value in shown.items() if name not in row.rule.read_only}
            body = {**kept, **body}
        if row.kinds:
            body["@odata.type"] = obj["@odata.type"]
        scripted(service, "PUT" if row.whole else "PATCH", path_of(must, obj), body)


def purge_all(service: Service, must: Must) -> None:
    for obj in list(rows(service, must)):
        if service.store.get(must.table, obj["id"]) is not None:
            purge(service, must.table, obj["id"])


@dataclass(frozen=True)
class Truth:
    """All of the tenant, with the ids of its objects replaced by what tells one from another."""

    tables: dict[str, list[str]]
    links: dict[str, list[str]]


def truth(service: Service, musts: Iterable[Must]) -> Truth:
    by = {must.table: must.by for must in musts if must.anew}
    names: dict[str, str] = {}
    for table, properties in by.items():
        for key, obj in service.store.tables[table].items():
            told = "|".join(json.dumps(obj.get(name), sort_keys=True) for name in properties)
            names[key] = f"<{table} {told}>"
    tables = {
        table: sorted(_told(obj, names) for obj in objects.values())
        for table, objects in service.store.tables.items()
        if table not in _NOT_COMPARED and not table.startswith("bin:")
    }
    links = {
        rel: sorted(
            f"{_named(source, names)} -> {_named(target, names)}"
            for source, ends in held.items()
            for target in ends
        )
        for rel, held in service.store.forward.items()
        if any(held.values())
    }
    return Truth(tables, links)


def _named(text: str, names: dict[str, str]) -> str:
    head, slash, key = text.rpartition("/")
    return f"{head}{slash}{names.get(key, key)}"


def _told(obj: Obj, names: dict[str, str]) -> str:
    kept = _plain({name: value for name, value in obj.items() if name not in _PASSING})
    text = json.dumps(kept, sort_keys=True)
    for key, name in names.items():
        if key in text:
            text = text.replace(json.dumps(key)[1:-1], name.replace('"', "'"))
    return text


def _plain(value: Any) -> Any:
    """Null, absent and empty say the same; order in lists is each type's own matter and not looked at here."""
    if isinstance(value, dict):
        plain_members = {name: _plain(member) for name, member in value.items()}
        return {name: member for name, member in plain_members.items() if member not in (None, [], "", {})}
    if isinstance(value, list):
        return sorted((_plain(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    return value


async def restored(case: Planned) -> Report:
    await case.run()
    case.world.clock.advance(721)
    confirmed = await case.confirm()
    assert confirmed.report is not None, confirmed.why
    return confirmed.report


def differences(before: Truth, after: Truth) -> list[str]:
    """Every line that one has and the other hasn't."""
    found = []
    for was, now, kind in ((before.tables, after.tables, "objects"), (before.links, after.links, "links")):
        for name in sorted(was.keys() | now.keys()):
            old, new = was.get(name, []), now.get(name, [])
            if old != new:
                lost, extra = sorted(set(old) - set(new)), sorted(set(new) - set(old))
                found += [f"{kind} of {name}: lost {one}" for one in lost]
                found += [f"{kind} of {name}: extra {one}" for one in extra]
                found += [f"{kind} of {name}: another number"] if not (lost or extra) else []
    return found


async def there_and_back(musts: tuple[Must, ...], *, anew: bool, lag: float = 0.0) -> tuple[list[str], Report]:
    """Damages every object of these types, restores, and tells what differs from before."""
    before: list[Truth] = []

    def damage(service: Service) -> None:
        before.append(truth(service, musts))
        for must in musts:
            assert rows(service, must), f"the seed has no {must.table}"
            (purge_all if anew else change_all)(service, must)
        assert truth(service, musts) != before[0]

    case = await planned(damage, lag=lag)
    report = await restored(case)
    return differences(before[0], truth(case.world.service, musts)), report


def changing() -> tuple[Must, ...]:
    return tuple(must for must in MUST if must.changed)


def renewing() -> tuple[Must, ...]:
    return tuple(must for must in MUST if must.anew)


async def _table(only: tuple[str, ...]) -> int:
    bad = 0
    print(f"{'type':56} {'changed back':14} {'made anew'}")
    for must in MUST:
        if only and must.table not in only:
            continue
        cells = []
        for wanted, anew, why in ((must.changed, False, must.not_changed), (must.anew, True, must.not_anew)):
            if not wanted:
                cells.append(f"no: {why}")
                continue
            try:
                found, _ = await there_and_back((must,), anew=anew)
            except AssertionError as error:
                found = [str(error)]
            bad += bool(found)
            cells.append(f"FAILED: {found[:2]}" if found else "yes" if anew else f"yes ({len(must.changed)})")
        print(f"{must.table:56} {cells[0]:14} {cells[1]}")
    return bad


if __name__ == "__main__":
    sys.exit(asyncio.run(_table(tuple(sys.argv[1:]))))
