"""`docs/object-types.md`: what is read of each type, what comes back and how, and what can't. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from infra.graph.markdown import any_of, code, table
from shared.catalog.registry import Catalog
from shared.catalog.spec import (
    Condition,
    Drill,
    Extra,
    LinkWrite,
    ObjectType,
    Protected,
    Reading,
    Relationship,
    Tier,
)
from shared.cli.plan_view import REASONS
from shared.domain.plan import Mechanism

FILE: Final = Path(__file__).parents[2] / "docs" / "object-types.md"

_INTRO: Final = """\
# Object types

Made from the catalog by `python -m infra.graph lists`; change the catalog, not this page. What each app may do is \
in [`permissions.md`](permissions.md). `holdfast catalog TYPE` prints the same, and `holdfast catalog --json` all \
of it as one document.

Every type that isn't off by itself is read whole in each full backup, and the snapshot says of each type and \
relationship whether that was complete. What Graph sends is kept as it came, unknown properties too; what is \
listed under *properties* is asked for by name, because Graph shows fewer unasked. What is named neither under \
*created* nor under *changed* is kept and shown in diffs, and never written. A tenant without the licence of a \
type has no such objects, and the snapshot says `notLicensed` where Graph does.
"""

_READING: Final = {
    Reading.SINGLETON: "by itself",
    Reading.LIST: "by its list, until two readings are the same where it takes more than one answer",
    Reading.LIST_AND_DELTA: "by its list, and what changes meanwhile by delta",
    Reading.SERIES: "by what happened since a little before the last run",
    Reading.NOT_READ: "by no app-only identity",
    Reading.EACH: "by one request for each object",
    Reading.WITH_PARENT: "with each parent",
}
_COLUMNS: Final = (
    (Mechanism.BIN, "Bin"),
    (Mechanism.CREATE, "Created"),
    (Mechanism.PATCH, "Changed"),
    (Mechanism.LINK, "Linked"),
    (Mechanism.ENABLE, "Enabled"),
)
_LINKS: Final = {
    LinkWrite.BIND: "linked again, up to 20 in one write",
    LinkWrite.REF: "linked again, one by one",
    LinkWrite.PUT_REF: "set again",
    LinkWrite.FAR_REF: "linked again, one by one, on the other end",
    LinkWrite.FAR_ACTION: "linked again, one by one, by an action of the other end",
    LinkWrite.NONE: "shown, and not written",
}


def document(catalog: Catalog) -> str:
    """The text of `docs/object-types.md`."""
    sections = (_INTRO, _overview(catalog), *(_section(spec) for spec in catalog.types))
    return "\n".join(sections)


def _anchor(spec: ObjectType) -> str:
    return f"[{spec.title}](#{spec.name.lower()})"


def _overview(catalog: Catalog) -> str:
    rows = (
        (
            _anchor(spec),
            *("yes" if mechanism in spec.mechanisms else "" for mechanism, _ in _COLUMNS),
            ", ".join(one.name for one in spec.relationships),
            spec.licence.name if spec.licence else "",
        )
        for spec in catalog.types
    )
    return table(("Type", *(title for _, title in _COLUMNS), "Relationships", "Licence beyond Entra ID Free"), rows)


def _section(spec: ObjectType) -> str:
    facts = "".join(f"- **{title}**: {text}\n" for title, text in _facts(spec) if text)
    parts = [f"## {spec.name}\n", f"{spec.title}. Graph type `{spec.odata_type.removeprefix('#')}`.\n", facts]
    if spec.relationships:
        titles = ("Relationship", "Path", "Leads to", "Comes back", "Permissions to read", "More to write")
        parts.append(table(titles, (_relationship(spec, one) for one in spec.relationships)))
    if lost := "".join(f"- {line}\n" for line in _lost(spec)):
        parts.append(f"What doesn't come back:\n\n{lost}")
    if spec.quirks:
        lines = (
            f"- {quirk.about} ({quirk.source}{'; unverified' if quirk.unverified else ''})\n"
            for quirk in spec.quirks
        )
        parts.append(f"Good to know:\n\n{''.join(lines)}")
    return "\n".join(parts)


def _facts(spec: ObjectType) -> Iterator[tuple[str, str]]:
    yield "Read", f"`{spec.list_path}`, {_READING[spec.reading]}"
    for relationship in spec.relationships:
        if relationship.tier is Tier.ROLLING:
            often = f"of one in {relationship.rolling_days} a day, and of all the first time"
            yield f"{relationship.name} is read", f"{often}; the manifest says how old a part is"
        if relationship.tier is Tier.OPT_IN:
            name = f"{spec.name}.{relationship.name}"
            why = f"{relationship.off_because}; `HOLDFAST_OPT_IN={name}` turns it on"
            yield f"{relationship.name} is off by itself", why
        if relationship.write_by_choice:
            yield f"{relationship.name} is written where the owner adds what it takes", relationship.write_by_choice
    if spec.tier is Tier.OPT_IN:
        yield "Off by itself", f"{spec.off_because}; `HOLDFAST_OPT_IN={spec.name}` turns it on"
    yield "Properties", code(spec.select) or "all that Graph shows"
    if spec.apart:
        yield "Read besides, each by its own path", code(one.member for one in spec.apart)
    yield "Permissions to read", any_of(spec.needs_to_read)
    for group in spec.member_groups:
        what = code(group.members) if group.found is None else f"whatever {group.found.declared_by} declare"
        yield f"Read besides ({group.name})", f"{what}; needs {any_of(group.needs_to_read)}"
    if not spec.evidence_only:
        yield "Permissions to write", _to_write(spec)
    if spec.bin is not None:
        yield "Bin", f"restored with its old id{_bin_limits(spec)}"
    if spec.create is not None:
        kept = "under its old id" if spec.chooses_id else "with a new id"
        password = ", with a new password" if spec.create.password else ""
        once = f"; set then and never after: {code(spec.create_only)}" if spec.create_only else ""
        yield "Created", f"{kept}{password}{once}"
    yield "Changed", code((*spec.writable, *spec.set_after))
    if spec.enabling is not None:
        yield "Enabled", f"`{spec.enabling.property}` starts as `{spec.enabling.off}` and is set back last"
    yield "Recognised by", "; ".join(f"{code(key.properties)} ({key.strength.value})" for key in spec.match_keys)
    yield "In another tenant", "; ".join(_elsewhere(spec))
    yield "Names objects of", ", ".join(dict.fromkeys(to for one in spec.references for to in one.to))
    yield "Licence", f"{spec.licence.name} ({spec.licence.source})" if spec.licence else "none beyond Entra ID Free"
    yield "Drill", spec.drill.value + (f": {spec.no_drill}" if spec.drill is Drill.NONE else "")
    yield "A change shows in", spec.latency.value


def _elsewhere(spec: ObjectType) -> Iterator[str]:
    """What a restore into another tenant does otherwise than at home."""
    if same := [code(key.properties) for key in spec.match_keys if key.across]:
        yield f"the same thing where {' or '.join(same)} is"
    if spec.one_per_tenant or (spec.singleton and not spec.parent):
        yield "each tenant has one"
    if texts := [one.path for one in spec.domain_names if not one.address]:
        yield f"domains change in {code(texts)}"
    if addresses := [one.path for one in spec.domain_names if one.address]:
        yield f"hosts change in {code(addresses)}"
    if verified := [one.path for one in spec.domain_names if one.verified]:
        yield f"only such as are verified there in {code(verified)}"
    if spec.stays_behind is not None:
        yield f"stays behind: {spec.stays_behind.why}"
    for one in spec.protected:
        if one.elsewhere:
            yield f"where {_condition(one.when)}: {one.elsewhere}"


def _bin_limits(spec: ObjectType) -> str:
    if spec.bin is None or spec.bin.refused_when is None:
        return ""
    return f", but not where {_condition(spec.bin.refused_when)}: {spec.bin.refused_why}"


def _to_write(spec: ObjectType) -> str:
    choice = f"; in no list, because {spec.write_by_choice}: the owner may add it" if spec.write_by_choice else ""
    return any_of(spec.needs_to_write) + "".join(map(_extra, spec.needs_to_write_also)) + choice


def _extra(extra: Extra) -> str:
    return f"; where {_condition(extra.when)} {any_of([extra.permissions])}, too"


def _relationship(spec: ObjectType, one: Relationship) -> tuple[str, ...]:
    back = f"as [{one.contains}](#{one.contains.lower()})" if one.contains else _LINKS[one.write]
    if one.computed_when is not None:
        back += f"; not where {_condition(one.computed_when)} ({REASONS[one.computed_why]})"
    path, targets = f"`{spec.relationship_path(one)}`", ", ".join(one.target_types)
    more = [group for group in one.needs_to_write if group not in spec.needs_to_write]
    return one.name, path, targets, back, any_of(one.needs_to_read), any_of(more)


def _lost(spec: ObjectType) -> Iterator[str]:
    if spec.not_read:
        yield f"All of it: {spec.not_read}."
        return
    if spec.evidence_only:
        yield f"All of it is evidence only: {spec.evidence_only}."
    if spec.not_created:
        yield f"A deleted one is not created anew: {spec.not_created}."
    if spec.create is not None and spec.create.refused_when:
        when = " or ".join(map(_condition, spec.create.refused_when))
        yield f"Not created anew where {when}: {spec.create.refused_why}."
    if spec.nature is not None:
        passing = " or where ".join(map(_condition, spec.nature.passing))
        yield f"What only passed, where {passing}: {spec.nature.passing_why}."
    yield from (f"Not written where {_protected(one)}." for one in spec.protected)
    if spec.create_only and not spec.writable:
        yield "Nothing of it can be changed: one is created, or not there."
    elif spec.create_only:
        yield f"Not changed on an object that exists: {code(spec.create_only)}."
    if spec.secret:
        yield f"Never readable: {code(spec.secret)}."
    if spec.action_only:
        why = "Shown in diffs, not restored, because it takes an action that is not supported yet"
        yield f"{why}: {code(spec.action_only)}."
    written = spec.restorable.union(spec.create_only, spec.action_only, spec.secret)
    if computed := [name for name in spec.select if name not in written]:
        yield f"Read, and the service's own to set: {code(computed)}."
    if spec.volatile:
        yield f"Not compared, because it moves by itself or is told elsewhere: {code(spec.volatile)}."


def _protected(one: Protected) -> str:
    unless = f", unless {_condition(one.unless)}" if one.unless else ""
    live = " at that time" if one.while_so else ""
    made = f"; made anew by {code(one.made_of)} alone" if one.made_of else ""
    return f"{_condition(one.when)}{live}{unless}: {REASONS[one.reason]}{made}"


def _condition(condition: Condition) -> str:
    values = " or ".join(f"`{_value(value)}`" for value in condition.values)
    return f"`{condition.path}` {'contains' if condition.within else 'is'} {values}"


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
