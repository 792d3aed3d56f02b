"""Whether something else is restoring the tenant: then this program waits, because each would undo the other.

What can't be read stops nothing, and is told: a tenant without the service, or without the permission to ask it,
must be restorable.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from shared.catalog.rivals import Rival
from shared.domain.errors import GraphDown, GraphError, GraphUnauthorized, Unusable
from shared.domain.ports import Directory, GraphRequest
from shared.engines.wire import parse

_MOST_PAGES: Final = 100


@dataclass(frozen=True, slots=True)
class Rivalry:
    """`running`: what has to be waited for; `untold`: why nobody knows. Both "" where nothing is running."""

    running: str = ""
    untold: str = ""


async def rivalry(directory: Directory, rival: Rival) -> Rivalry:
    """Raises `GraphUnauthorized` where the token itself is refused."""
    try:
        async for job in _jobs(directory, rival):
            if _acts(rival, job):
                return Rivalry(f"{rival.title} is running ({job.get('id')}, {job.get(rival.status)})")
    except GraphUnauthorized:
        raise
    except (GraphError, GraphDown, Unusable) as error:
        return Rivalry(untold=f"whether {rival.title} is running couldn't be read: {error.what}")
    return Rivalry()


def _acts(rival: Rival, job: dict[str, Any]) -> bool:
    """A state that isn't known may be one in which it writes."""
    if job.get("@odata.type") in rival.harmless:
        return False
    return not job.get(rival.ended) and job.get(rival.status) not in rival.over


async def _jobs(directory: Directory, rival: Rival) -> AsyncIterator[dict[str, Any]]:
    link: str | None = rival.path
    for _ in range(_MOST_PAGES):
        if link is None:
            return
        page = await directory.page(GraphRequest("GET", link, throttle=str(rival.throttle)))
        for item in page.items:
            job = parse(item)
            if not isinstance(job, dict):
                raise Unusable("a job that is no JSON object")
            yield job
        link = page.next_link
    raise Unusable("the list of jobs doesn't end")
