"""What Graph shows of an application only where it is selected by name is backed up, and brought back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.catalog.applications import APPLICATIONS
from shared.domain.objects import JsonObject
from shared.engines.compare import Form
from tests.restore_planned import planned, purge
from tests.restore_world import objects
from tests.simdirectory import scripted
from tests.simulator.service import Service

BEHAVIORS = {"blockAzureADGraphAccess": True, "removeUnverifiedEmailClaim": True}


def ours(service: Service) -> str:
    return str(min(one["id"] for one in objects(service, "applications") if one["displayName"] == "Kept out"))


def prepare(service: Service) -> None:
    scripted(service, "POST", "/v1.0/applications", {"displayName": "Kept out"})
    scripted(service, "PATCH", f"/v1.0/applications/{ours(service)}", {"authenticationBehaviors": BEHAVIORS})


def loosen(service: Service) -> None:
    loose = dict.fromkeys(BEHAVIORS, False)
    scripted(service, "PATCH", f"/v1.0/applications/{ours(service)}", {"authenticationBehaviors": loose})


def purge_it(service: Service) -> None:
    purge(service, "applications", ours(service))


@pytest.mark.parametrize("damage", [loosen, purge_it])
async def test_authentication_behaviors_come_back(damage: Callable[[Service], None]) -> None:
    case = await planned(damage, prepare=prepare)
    await case.run()
    assert (await case.report()).not_done == ()
    service = case.world.service
    (now,) = (one for one in objects(service, "applications") if one["displayName"] == "Kept out")
    held = now["authenticationBehaviors"]
    assert isinstance(held, dict)
    assert {name: held[name] for name in BEHAVIORS} == BEHAVIORS


def test_a_certificate_that_only_a_single_object_shows_is_no_change() -> None:
    """What changed while a run listed is read again one by one, and such an answer shows the key itself."""
    listed: JsonObject = {"keyId": "k", "type": "AsymmetricX509Cert", "key": None}
    form = Form(APPLICATIONS, everything=True)
    assert form.same("keyCredentials", [listed], [{**listed, "key": "MIIB"}])
    assert not form.same("keyCredentials", [listed], [{**listed, "keyId": "other", "key": "MIIB"}])
