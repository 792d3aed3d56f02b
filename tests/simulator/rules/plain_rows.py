"""All plain types, by family."""

from __future__ import annotations

from .plain import Plain
from .plain_access_reviews import ACCESS_REVIEWS_ROWS
from .plain_app_management import APP_MANAGEMENT
from .plain_app_policies import APP_POLICIES
from .plain_apps import APPS
from .plain_branding import BRANDING
from .plain_consent import CONSENT
from .plain_cross_tenant import CROSS_TENANT
from .plain_entitlement import ENTITLEMENT
from .plain_events import EVENTS
from .plain_external import EXTERNAL
from .plain_governance import GOVERNANCE
from .plain_group_settings import GROUP_SETTINGS_ROWS
from .plain_inventory import INVENTORY
from .plain_lifecycle import LIFECYCLE
from .plain_policies import POLICIES
from .plain_settings import SETTINGS
from .plain_synchronization import SYNCHRONIZATION

PLAIN: tuple[Plain, ...] = (
    *POLICIES,
    *APPS,
    *CROSS_TENANT,
    *SETTINGS,
    *INVENTORY,
    *GOVERNANCE,
    *APP_POLICIES,
    *APP_MANAGEMENT,
    *CONSENT,
    *EXTERNAL,
    *BRANDING,
    *SYNCHRONIZATION,
    *EVENTS,
    *ENTITLEMENT,
    *ACCESS_REVIEWS_ROWS,
    *LIFECYCLE,
    *GROUP_SETTINGS_ROWS,
)
