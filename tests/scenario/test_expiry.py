"""Expiry by the gateway's clock: real blobs behind policies of exactly the promised days, and somebody who deletes
whatever the policies let go, as lifecycle rules do, in any order.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from shared.adapters.blob import AzureBlobStore
from shared.adapters.files import FolderBlobStore
from shared.domain.errors import Unusable
from shared.domain.ports import BlobStore
from shared.engines import paths
from shared.engines.copying import CopyState, Source, copy_vault
from shared.engines.export import decode_work, start_run
from shared.engines.repository import Repository
from shared.engines.seal import seal_run
from shared.engines.verify import Kind, verify_chain, verify_committed
from tests.backup import TENANT, Backup, small_tenant
from tests.localrun.gateway import Gateway, GatewayConfig
from tests.localrun.shared import fresh, shared_azurite
from tests.localrun.worm import LockedPolicy, Role
from tests.seeds import chance

pytestmark = pytest.mark.azurite

DAY = 86_400.0
KEPT, CHAIN_KEPT = 3, 6  # days
ROLES = (
    Role("setup", manage=("*",)),
    Role("backup", add=("*",), read=("*",)),
    Role("lifecycle", read=("*",), delete=("*",)),
)


class World:
    """A deployment whose vault and chain are behind the gateway, which goes by the deployment's clock."""

    def __init__(self, backup: Backup, bins: dict[str, ContainerClient], direct: ContainerClient) -> None:
        self.backup = backup
        self.bins = bins
        self.direct = direct  # the chain past the gateway: somebody who owns the disks

    @property
    def vaults(self) -> dict[str, BlobStore]:
        return {self.backup.vault.container: self.backup.vault}

    async def start(self, suffix: str = "full") -> str:
        request = replace(
            self.backup.request(suffix), types=("namedLocations",), retention_days=KEPT, chain_days=CHAIN_KEPT
        )
        return (await start_run(self.backup.ports(), request)).snapshot

    async def back_up(self) -> str:
        snapshot = await self.start()
        await self.backup.deliver()
        return snapshot

    async def names(self, store: BlobStore) -> list[str]:
        return [stat.name async for stat in store.list()]

    async def let_go(self, store: BlobStore, order: random.Random, share: float = 1.0) -> set[str]:
        """Tries to delete blobs in any order. Returns those that went."""
        names = await self.names(store)
        order.shuffle(names)
        gone = set()
        for name in names[: math.ceil(len(names) * share)]:
            try:
                await self.bins[store.container].delete_blob(name)
            except ResourceExistsError:  # 409
                continue
            gone.add(name)
        return gone

    async def findings(self, **more: Any) -> list[tuple[Kind, str]]:
        """Of the chain, and of every snapshot that has an entry."""
        backup = self.backup
        report, good = await verify_chain(backup.chain, TENANT, backup.keys, backup.clock, **more)
        found = list(report.findings)
        for one in good:
            found += (await verify_committed(self.vaults, backup.keys, backup.catalog, backup.clock, one)).findings
        return [(one.kind, one.name) for one in found]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    azurite = shared_azurite()
    backup = Backup()
    small_tenant(backup.directory)
    names = fresh("vault"), fresh("chain")
    config = GatewayConfig(
        azurite.endpoints.blob,
        {"vault": azurite.keys["vault"]},
        ROLES,
        [LockedPolicy(names[0], KEPT), LockedPolicy(names[1], CHAIN_KEPT)],
    )
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(Gateway(config, clock=lambda: backup.clock.now().timestamp()))
        text = {role: azurite.connection_string("vault", blob_url=gateway.urls[role]) for role in gateway.urls}

        async def service(role: str) -> BlobServiceClient:
            client = BlobServiceClient.from_connection_string(text[role], retry_total=0)
            return await stack.enter_async_context(client)

        setup, lifecycle = await service("setup"), await service("lifecycle")
        stores = []
        for name in names:
            await setup.create_container(name)
            store = AzureBlobStore.from_connection_string(text["backup"], name)
            stack.push_async_callback(store.close)
            stores.append(store)
        changed: Any = backup
        changed.vault, changed.chain = stores
        past = await stack.enter_async_context(
            BlobServiceClient.from_connection_string(azurite.connection_string("vault"))
        )
        bins = {name: lifecycle.get_container_client(name) for name in names}
        yield World(backup, bins, past.get_container_client(names[1]))


async def test_snapshots_expire_in_any_order_and_no_blob_goes_before_its_promise_ends(world: World) -> None:
    """Half a day at a time, until the last promise is over, half of all blobs are tried."""
    backup, order = world.backup, chance("expiry")
    snapshots = []
    for _ in range(3):
        snapshots.append(await world.back_up())
        backup.clock.advance(DAY)
    gone: set[str] = set()
    while len(await world.names(backup.vault)) > 0:
        gone |= await world.let_go(backup.vault, order, share=0.5)
        repository = backup.repository()
        for one in await repository.entries():
            folder = one.entry.folder
            if one.expired:
                with pytest.raises(Unusable, match="expired"):
                    await repository.open(one.entry.snapshot)
            else:
                assert not [name for name in gone if name.startswith(folder)]
                assert (await repository.open(one.entry.snapshot)).id == one.entry.snapshot
        assert await world.findings() == []
        backup.clock.advance(DAY / 2)
    assert len(gone) > 10
    with pytest.raises(Unusable, match="every snapshot has expired"):
        await backup.repository().open()


