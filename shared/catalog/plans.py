"""Plans by which a tenant has what Entra ID Free lacks: services and ids, as a tenant's own list shows them.

Source: Microsoft Entra: Product names and service plan identifiers for licensing.
"""

from __future__ import annotations

PREMIUM = ("AADPremiumService",)  # the service of both P1 and P2
GOVERNANCE = ("e866a266-3cff-43a3-acca-0c90a7e00c8b",)  # Entra_Identity_Governance
PREMIUM_P2 = (
    "eec0eb4f-6444-4f95-aba0-50c24d67f998",  # AAD_PREMIUM_P2
    *GOVERNANCE,
)
