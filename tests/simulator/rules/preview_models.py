"""Entity types that only Graph's beta endpoint knows. Their members are in preview.py, with the pages."""

from __future__ import annotations

from msgraph.generated.models.policy_base import PolicyBase


class ExternalIdentitiesPolicy(PolicyBase):
    """externalIdentitiesPolicy resource type (beta)."""
