"""Why items of a run fail, for commands that show or follow one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.bootstrap import Parts as Operator
    from shared.domain.snapshot import Item
    from shared.engines.postpone import Trouble


async def why_failing(operator: Operator, snapshot: str, missing: Sequence[Item]) -> list[Trouble]:
    """Last reasons of items that have no receipt yet, as rows tell them: hints, like all rows."""
    from shared.engines.postpone import troubles

    open_items = {item.id for item in missing}
    return [one async for one in troubles(operator.tables, snapshot) if one.item in open_items]
