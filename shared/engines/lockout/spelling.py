"""Policies whose members have another shape than Graph gives them: what they do is not known, so it isn't met."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.domain.objects import Json, JsonObject
from shared.engines.lockout.rules import Rule
from shared.engines.lockout.shapes import at, texts

_OBJECTS: Final = (
    "conditions",
    "conditions.applications",
    "conditions.applications.applicationFilter",
    "conditions.users",
    "conditions.users.includeGuestsOrExternalUsers",
    "conditions.platforms",
    "conditions.locations",
    "conditions.devices",
    "conditions.devices.deviceFilter",
    "conditions.clientApplications",
    "conditions.authenticationFlows",
    "grantControls",
    "grantControls.authenticationStrength",
    "sessionControls",
)
_LISTS: Final = (
    "conditions.clientAppTypes",
    "conditions.applications.includeApplications",
    "conditions.applications.excludeApplications",
    "conditions.applications.includeUserActions",
    "conditions.applications.includeAuthenticationContextClassReferences",
    "conditions.users.includeUsers",
    "conditions.users.excludeUsers",
    "conditions.users.includeGroups",
    "conditions.users.excludeGroups",
    "conditions.users.includeRoles",
    "conditions.users.excludeRoles",
    "conditions.platforms.includePlatforms",
    "conditions.platforms.excludePlatforms",
    "conditions.locations.includeLocations",
    "conditions.locations.excludeLocations",
    "conditions.clientApplications.includeServicePrincipals",
    "conditions.clientApplications.excludeServicePrincipals",
    "grantControls.builtInControls",
    "grantControls.customAuthenticationFactors",
    "grantControls.termsOfUse",
)


def misspelt(policy: JsonObject) -> Iterator[tuple[Rule, str]]:
    """The first member that has another shape, as a demand that nobody meets."""
    for path in _wrong(policy):
        yield Rule.UNREADABLE, f"its member {path} has another shape than Graph gives it"
        return


def _wrong(policy: JsonObject) -> Iterator[str]:
    for path in _OBJECTS:
        if not isinstance(_at(policy, path), dict | None):
            yield path
    for path in _LISTS:
        if texts(_at(policy, path)) is None:
            yield path


def _at(policy: JsonObject, path: str) -> Json:
    return at(policy, *path.split("."))
