"""A second storage account behind a gateway of its own, which takes a copy of the first one's containers.

Owns: its containers, policies and roles. What must stay true: the copier can read the first account and add to this
one, and nobody of the first deployment has a role here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from azure.storage.blob import BlobServiceClient

from tests.localrun.gateway import GatewayConfig
from tests.localrun.gateway_client import GatewayProcess
from tests.localrun.stack import CONTAINERS, COPY_ACCOUNT, POLICIES, VAULT_SETTING
from tests.localrun.world import World
from tests.localrun.worm import Role

_ALL = ("vault-*", "evidence-*", "chain")
_ROLES = (Role("setup", manage=("*",)), Role("copy", add=_ALL, read=_ALL), Role("reader", read=_ALL))
_SCHEDULES = {"HOLDFAST_COPY_SCHEDULE": "0 */5 * * * *", "HOLDFAST_STATUS_SCHEDULE": "0 */5 * * * *"}


@dataclass(frozen=True, slots=True)
class SecondAccount:
    """Use `second_account`."""

    world: World
    gateway: GatewayProcess

    def storage(self, role: str) -> str:
        return self.world.stack.azurite.connection_string(
            COPY_ACCOUNT, blob_url=self.gateway.urls[role], services=["blob"]
        )

    def settings(self, who: str) -> dict[str, str]:
        """For the copier ("copy"), or for a person who only reads both accounts ("reader")."""
        stack = self.world.stack
        return {
            "HOLDFAST_ROLE": "copy",
            "HOLDFAST_TENANT_ID": self.world.simulator.tenant_id,
            "HOLDFAST_KEYS_DIR": str(self.world.folder / "keys" / "operator"),  # public keys only
            "HOLDFAST_COPY_REGION": "swedencentral",
            "HOLDFAST_GRAPH_URL": "",
            "HOLDFAST_GRAPH_TOKEN": "",
            "BackupState": "",
            "RestoreState": "",
            VAULT_SETTING: stack.settings(who)[VAULT_SETTING],
            "CopyStorage": self.storage(who),
            **stack.clock.settings(),
            **_SCHEDULES,
        }


@contextmanager
def second_account(world: World) -> Iterator[SecondAccount]:
    stack = world.stack
    with ExitStack() as closing:
        config = GatewayConfig(
            upstream=stack.azurite.endpoints.blob,
            accounts={COPY_ACCOUNT: stack.azurite.keys[COPY_ACCOUNT]},
            roles=_ROLES,
            policies=POLICIES,
            log_file=stack.folder / "gateway-copy.jsonl",
        )
        gateway = GatewayProcess.start(config, output=stack.folder / "gateway-copy.log")
        closing.callback(gateway.stop)
        made = SecondAccount(world, gateway)
        with BlobServiceClient.from_connection_string(made.storage("setup")) as service:
            for name in CONTAINERS:
                service.create_container(name)
        yield made
