"""`docs/permissions.md`: what each app may do in the protected tenant, for which types, and what it costs to leave
a permission out. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.graph.ids import SOURCE
from infra.graph.lists import BACKUP, RESTORE, UNLOCK, chosen, needs, opted
from infra.graph.markdown import code, table
from shared.catalog.registry import Catalog

FILE: Final = Path(__file__).parents[2] / "docs" / "permissions.md"

_INTRO: Final = f"""\
# Permissions

Made from the catalog by `python -m infra.graph lists`; change the catalog, not this page. The same lists with \
Graph's id of each permission ({SOURCE}) are in `infra/graph/permissions.json`, from which `python -m infra.graph \
register` assigns them ([`deployment.md`](deployment.md)). All are application permissions of Microsoft Graph in \
the protected tenant. What is read and written of each type is in [`object-types.md`](object-types.md), with the \
permissions that would do as well.

Each list holds no more than its types need: take one permission away, and something that it names lacks one. \
An app whose token lacks one says so once a day (alarm `status.permissions`).
"""

_BACKUP: Final = """\
## Backup

The backup app reads, and writes nothing. Leaving one out doesn't fail a run: the types that need it are \
`notPermitted` in the manifest, with the name of the permission, and nothing is asked of Graph for them; what can \
be read without it but not whole is `partial`. Everything else is as complete as before. `register`, repeated, \
assigns what was left out.
"""

_OPT_IN: Final = """\
Off by itself, and in every manifest `notRead` with the reason, until `HOLDFAST_OPT_IN` names it (several with \
commas). `register` assigns none of these permissions: whoever turns one on consents to what it takes.
"""

_RESTORE: Final = """\
## Restore

The restore app writes, and its service principal is disabled between restores. Without a permission to write, \
Graph refuses the writes that need it: the report lists each as `refusedByGraph` with Graph's reason, and what \
depends on it as `dependencyNotDone`. Everything else is done. \
`RoleManagement.ReadWrite.Directory`, `Application.ReadWrite.All` and `AppRoleAssignment.ReadWrite.All` can give \
anybody any right in the tenant: who doesn't want to restore roles or applications leaves them out.
"""

_UNLOCK: Final = """\
## Unlock

Optional (`register --unlock`): `holdfast unlock` changes conditional access with it on the day on which that \
locks everybody out. It holds no other permission, and its certificate is its only way in. Its service principal \
is enabled, for nobody could enable it on that day: who gets hold of the certificate can read policies and switch \
each of them off. Keep the key offline, and let every sign-in of this application alarm.
"""


@dataclass(frozen=True, slots=True)
class Lacking:
    """What a snapshot lacks for want of permissions: types and relationships that aren't read at all, and those
    of which a part is hidden. Sorted."""

    not_permitted: tuple[str, ...]
    partial: tuple[str, ...]


def lacking(catalog: Catalog, held: frozenset[str]) -> Lacking:
    """What a backup leaves out that holds no other permissions than these."""

    def unmet(groups: Iterable[tuple[str, ...]]) -> bool:
        return not all(held.intersection(group) for group in groups)

    none = {
        spec.name
        for spec in catalog.types
        if not spec.parent and spec.name not in catalog.opt_ins and unmet(spec.needs_to_read)
    }
    part = set()
    for spec, relationship in catalog.relationships:
        if f"{spec.name}.{relationship.name}" in catalog.opt_ins:
            continue
        names = {f"{spec.name}.{relationship.name}", *filter(None, (relationship.contains,))}
        child = catalog.get(relationship.contains).needs_to_read if relationship.contains else ()
        if unmet((*spec.needs_to_read, *child)):
            none |= names
        elif unmet(relationship.needs_to_read):
            part |= names
    for spec in catalog.types:
        for group in spec.member_groups if spec.name not in none else ():
            if unmet(group.needs_to_read):
                none.add(f"{spec.name}.{group.name}")
            elif group.found is not None and unmet(group.found.also_needs):
                part.add(f"{spec.name}.{group.name}")
    return Lacking(tuple(sorted(none)), tuple(sorted(part)))


def document(catalog: Catalog) -> str:
    """The text of `docs/permissions.md`."""
    return "\n".join(
        (
            *(_INTRO, _BACKUP, _backup(catalog)),
            *(_RESTORE, _writing(catalog, RESTORE)),
            *(_UNLOCK, _writing(catalog, UNLOCK)),
        )
    )


def _backup(catalog: Catalog) -> str:
    permissions = chosen(needs(catalog, BACKUP))
    held = frozenset(one.name for one in permissions)
    rows = []
    for one in permissions:
        without = lacking(catalog, held - {one.name})
        rows.append((code([one.name]), ", ".join(without.not_permitted), ", ".join(without.partial)))
    return table(("Permission", "Without it `notPermitted`", "Without it `partial`"), rows) + _opt_ins(
        catalog, held
    )


def _opt_ins(catalog: Catalog, held: frozenset[str]) -> str:
    """What is off by itself, and which permissions it takes on top."""
    rows = []
    for name, why in catalog.opt_ins.items():
        more = [" or ".join(need.permissions) for need in opted(catalog) if need.by == name]
        more = [one for one in more if not held.intersection(one.split(" or "))]
        rows.append((code([name]), code(more) or "none", why))
    return f"\n{_OPT_IN}\n" + table(("Name", "Permissions on top", "Off because"), rows)


def _writing(catalog: Catalog, app: str) -> str:
    rows = ((code([one.name]), ", ".join(one.needed_by)) for one in chosen(needs(catalog, app)))
    return table(("Permission", "Needed to write"), rows)
