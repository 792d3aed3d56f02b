"""Who knows a live object as what it is: Holdfast, which made it, or a snapshot that holds it.

Only such an object may be taken for what became of a missing one. Nothing that the object says of itself counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from shared.domain.errors import IntegrityError, Unusable
from shared.engines.repository import Repository
from shared.engines.survey import entries_of


async def acquainted(
    repository: Repository, made: Collection[str], asked: Mapping[str, Iterable[str]]
) -> dict[str, str]:
    """Of these ids, by type, those that are known → by whom. `made`: ids of what restores made. Snapshots are asked
    newest first, until nobody is left to ask about."""
    left = {name: set(ids) for name, ids in asked.items()}
    found = {one: "a restore made it" for ids in left.values() for one in ids if one in made}
    for listed in reversed(await repository.entries()):
        left = {name: rest for name, ids in left.items() if (rest := ids - found.keys())}
        if not left:
            break
        if listed.expired or listed.entry.base:
            continue
        try:
            snapshot = await repository.open(listed.entry.snapshot)
        except (IntegrityError, Unusable):
            continue  # what can't be trusted, or isn't at hand, vouches for nobody
        for name, ids in sorted(left.items()):
            for one in await entries_of(snapshot, name, ids):
                found[one] = f"the snapshot {snapshot.id} holds it"
    return found
