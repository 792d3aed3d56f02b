"""A snapshot as it reads in another tenant: the domains in it are that tenant's.

Nothing of the snapshot is changed; objects are rewritten as they are read. Ids are `renamed`'s business.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType
from shared.domain.objects import Link
from shared.domain.plan import RestorePlan
from shared.domain.snapshot import Completeness, IndexEntry
from shared.engines.domain_names import DomainMap
from shared.engines.merge import entry_key, link_key
from shared.engines.opening import opened
from shared.engines.renamed import RenamedView, resorted
from shared.engines.stream import Stream
from shared.engines.view import View
from shared.engines.wire import dump


def as_planned(snapshot: View, plan: RestorePlan, catalog: Catalog) -> View:
    """A plan's snapshot in the words of the plan: names of the tenant it goes to, ids that the plan uses."""
    view = MovedView(snapshot, DomainMap(plan.domains), catalog) if plan.source_tenant else snapshot
    return RenamedView(view, plan.known_ids, catalog) if plan.known_ids else view


class MovedView:
    """`inner` with the domains of each object replaced by those of the map."""

    def __init__(self, inner: View, domains: DomainMap, catalog: Catalog) -> None:
        self._inner = inner
        self._domains = domains
        self._catalog = catalog
        self.label = inner.label

    @property
    def as_of(self) -> datetime:
        return self._inner.as_of

    def completeness(self, name: str) -> Completeness:
        return self._inner.completeness(name)

    def index(self, type_name: str) -> Stream[IndexEntry]:
        """What may name a domain has no hash that tells anything, so it is compared by what it says."""
        spec = self._catalog.get(type_name)
        parents = spec.parent and self._catalog.get(spec.parent).tells_domains
        if not (spec.domain_names or spec.tells_domains or parents):
            return self._inner.index(type_name)

        def moved(entry: IndexEntry) -> IndexEntry:
            new = replace(entry, hash="")
            if spec.tells_domains:
                new = replace(new, id=self._domains.domain(entry.id), name=self._domains.domain(entry.name))
            return replace(new, parent=self._domains.domain(entry.parent)) if parents else new

        changes = lambda entry: moved(entry).id != entry.id  # noqa: E731
        return resorted(lambda: self._inner.index(type_name), changes, moved, entry_key)

    def links(self, type_name: str, relationship: str) -> Stream[Link]:
        if not self._catalog.get(type_name).tells_domains:
            return self._inner.links(type_name, relationship)

        def moved(link: Link) -> Link:
            return Link(self._domains.domain(link.source), link.target, link.target_type)

        changes = lambda link: moved(link) != link  # noqa: E731
        return resorted(lambda: self._inner.links(type_name, relationship), changes, moved, link_key)

    async def get(self, type_name: str, entry: IndexEntry) -> bytes:
        raw = await self._inner.get(type_name, entry)
        spec = self._catalog.get(type_name)
        if not (spec.domain_names or spec.tells_domains):
            return raw
        return self._rewritten(spec, entry, raw)

    def _rewritten(self, spec: ObjectType, entry: IndexEntry, raw: bytes) -> bytes:
        item = opened(self, spec.name, entry, raw)
        rewritten = self._domains.rewritten(spec, item)
        if spec.tells_domains:
            rewritten = {**rewritten, spec.identity: entry.id}
        return dump(rewritten)
