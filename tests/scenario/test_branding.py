"""Branding: the default goes back like any language, and a tenant that lost all of it gets its languages again."""

from __future__ import annotations

import pytest

from tests.restore_planned import planned, purge
from tests.simdirectory import scripted
from tests.simulator.service import Service

TABLE = "organizationalBrandingLocalizations"


def texts(service: Service) -> dict[str, str | None]:
    return {key: one.get("signInPageText") for key, one in service.store.tables[TABLE].items()}


@pytest.mark.full
async def test_the_default_goes_back() -> None:
    before: dict[str, str | None] = {}

    def damage(service: Service) -> None:
        before.update(texts(service))
        path = f"/v1.0/organization/{service.tenant_id}/branding/localizations/0"
        scripted(service, "PATCH", path, {"signInPageText": "Call this number now"})

    case = await planned(damage)
    await case.run()
    assert texts(case.world.service) == before
    assert (await case.report()).unexpected == ()


async def test_languages_come_back_where_nothing_is_left_and_the_default_with_the_next_plan() -> None:
    def damage(service: Service) -> None:
        for key in ("0", "fr-FR"):
            purge(service, TABLE, key)

    case = await planned(damage)
    (left_out,) = [one for one in case.world.plan.exclusions if one.type == TABLE]
    assert left_out.target == "0"
    assert "a new plan sets it" in left_out.why
    await case.run()
    assert texts(case.world.service) == {"0": None, "fr-FR": "Bienvenue"}


async def test_a_tenant_that_was_never_branded_has_none_and_all_of_it_was_read() -> None:
    def unbrand(service: Service) -> None:
        for key in ("0", "fr-FR"):
            purge(service, TABLE, key)

    case = await planned(lambda service: None, prepare=unbrand)
    assert [str(case.snapshot.completeness(name)) for name in ("organization.branding", TABLE)] == ["complete"] * 2
