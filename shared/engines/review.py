"""What whoever approves a plan has to see, worked out from its steps: waves and what they ask for, grants of power
that are approved one by one, flags, and what could not be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.catalog.registry import Catalog
from shared.domain.plan import BlastRadius, Flag, LicenceUnits, Step, Thresholds, TierZeroGrant, Wave
from shared.engines.blast_radius import blast_radius
from shared.engines.flags import flags_of
from shared.engines.licence_units import licence_units
from shared.engines.plan_containment import kept
from shared.engines.tier_zero import tier_zero_grants, unread_powers
from shared.engines.view import View
from shared.engines.waves import waves_of


@dataclass(frozen=True, slots=True)
class Review:
    waves: tuple[Wave, ...]
    tier_zero: tuple[TierZeroGrant, ...] = ()
    flags: tuple[Flag, ...] = ()
    blast_radius: BlastRadius | None = None
    licences: tuple[LicenceUnits, ...] = ()
    untold: tuple[str, ...] = ()


async def review(
    steps: Sequence[Step],
    catalog: Catalog,
    views: Sequence[View],
    *,
    thresholds: Thresholds,
    own_apps: Iterable[str],
) -> Review:
    """`views`: the snapshot and the live tenant, in this order, as far as they are at hand, with ids as the plan
    has them; who gains and loses access is told only from both.
    `own_apps`: application ids by which this program signs in."""
    if not steps:
        return Review(())
    apps = tuple(own_apps)
    ours = frozenset(apps).union(*[await kept(view, catalog, (), apps) for view in views])
    flags, asks = await flags_of(steps, catalog, views, thresholds, ours)
    reached, untold = None, tuple[str, ...]()
    licences: tuple[LicenceUnits, ...] = ()
    if len(views) > 1:
        snapshot, live = views
        reached, untold = await blast_radius(steps, catalog, snapshot, live)
        licences, unknown = await licence_units(steps, catalog, snapshot, live)
        untold += unknown
    return Review(
        waves=waves_of(steps, catalog, asks),
        tier_zero=await tier_zero_grants(steps, catalog, views),
        flags=flags,
        blast_radius=reached,
        licences=licences,
        untold=(*unread_powers(catalog, views), *untold),
    )