async def test_to_the_last_moment_of_its_promise_nothing_of_a_snapshot_can_be_deleted(world: World) -> None:
    backup = world.backup
    snapshot = await world.back_up()
    (entry,) = [one.entry for one in await backup.repository().entries()]
    backup.clock.advance((entry.retain_until - backup.clock.now()).total_seconds() - 0.001)
    assert await world.let_go(backup.vault, chance("expiry")) == set()
    assert (await backup.repository().open()).id == snapshot
    assert await world.findings() == []
    backup.clock.advance(0.001)
    assert [one.expired for one in await backup.repository().entries()] == [True]
    assert len(await world.let_go(backup.vault, chance("expiry"))) > 1
    assert await world.findings() == []


async def test_a_gap_in_the_chain_is_in_order_exactly_where_entries_say_that_it_expired(world: World) -> None:
    backup, order = world.backup, chance("expiry")
    for _ in range(4):
        await world.back_up()
        backup.clock.advance(DAY)
    head = await backup.repository().head()
    backup.clock.advance(4.5 * DAY)  # the first three entries may go, in any order; the fourth may not
    gone: set[str] = set()
    while len(gone) < 3:
        gone |= await world.let_go(backup.chain, order, share=0.5)
        assert await world.findings(expected_head=head) == []
    assert await world.names(backup.chain) == [paths.chain_entry(TENANT, 4)]
    await world.back_up()
    last = await backup.repository().head()
    backup.clock.advance(2 * DAY)
    assert await world.let_go(backup.chain, order) == {paths.chain_entry(TENANT, 4)}
    assert await world.findings(expected_head=head) == []  # that head has expired, and another followed it
    assert await world.findings(expected_head=last) == []


@pytest.mark.parametrize("seq", [1, 3])
async def test_an_entry_that_goes_early_is_found_the_head_by_what_was_noted(world: World, seq: int) -> None:
    backup = world.backup
    for _ in range(3):
        await world.back_up()
        backup.clock.advance(DAY)
    head = await backup.repository().head()
    name = paths.chain_entry(TENANT, seq)
    with pytest.raises(ResourceExistsError):
        await world.bins[backup.chain.container].delete_blob(name)
    await world.direct.delete_blob(name)
    found = await world.findings(expected_head=head)
    assert [kind for kind, _ in found] == [Kind.CHAIN]
    assert head in found[0][1] if seq == 3 else f"{seq + 1:010}" in found[0][1]
    assert len(await backup.repository().entries()) == 2


async def test_two_sealers_at_once_take_two_numbers_and_both_snapshots_keep_their_days(world: World) -> None:
    backup = world.backup
    started = [await world.start("one"), await world.start("two")]
    works = []
    while message := (backup.exports.receive(visibility=600) or [None])[0]:
        await backup.work(message.body)
        backup.exports.delete(message)
    while message := (backup.seals.receive(visibility=600) or [None])[0]:
        works.append(decode_work(message.body))
        backup.seals.delete(message)
    assert {work.snapshot for work in works} == set(started)
    ports = backup.seal_ports()
    await asyncio.gather(*(seal_run(ports, work) for work in works for _ in range(2)))
    entries = [one.entry for one in await backup.repository().entries()]
    assert sorted(one.seq for one in entries) == [1, 2]
    assert [one.snapshot for one in entries] == started
    assert await world.findings() == []
    backup.clock.advance(KEPT * DAY - 1)
    assert await world.let_go(backup.vault, chance("expiry")) == set()


async def test_a_copy_on_a_laptop_outlives_the_vault_and_says_what_expired(world: World, tmp_path: Path) -> None:
    backup = world.backup
    first = await world.back_up()
    backup.clock.advance(2 * DAY)
    second = await world.back_up()
    source = Source(world.vaults, backup.chain, TENANT, backup.keys, backup.catalog, backup.clock)
    report = await copy_vault(source, lambda name: FolderBlobStore(tmp_path / name))
    assert [one.state for one in report.snapshots] == [CopyState.COPIED, CopyState.COPIED]
    backup.clock.advance(1.5 * DAY)  # the first is over
    await world.let_go(backup.vault, chance("expiry"))
    copied = {name: FolderBlobStore(tmp_path / name, create=False) for name in world.vaults}
    chain = FolderBlobStore(tmp_path / backup.chain.container, create=False)
    laptop = Repository(copied, chain, TENANT, backup.keys, backup.clock)
    assert (await laptop.open()).id == (await laptop.open(second)).id == second
    with pytest.raises(Unusable, match="expired"):
        await laptop.open(first)  # its blobs are there; its promise is over all the same
    verified, good = await verify_chain(chain, TENANT, backup.keys, backup.clock, expected_head=report.head)
    reports = [await verify_committed(copied, backup.keys, backup.catalog, backup.clock, one) for one in good]
    assert [one.good for one in (verified, *reports)] == [True] * 3
    assert ["expired" in " ".join(one.notes) for one in reports] == [True, False]
    backup.clock.advance(timedelta(days=10).total_seconds())
    with pytest.raises(Unusable, match="every snapshot has expired"):
        await laptop.open()
