"""The sign-ins that the guard checks, declared: what is reached × device × client.

In each of them the country and the IP address are unknown, the device is unmanaged, and there is no risk. Nothing
is said of any other sign-in. Application ids: Microsoft's pages "Apps included in Conditional Access policies" and
"Verify first-party Microsoft applications in sign-in reports".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Final

_PORTALS: Final = "microsoftadminportals"
_AZURE_MANAGEMENT: Final = "797f4846-ba00-4fd7-ba43-dac1f8f63013"
_AZURE_PORTAL: Final = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c"
_GRAPH_TOOLS: Final = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
_GRAPH: Final = "00000003-0000-0000-c000-000000000000"
_DIRECTORY: Final = "00000002-0000-0000-c000-000000000000"


@dataclass(frozen=True, slots=True)
class Target:
    """What somebody signs in to, or does. `named_by`: what a policy may name to mean it; `freed_by`: what has to be
    excluded so that "All" doesn't mean it; `action`: the user action that it is; `asked_as`: what the service knows
    it as where it is asked about a sign-in to it."""

    name: str
    named_by: frozenset[str] = frozenset()
    freed_by: frozenset[str] = frozenset()
    action: str = ""
    asked_as: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Platform and client in the spelling of a policy's conditions."""

    target: Target
    platform: str
    client: str

    def __str__(self) -> str:
        return f"{self.target.name}, unmanaged {self.platform}, {CLIENTS[self.client]}"


TARGETS: Final = (
    Target(
        "Azure portal",
        # All of these are asked for tokens when the portal opens.
        frozenset({_AZURE_PORTAL, _PORTALS, _AZURE_MANAGEMENT, _GRAPH, _DIRECTORY}),
        frozenset({_AZURE_PORTAL, _PORTALS}),
        asked_as=_AZURE_PORTAL,
    ),
    Target(
        "Microsoft Admin Portals",
        frozenset({_PORTALS, _GRAPH, _DIRECTORY}),
        frozenset({_PORTALS}),
        asked_as="MicrosoftAdminPortals",
    ),
    Target(
        "Microsoft Graph command-line tools",
        frozenset({_GRAPH_TOOLS, _GRAPH, _DIRECTORY}),
        frozenset({_GRAPH_TOOLS}),
        asked_as=_GRAPH_TOOLS,
    ),
    Target(
        "Azure management",
        frozenset({_AZURE_MANAGEMENT}),
        frozenset({_AZURE_MANAGEMENT}),
        asked_as=_AZURE_MANAGEMENT,
    ),
    Target("register security information", action="urn:user:registersecurityinfo"),
)
PLATFORMS: Final = ("windows", "linux", "ios")
CLIENTS: Final = {"browser": "browser", "mobileappsanddesktopclients": "desktop client"}

SCENARIOS: Final = tuple(Scenario(*one) for one in product(TARGETS, PLATFORMS, CLIENTS))

CHECKED: Final = (
    f"{', '.join(target.name for target in TARGETS)}; unmanaged Windows, Linux and iOS; "
    "browser and desktop client; country and IP address unknown; no risk"
)
