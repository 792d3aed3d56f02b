"""`holdfast catalog`: what Holdfast declares about the tenant, for people and for the page of permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.catalog.spec import Latency, Reading, Tier
from shared.cli.covering import show_coverage
from shared.cli.foretelling import foretold
from shared.cli.screen import Answer
from shared.cli.session import Json, screen_of

if TYPE_CHECKING:
    from shared.catalog.registry import Catalog
    from shared.catalog.spec import Condition, MemberGroup, ObjectType, Relationship


def register(app: typer.Typer) -> None:
    app.command("catalog")(catalog)


def catalog(
    ctx: typer.Context,
    type_: Annotated[
        str,
        typer.Argument(
            metavar="[TYPE|METADATA]",
            help="One object type, in full; with --coverage, a file of Graph's metadata instead of Graph itself.",
        ),
    ] = "",
    permissions: Annotated[
        bool, typer.Option("--permissions", help="Only the Graph permissions, to read and to write.")
    ] = False,
    coverage: Annotated[
        bool,
        typer.Option("--coverage", help="What Graph's metadata declares that is neither read nor excluded."),
    ] = False,
    forecast: Annotated[
        str,
        typer.Option(
            "--forecast",
            metavar="USERS,GROUPS,APPS,SPS",
            help="What a full backup of a tenant of this size asks of Graph.",
        ),
    ] = "",
    as_json: Json = False,
) -> int:
    """Print what is declared of object types.

    Paths, relationships, permissions, wave, latency, mechanisms, drill, licence, quirks.

    Example: holdfast catalog groups
    """
    from shared.catalog.registry import CATALOG

    if coverage:
        return show_coverage(ctx, type_, as_json)
    screen = screen_of(ctx, as_json)
    if forecast:
        return screen.answer(foretold(forecast))
    specs = (CATALOG.get(type_),) if type_ else CATALOG.types
    if permissions:
        return screen.answer(_permissions(specs))
    if type_:
        return screen.answer(_one(specs[0], CATALOG))
    return screen.answer(_all(CATALOG))


def _all(catalog: Catalog) -> Answer:
    from shared.cli.render import table

    document = {"catalogVersion": catalog.version, "types": [document_of(spec, catalog) for spec in catalog.types]}
    overview = table(
        ("Type", "Path", "Relationships", "Wave", "A change shows in", "Comes back by"),
        [
            (
                spec.name,
                spec.list_path,
                ", ".join(relationship.name for relationship in spec.relationships),
                f"{spec.wave:d}",
                _LATENCY[spec.latency],
                _mechanisms(spec),
            )
            for spec in catalog.types
        ],
        title=f"Catalog {catalog.version}",
    )
    return Answer(document, (overview,))


def _one(spec: ObjectType, catalog: Catalog) -> Answer:
    from shared.cli.render import facts, heading, table

    view = [
        heading(f"{spec.name}: {spec.title}"),
        facts(
            [
                ("Path", spec.list_path),
                ("Graph type", spec.odata_type),
                ("Contained in", f"{spec.parent}.{spec.parent_relationship}" if spec.parent else ""),
                ("Wave", f"{spec.wave:d} ({spec.wave.name.lower().replace('_', ' ')})"),
                ("Read", f"{_READING[spec.reading]}, {_TIER[catalog.tier(spec)]}"),
                ("Off by itself", spec.off_because),
                ("Properties", ", ".join(spec.select) or "all that Graph shows without being asked"),
                ("A change shows in", _LATENCY[spec.latency]),
                ("Throttle class", spec.throttle.value),
                ("Comes back by", _mechanisms(spec)),
                ("Not created anew", spec.not_created),
                ("Recognised by", "; ".join(_match_keys(spec))),
                ("Drill", ": ".join(filter(None, (spec.drill.value, spec.no_drill)))),
                (
                    "Power over the tenant",
                    f"{spec.tier_zero.why} ({spec.tier_zero.source})" if spec.tier_zero else "",
                ),
                ("Approved only with", f"--acknowledge {spec.second_look}" if spec.second_look else ""),
                ("Licence", f"{spec.licence.name} ({spec.licence.source})" if spec.licence else ""),
                ("Asked for besides", "; ".join(f"{one.name}: {_group(one)}" for one in spec.member_groups)),
                ("Permissions to read", _spell(spec.needs_to_read)),
                ("Permissions to write", _spell(spec.needs_to_write)),
                ("… which is in no list", spec.write_by_choice),
                *(
                    (f"… where {_condition(extra.when)}", " or ".join(extra.permissions))
                    for extra in spec.needs_to_write_also
                ),
                ("Written by PATCH", ", ".join(spec.writable)),
                ("With paths of their own", ", ".join(one.member for one in spec.apart)),
                ("Set once it exists", ", ".join(spec.set_after)),
                ("Set at creation only", ", ".join(spec.create_only)),
                ("Needs an action, not restored", ", ".join(spec.action_only)),
                ("Never readable", ", ".join(spec.secret)),
                ("Not compared", ", ".join(spec.volatile)),
                ("Replaced whole", ", ".join(spec.whole)),
            ]
        ),
    ]
    if spec.relationships:
        view.append(
            table(
                ("Relationship", "Path", "Leads to", "Written by", "Permissions to read"),
                [
                    (
                        relationship.name,
                        spec.relationship_path(relationship),
                        ", ".join(relationship.target_types),
                        f"objects of {relationship.contains}"
                        if relationship.contains
                        else relationship.write.value,
                        _spell(relationship.needs_to_read),
                    )
                    for relationship in spec.relationships
                ],
                title="Relationships",
            )
        )
    if spec.quirks:
        view.append(
            table(
                ("Quirk", "Source"),
                [
                    (quirk.about, quirk.source + (" (unverified)" if quirk.unverified else ""))
                    for quirk in spec.quirks
                ],
                title="Quirks",
            )
        )
    return Answer(document_of(spec, catalog), tuple(view))


def _permissions(specs: tuple[ObjectType, ...]) -> Answer:
    from shared.cli.render import facts, table

    read, write = _needs(specs, write=False), _needs(specs, write=True)
    document = {
        "read": [list(group) for group in read],
        "write": [list(group) for group in write],
        "types": {
            spec.name: {
                "read": [list(group) for group in _needs((spec,), write=False)],
                "write": [list(group) for group in _needs((spec,), write=True)],
            }
            for spec in specs
        },
    }
    view = (
        table(
            ("Type", "To read (backup app)", "To write (restore app)"),
            [
                (spec.name, _spell(_needs((spec,), write=False)), _spell(_needs((spec,), write=True)))
                for spec in specs
            ],
        ),
        facts([("Together, to read", _spell(read)), ("Together, to write", _spell(write))]),
    )
    return Answer(document, view)


# --- the declaration as a document -----------------------------------------------------------------------

_LATENCY = {
    Latency.A: "one feed or list (A)",
    Latency.B: "a reading of each parent (B)",
    Latency.C: "the next full that reads it (C)",
}

_READING = {
    Reading.SINGLETON: "by itself",
    Reading.LIST: "by its list",
    Reading.LIST_AND_DELTA: "by its list and what changes meanwhile",
    Reading.SERIES: "by what happened since the last run",
    Reading.NOT_READ: "by no app-only identity",
    Reading.EACH: "by one request for each object",
    Reading.WITH_PARENT: "with its parents",
}

_TIER = {
    Tier.EVERY_FULL: "in every full",
    Tier.ROLLING: "some parents a day",
    Tier.OPT_IN: "where it is asked for",
}


def document_of(spec: ObjectType, catalog: Catalog) -> dict[str, Any]:
    return {
        "name": spec.name,
        "title": spec.title,
        "path": spec.list_path,
        "version": spec.version,
        "read": spec.reading.value,
        "tier": catalog.tier(spec).value,
        "offBecause": spec.off_because or None,
        "facetOf": spec.facet.of if spec.facet else None,
        "select": list(spec.select),
        "odataType": spec.odata_type,
        "parent": spec.parent or None,
        "wave": int(spec.wave),
        "latency": spec.latency.value,
        "drill": spec.drill.value,
        "noDrill": spec.no_drill or None,
        "throttleClass": spec.throttle.value,
        "licence": spec.licence.name if spec.licence else None,
        "restore": {
            "mechanisms": [mechanism.value for mechanism in spec.mechanisms],
            "whyNot": spec.evidence_only or None,
            "notCreated": spec.not_created or None,
        },
        "matchKeys": [
            {"properties": list(key.properties), "strength": key.strength.value} for key in spec.match_keys
        ],
        "permissions": {
            **_permissions_of(spec),
            "writeSome": [
                {
                    "when": {"path": extra.when.path, "values": list(extra.when.values)},
                    "anyOf": list(extra.permissions),
                }
                for extra in spec.needs_to_write_also
            ],
        },
        "writable": list(spec.writable),
        "apart": [
            {"member": one.member, "path": f"{spec.item_path}/{one.path}", "file": one.file} for one in spec.apart
        ],
        "setAfter": list(spec.set_after),
        "createOnly": list(spec.create_only),
        "actionOnly": list(spec.action_only),
        "secret": list(spec.secret),
        "volatile": list(spec.volatile),
        "whole": list(spec.whole),
        "memberGroups": [
            {
                "name": group.name,
                "members": list(group.members),
                "declaredBy": group.found.declared_by if group.found is not None else None,
                "permissions": _permissions_of(group),
            }
            for group in spec.member_groups
        ],
        "relationships": [
            {
                "name": relationship.name,
                "path": spec.relationship_path(relationship),
                "targetTypes": list(relationship.target_types),
                "contains": relationship.contains or None,
                "write": relationship.write.value,
                "many": relationship.many,
                "tier": relationship.tier.value,
                "rollingDays": relationship.rolling_days or None,
                "permissions": _permissions_of(relationship),
            }
            for relationship in spec.relationships
        ],
        "references": [
            {"path": reference.path, "to": list(reference.to), "key": reference.key}
            for reference in spec.references
        ],
        "quirks": [
            {"about": quirk.about, "source": quirk.source, "unverified": quirk.unverified} for quirk in spec.quirks
        ],
    }


def _group(group: MemberGroup) -> str:
    what = ", ".join(group.members) if group.found is None else f"what {group.found.declared_by} declare"
    return f"{what} ({_spell(group.needs_to_read)})"


def _permissions_of(declared: ObjectType | Relationship | MemberGroup) -> dict[str, list[list[str]]]:
    """All of, each any of."""
    return {
        "read": [list(group) for group in declared.needs_to_read],
        "write": [list(group) for group in declared.needs_to_write],
    }


def _mechanisms(spec: ObjectType) -> str:
    if spec.evidence_only:
        return f"nothing: {spec.evidence_only}"
    return ", ".join(mechanism.value for mechanism in spec.mechanisms)


def _match_keys(spec: ObjectType) -> list[str]:
    return [f"{' + '.join(key.properties)} ({key.strength.value})" for key in spec.match_keys]


def _needs(specs: tuple[ObjectType, ...], *, write: bool) -> list[tuple[str, ...]]:
    groups: set[tuple[str, ...]] = set()
    for spec in specs:
        if spec.tier is Tier.OPT_IN:
            continue
        groups.update(spec.needs_to_write if write else spec.needs_to_read)
        if write:
            groups.update(extra.permissions for extra in spec.needs_to_write_also)
        asked = (one for one in spec.relationships if one.tier is not Tier.OPT_IN)
        parts: tuple[Relationship | MemberGroup, ...] = (*asked, *spec.member_groups)
        for part in parts:
            groups.update(part.needs_to_write if write else part.needs_to_read)
    return sorted(groups)


def _condition(condition: Condition) -> str:
    return f"{condition.path} is {' or '.join(str(value) for value in condition.values)}"


def _spell(groups: list[tuple[str, ...]] | tuple[tuple[str, ...], ...]) -> str:
    """All of, each any of: `A or B; C`."""
    return "; ".join(" or ".join(group) for group in groups)
