"""What an object that is made anew gets back of what is kept beside it, such as a person's photo.

Owns facets with a path of their own to be put at (`ObjectType.apart`), as far as a permission writes them. Whose
owner is still there keeps what it has: nobody reads that anew for a plan, so that nothing is known of it.
"""

from __future__ import annotations

from dataclasses import replace

from shared.domain.objects import ObjectKey
from shared.domain.plan import Mechanism
from shared.engines.fates import Way
from shared.engines.plan_objects import Planning
from shared.engines.survey import objects_of
from shared.engines.view import View


async def plan_facets(planning: Planning, snapshot: View) -> None:
    """A PUT for each, after its owner has been made."""
    for spec in planning.catalog.types:
        if spec.facet is None or not spec.apart or not spec.needs_to_write:
            continue
        anew = {
            key.id: fate.missing.entry.name
            for key, fate in planning.fates.by_key.items()
            if key.type == spec.facet.of and fate.way is Way.CREATE
        }
        async for entry, item in objects_of(snapshot, spec.name, anew):
            for one in spec.apart:
                value = item.get(one.member)
                if value is None:
                    continue
                owner = replace(entry, name=anew[entry.id])
                draft = planning.drafter.apart(Mechanism.FINISH, spec, one, owner, value, None)
                draft.needs.add(ObjectKey(spec.facet.of, entry.id))
                planning.drafts.append(draft)
