"""How the second copy stands to the vault."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.cli.screen import Answer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from shared.bootstrap import CopyParts
    from shared.engines.second_copy import Standing


async def copy_answer(copy: CopyParts) -> Answer:
    """Ends with 3 where the copy lags behind what the settings allow, or where it and the vault part."""
    from shared.engines.second_copy import protections, standing

    stands = await standing(copy.ports)
    seen = await protections(copy.ports)
    unprotected = {name: one.why for name, one in seen.items() if not one.locked}
    lag, allowed = stands.lag(copy.clock.now()), timedelta(seconds=copy.settings.copy_lag)
    behind = lag > allowed
    document: dict[str, Any] = {
        "region": copy.settings.copy_region,
        "residency": copy.settings.residency,
        "head": stands.head,
        "newest": stands.newest,
        "held": stands.held,
        "missing": list(stands.missing),
        "lagSeconds": int(lag.total_seconds()),
        "allowedSeconds": int(allowed.total_seconds()),
        "behind": behind,
        "vaultAway": stands.away,
        "protected": not unprotected,
        "unprotected": unprotected,
        "findings": [{"kind": one.kind, "name": one.name, "why": one.why} for one in stands.findings],
    }
    view = _view(copy, stands, unprotected, lag, behind)
    return Answer(document, view, 3 if behind or stands.findings or stands.away else 0)


def _view(
    copy: CopyParts, stands: Standing, unprotected: dict[str, str], lag: timedelta, behind: bool
) -> tuple[RenderableType, ...]:
    from shared.cli.render import facts, heading, line, listing, table

    settings = copy.settings
    allowed = timedelta(seconds=settings.copy_lag)
    view: list[RenderableType] = [
        heading("Second copy"),
        facts(
            [
                (
                    "Region",
                    f"{settings.copy_region}, in {settings.residency.place}" if settings.copy_region else "",
                ),
                ("Snapshots", f"{stands.held:,}"),
                ("Newest", stands.newest or "none"),
                (
                    "Lag",
                    f"{_hours(lag)} (at most {_hours(allowed)})" if stands.behind_since else "nothing is missing",
                ),
                ("Head of the copy", stands.head),
            ]
        ),
    ]
    if stands.missing:
        view.append(listing("In the vault and not in the copy", stands.missing))
    if stands.away:
        view.append(line(f"The vault can't be read from here: {stands.away}", style="bold yellow"))
    if behind:
        view.append(line("The copy LAGS BEHIND: see the copier's log", style="bold red"))
    if stands.findings:
        rows = [(one.kind.value, one.name, one.why) for one in stands.findings]
        view.append(table(("What", "Where", "Why"), rows, title="Not as it was copied, or not as it was committed"))
    if unprotected:
        lines = list(unprotected.items())
        view.append(table(("Container", "Why"), lines, title="NOT protected in the second account"))
    return tuple(view)


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:.1f} h"
