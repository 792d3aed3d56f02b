"""Where backups may be: Azure regions by the promise that they keep.

Sources: Microsoft, "List of Azure regions" and "Azure cross-region replication pairings" for the regions; "What is
the EU Data Boundary?" for its countries, the members of the EU and of EFTA. Norway and Switzerland are in the
boundary and not in the EU, the United Kingdom in neither. Each region of the EU that has a pair has it in the EU.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

EU_REGIONS: Final = frozenset(
    {
        "austriaeast",
        "belgiumcentral",
        "denmarkeast",
        "francecentral",
        "francesouth",
        "germanynorth",
        "germanywestcentral",
        "italynorth",
        "northeurope",
        "polandcentral",
        "spaincentral",
        "swedencentral",
        "swedensouth",
        "westeurope",
    }
)
_BOUNDARY_ONLY: Final = frozenset({"norwayeast", "norwaywest", "switzerlandnorth", "switzerlandwest"})


class Residency(StrEnum):
    """What the owner promised of where backups are. The wider one holds only where it was chosen."""

    EU = "eu"
    EU_DATA_BOUNDARY = "eu-data-boundary"

    @property
    def regions(self) -> frozenset[str]:
        return EU_REGIONS if self is Residency.EU else EU_REGIONS | _BOUNDARY_ONLY

    @property
    def place(self) -> str:
        """In words, to stand after "in" or "inside"."""
        return "the EU" if self is Residency.EU else "the EU Data Boundary"


def outside(residency: Residency, primary: str, secondary: str) -> Iterator[str]:
    """What lies outside, in words. Regions as Azure Resource Manager names them, in lower case without spaces;
    "" is none."""
    for kind, region in (("primary", primary), ("secondary", secondary)):
        if region and region not in residency.regions:
            yield f"the {kind} location {region} is not in {residency.place}"
