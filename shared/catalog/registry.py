"""The catalog: every declared type in one ordered, checked collection."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable
from dataclasses import dataclass
from functools import cached_property

from shared.catalog.access_reviews import ACCESS_REVIEWS
from shared.catalog.administrative_units import ADMINISTRATIVE_UNITS
from shared.catalog.agents import AGENT_IDENTITIES, INHERITABLE_PERMISSIONS
from shared.catalog.app_management import APP_MANAGEMENT_POLICIES, DEFAULT_APP_MANAGEMENT_POLICY
from shared.catalog.app_policies import STS_POLICIES
from shared.catalog.applications import APPLICATIONS, FEDERATED_IDENTITY_CREDENTIALS
from shared.catalog.audits import DIRECTORY_AUDITS
from shared.catalog.authentication import (
    AUTHENTICATION_CONTEXTS,
    AUTHENTICATION_METHOD_CONFIGURATIONS,
    AUTHENTICATION_METHODS_POLICY,
    AUTHENTICATION_STRENGTH_POLICIES,
    COMBINATION_CONFIGURATIONS,
    VERIFIED_ID_PROFILES,
)
from shared.catalog.authentication_events import AUTHENTICATION_EVENT_LISTENERS, AUTHENTICATION_EVENTS_FLOWS
from shared.catalog.branding import ORGANIZATIONAL_BRANDING
from shared.catalog.certificates import (
    CERTIFICATE_AUTHORITIES,
    OLDER_CERTIFICATE_AUTHORITIES,
    PUBLIC_KEY_INFRASTRUCTURES,
)
from shared.catalog.conditional_access import CONDITIONAL_ACCESS_POLICIES, NAMED_LOCATIONS
from shared.catalog.consent import (
    DELEGATED_PERMISSION_CLASSIFICATIONS,
    PERMISSION_GRANT_EXCLUDES,
    PERMISSION_GRANT_INCLUDES,
    PERMISSION_GRANT_POLICIES,
)
from shared.catalog.cross_tenant import (
    CROSS_TENANT_ACCESS_DEFAULT,
    CROSS_TENANT_ACCESS_PARTNERS,
    CROSS_TENANT_ACCESS_POLICY,
    CROSS_TENANT_IDENTITY_SYNCHRONIZATION,
    MULTI_TENANT_ORGANIZATION,
    MULTI_TENANT_ORGANIZATION_TENANTS,
    PARTNER_TEMPLATE,
    SYNCHRONIZATION_TEMPLATE,
)
from shared.catalog.domains import DOMAIN_FEDERATIONS, DOMAINS
from shared.catalog.entitlement import (
    ACCESS_PACKAGE_RESOURCES,
    ACCESS_PACKAGES,
    ASSIGNMENT_POLICIES,
    ASSIGNMENTS,
    CUSTOM_WORKFLOW_EXTENSIONS,
    END_USER_SETTINGS,
    ENTITLEMENT_ROLE_ASSIGNMENTS,
    RESOURCE_ROLE_SCOPES,
)
from shared.catalog.extensions import EXTENSION_PROPERTIES
from shared.catalog.external_identities import EXTERNAL_IDENTITIES
from shared.catalog.facets import (
    GROUP_MAIL_SETTINGS,
    GROUP_PHOTOS,
    SYNC_BEHAVIORS,
    USER_AUTHENTICATION_METHODS,
    USER_PHOTOS,
    USER_PROFILES,
    USER_SIGN_IN_ACTIVITY,
)
from shared.catalog.governance import (
    ACCESS_PACKAGE_CATALOGS,
    CONNECTED_ORGANIZATIONS,
    ENTITLEMENT_MANAGEMENT_SETTINGS,
    LIFECYCLE_MANAGEMENT_SETTINGS,
)
from shared.catalog.grants import OAUTH2_PERMISSION_GRANTS
from shared.catalog.group_access import GROUP_ASSIGNMENTS, GROUP_ELIGIBILITIES, GROUP_ROLE_SETTINGS
from shared.catalog.groups import GROUP_SETTINGS, GROUP_SPECIFIC_SETTINGS, GROUPS
from shared.catalog.inventory import DEVICES, ORG_CONTACTS, SCHEMA_EXTENSIONS, SUBSCRIBED_SKUS
from shared.catalog.lifecycle import CUSTOM_TASK_EXTENSIONS, LIFECYCLE_WORKFLOWS
from shared.catalog.open_extensions import (
    DEVICE_EXTENSIONS,
    GROUP_EXTENSIONS,
    ORGANIZATION_EXTENSIONS,
    UNIT_EXTENSIONS,
    USER_EXTENSIONS,
)
from shared.catalog.policies import (
    ADMIN_CONSENT_REQUEST_POLICY,
    AUTHENTICATION_FLOWS_POLICY,
    GROUP_LIFECYCLE_POLICIES,
    SECURITY_DEFAULTS,
)
from shared.catalog.recycle_bin import bins_of
from shared.catalog.roles import (
    ROLE_ASSIGNMENT_INSTANCES,
    ROLE_ASSIGNMENT_SCHEDULES,
    ROLE_ASSIGNMENTS,
    ROLE_DEFINITIONS,
    ROLE_ELIGIBILITIES,
    ROLE_SETTINGS,
)
from shared.catalog.security_attributes import ATTRIBUTE_SETS, CUSTOM_SECURITY_ATTRIBUTE_DEFINITIONS
from shared.catalog.service_principals import APP_ROLE_ASSIGNMENTS, MANAGED_IDENTITY_CREDENTIALS, SERVICE_PRINCIPALS
from shared.catalog.settings import (
    DEVICE_REGISTRATION_POLICY,
    EXTERNAL_IDENTITIES_POLICY,
    FEDERATED_TOKEN_VALIDATION_POLICY,
)
from shared.catalog.spec import Drill, LinkWrite, MemberGroup, ObjectType, Relationship, Tier
from shared.catalog.synchronization import PROVISIONING_TEMPLATES, SYNCHRONIZATION_JOBS
from shared.catalog.tenant import AUTHORIZATION_POLICY, ORGANIZATION
from shared.catalog.unreadable import (
    AGREEMENTS,
    FEATURE_ROLLOUT_POLICIES,
    FRAUD_PROTECTION_PROVIDERS,
    ON_PREMISES_SYNCHRONIZATION,
    OWNERLESS_GROUP_POLICY,
    WEB_APPLICATION_FIREWALL_PROVIDERS,
)
from shared.catalog.users import USERS
from shared.domain.errors import Unusable


@dataclass(frozen=True)
class Catalog:
    """Types in reading order. Raises `ValueError` on declarations that contradict each other."""

    types: tuple[ObjectType, ...]

    def __post_init__(self) -> None:
        names = [spec.name for spec in self.types]
        if len(set(names)) != len(names):
            raise ValueError("a type is declared twice")
        for spec in self.types:
            self._check(spec, set(names))

    def _check(self, spec: ObjectType, names: set[str]) -> None:
        self._check_names(spec, names)
        self._check_reasons(spec)
        if unknown := {action.member for action in spec.actions} - set(spec.writable):
            raise ValueError(f"{spec.name} has actions for {sorted(unknown)}, which it doesn't call writable")
        if unknown := {part.member for part in spec.parts} - set(spec.writable):
            raise ValueError(f"{spec.name} has parts of {sorted(unknown)}, which it doesn't call writable")
        if mixed := {one.member for one in spec.apart} & {*spec.writable, *spec.create_only, *spec.select}:
            raise ValueError(f"{spec.name} has {sorted(mixed)} apart, and with its other members")
        if twice := set(spec.writable) & (set(spec.create_only) | set(spec.set_after) | set(spec.action_only)):
            raise ValueError(f"{spec.name} declares {sorted(twice)} in two ways")
        asked = {*spec.select, *(name for group in spec.member_groups for name in group.members)}
        asked |= {one.member for one in spec.apart}
        if spec.select and (unread := (spec.restorable | {spec.name_property}) - asked):
            raise ValueError(f"{spec.name} would restore {sorted(unread)} without reading them")
        if spec.member_groups and not spec.select:
            raise ValueError(f"{spec.name} asks for members beside others that it doesn't name")
        if spec.put_names and not (spec.put and set(spec.put_names) <= set(spec.create_only)):
            raise ValueError(f"{spec.name} names members in a PUT that it doesn't send or that it changes")
        if spec.put and (spec.enabling or spec.actions or spec.member_groups):
            raise ValueError(f"{spec.name} is changed whole, and in parts")
        if spec.create and not spec.anchor:
            raise ValueError(f"{spec.name} can be created but not recognised after a lost answer")

    def _check_names(self, spec: ObjectType, names: set[str]) -> None:
        if spec.parent:
            parent = self.get(spec.parent)
            if parent.relationship(spec.parent_relationship).contains != spec.name:
                raise ValueError(f"{spec.parent}.{spec.parent_relationship} does not contain {spec.name}")
        if spec.facet is not None and (spec.facet.of not in names or spec.restorable or not spec.only_read):
            raise ValueError(f"{spec.name} is a facet of nothing, or would be written")
        if spec.facet is not None and (len(spec.apart) > 1 or (spec.apart and spec.facet.collection)):
            raise ValueError(f"{spec.name} is read at two paths of each owner")
        for relationship in spec.relationships:
            if relationship.contains and relationship.contains not in names:
                raise ValueError(f"{spec.name}.{relationship.name} contains an undeclared type")
            if relationship.granted is not None and relationship.granted.by not in names:
                raise ValueError(f"{spec.name}.{relationship.name} is granted by an undeclared type")
            far, acts = relationship.written_far, relationship.write is LinkWrite.FAR_ACTION
            if far != bool(relationship.far) or (far and set(relationship.target_types) - names):
                raise ValueError(f"{spec.name}.{relationship.name} doesn't say where it is written")
            if {acts} != {bool(relationship.far_away), bool(relationship.far_member)}:
                raise ValueError(f"{spec.name}.{relationship.name} doesn't say by which actions it is written")
            if relationship.asked_while is not None and len(relationship.target_types) != 1:
                raise ValueError(f"{spec.name}.{relationship.name} doesn't say of what its links depend")
        for reference in spec.references:
            if missing := set(reference.to) - names:
                raise ValueError(f"{spec.name}.{reference.path} refers to {sorted(missing)}")
        if spec.scoped is not None and (spec.scoped.of not in names or "{id}" not in "".join(spec.query)):
            raise ValueError(f"{spec.name} is listed for an undeclared type, or for no object of it")
        for group in spec.member_groups:
            if group.found is not None and group.found.declared_by not in names:
                raise ValueError(f"{spec.name} has members that an undeclared type declares")
        if spec.governed is not None and spec.governed.by not in names:
            raise ValueError(f"{spec.name} is governed by an undeclared type")
        if spec.nature is not None and spec.nature.told_by and spec.nature.told_by not in names:
            raise ValueError(f"{spec.name} is told apart by an undeclared type")
        if spec.nature is not None and (
            bool(spec.nature.begun_as) != bool(spec.nature.same) or {spec.nature.begun_as} - {"", *names}
        ):
            raise ValueError(f"{spec.name} begins as an undeclared type, or doesn't say how it is known")
        if strange := {action.refined_by for action in spec.actions if action.refined_by} - names:
            raise ValueError(f"{spec.name} has values refined by {sorted(strange)}, which are not declared")

    @staticmethod
    def _check_reasons(spec: ObjectType) -> None:
        tiers = ((spec.tier, spec.off_because), *((one.tier, one.off_because) for one in spec.relationships))
        for tier, off_because in tiers:
            if (tier is Tier.OPT_IN) != bool(off_because):
                raise ValueError(f"{spec.name} is off and doesn't say why, or says why and isn't")
        if spec.series is not None and (spec.delta or spec.relationships or not spec.only_read):
            raise ValueError(f"{spec.name} is a series, and has more than its events")
        if spec.tier is Tier.ROLLING:
            raise ValueError(f"{spec.name} is declared rolling, which only a relationship can be")
        for one in spec.relationships:
            if one.expands and one.asked_when is not None:
                raise ValueError(f"{spec.name}.{one.name} is expanded, and asks of some parents only")
            if one.at and (one.expands or one.written_far or one.write is LinkWrite.BIND):
                raise ValueError(f"{spec.name}.{one.name} is at a path of its own, and read or written elsewhere")
            rolls = one.tier is Tier.ROLLING
            if rolls != (one.rolling_days > 1) or (rolls and (one.expands or one.delta or not one.many)):
                raise ValueError(f"{spec.name}.{one.name} can't roll, or doesn't say over how many days it does")
        if (spec.create is None) != bool(spec.evidence_only or spec.not_created):
            raise ValueError(f"{spec.name} is not created and doesn't say why, or says why and is")
        if spec.not_read and (spec.needs_to_read or spec.needs_to_write or spec.restorable):
            raise ValueError(f"{spec.name} can't be read, and declares what it takes to")
        if (spec.drill is Drill.NONE) != bool(spec.no_drill):
            raise ValueError(f"{spec.name} has no drill and doesn't say why, or says why and has one")

    @cached_property
    def _by_name(self) -> dict[str, ObjectType]:
        return {spec.name: spec for spec in self.types}

    @cached_property
    def _by_odata_type(self) -> dict[str, ObjectType]:
        own = [spec for spec in self.types if spec.facet is None and not spec.bin_of]
        # Of two collections of the same type the first is where such objects are at home.
        return {tag: spec for spec in reversed(own) for tag in (spec.odata_type, *spec.subtypes)}

    @cached_property
    def version(self) -> str:
        """Changes with any declaration; recorded in manifests and plans."""
        return hashlib.sha256(repr(self.types).encode()).hexdigest()[:16]

    def get(self, name: str) -> ObjectType:
        """Raises `Unusable` for a name that isn't in the catalog."""
        try:
            return self._by_name[name]
        except KeyError:
            known = ", ".join(sorted(self._by_name))
            raise Unusable(f"no object type {name!r} in the catalog", hint=f"known: {known}") from None

    def by_odata_type(self, odata_type: str) -> ObjectType | None:
        return self._by_odata_type.get(odata_type)

    @cached_property
    def compared(self) -> tuple[ObjectType, ...]:
        """Types whose objects have a state, which can differ and be restored: all but series."""
        return tuple(spec for spec in self.types if spec.series is None)

    @cached_property
    def relationships(self) -> tuple[tuple[ObjectType, Relationship], ...]:
        return tuple((spec, relationship) for spec in self.types for relationship in spec.relationships)

    def tier(self, spec: ObjectType) -> Tier:
        """How often objects of the type are read; contained ones as often as the relationship that holds them."""
        if spec.parent:
            return self.get(spec.parent).relationship(spec.parent_relationship).tier
        return spec.tier

    @cached_property
    def opt_ins(self) -> dict[str, str]:
        """What is read only where it is asked for, by type or relationship, and why it is off."""
        off = {spec.name: spec.off_because for spec in self.types if spec.tier is Tier.OPT_IN}
        off |= {
            f"{spec.name}.{one.name}": one.off_because
            for spec, one in self.relationships
            if one.tier is Tier.OPT_IN
        }
        return off

    def check_opt_in(self, names: Iterable[str]) -> None:
        """Raises `Unusable` for a name that is none of `opt_ins`."""
        if strange := set(names) - self.opt_ins.keys():
            known = ", ".join(sorted(self.opt_ins))
            raise Unusable(
                f"HOLDFAST_OPT_IN: no opt-in is named {', '.join(sorted(strange))}", hint=f"known: {known}"
            )

    @cached_property
    def parts(self) -> tuple[tuple[ObjectType, Relationship | MemberGroup], ...]:
        """What of each type asks for permissions of its own: relationships, and groups of members."""
        linked = self.relationships
        return (*linked, *((spec, group) for spec in self.types for group in spec.member_groups))

    def needs(
        self, *, write: bool, opt_in: Iterable[str] = (), by_choice: bool = True
    ) -> tuple[tuple[str, ...], ...]:
        """Permissions for the whole catalog, of what is off by itself for those named only: all of, each any of.
        Sorted, without repeats. `by_choice`: with what only an owner may add (`ObjectType.write_by_choice`)."""
        groups: set[tuple[str, ...]] = set()
        off = self.opt_ins.keys() - set(opt_in)
        for spec in self.types:
            if spec.name in off or (write and (spec.evidence_only or (spec.write_by_choice and not by_choice))):
                continue
            groups.update(spec.needs_to_write if write else spec.needs_to_read)
            if write:
                groups.update(extra.permissions for extra in spec.needs_to_write_also)
        for spec, part in self.parts:
            if spec.name in off or f"{spec.name}.{part.name}" in off:
                continue
            if write and (spec.write_by_choice or part.write_by_choice) and not by_choice:
                continue
            groups.update(part.needs_to_write if write else part.needs_to_read)
        return tuple(sorted(groups))

    def lacking(self, held: Container[str], *, write: bool, opt_in: Iterable[str] = ()) -> tuple[str, ...]:
        """Permissions of the lists that a token's roles leave out, each as `this|or that`. What no list gives, an
        owner may do without."""
        needs = self.needs(write=write, opt_in=opt_in, by_choice=False)
        return tuple("|".join(any_of) for any_of in needs if not any(name in held for name in any_of))


_DECLARED = Catalog(
    (
        ORGANIZATION,
        USERS,
        GROUPS,
        APPLICATIONS,
        FEDERATED_IDENTITY_CREDENTIALS,
        ATTRIBUTE_SETS,
        CUSTOM_SECURITY_ATTRIBUTE_DEFINITIONS,
        EXTENSION_PROPERTIES,
        SERVICE_PRINCIPALS,
        APP_ROLE_ASSIGNMENTS,
        OAUTH2_PERMISSION_GRANTS,
        ADMINISTRATIVE_UNITS,
        ROLE_DEFINITIONS,
        ROLE_ASSIGNMENT_INSTANCES,
        ROLE_ASSIGNMENTS,
        ROLE_ELIGIBILITIES,
        GROUP_ELIGIBILITIES,
        GROUP_ASSIGNMENTS,
        ROLE_SETTINGS,
        GROUP_ROLE_SETTINGS,
        AUTHENTICATION_METHODS_POLICY,
        AUTHENTICATION_METHOD_CONFIGURATIONS,
        AUTHENTICATION_STRENGTH_POLICIES,
        COMBINATION_CONFIGURATIONS,
        AUTHENTICATION_CONTEXTS,
        NAMED_LOCATIONS,
        CONDITIONAL_ACCESS_POLICIES,
        AUTHORIZATION_POLICY,
        GROUP_SETTINGS,
        SECURITY_DEFAULTS,
        ADMIN_CONSENT_REQUEST_POLICY,
        AUTHENTICATION_FLOWS_POLICY,
        GROUP_LIFECYCLE_POLICIES,
        USER_PROFILES,
        USER_AUTHENTICATION_METHODS,
        USER_SIGN_IN_ACTIVITY,
        GROUP_MAIL_SETTINGS,
        USER_PHOTOS,
        GROUP_PHOTOS,
        CROSS_TENANT_ACCESS_POLICY,
        CROSS_TENANT_ACCESS_DEFAULT,
        CROSS_TENANT_ACCESS_PARTNERS,
        CROSS_TENANT_IDENTITY_SYNCHRONIZATION,
        PARTNER_TEMPLATE,
        SYNCHRONIZATION_TEMPLATE,
        MULTI_TENANT_ORGANIZATION,
        MULTI_TENANT_ORGANIZATION_TENANTS,
        DEVICE_REGISTRATION_POLICY,
        EXTERNAL_IDENTITIES_POLICY,
        DOMAINS,
        DOMAIN_FEDERATIONS,
        PUBLIC_KEY_INFRASTRUCTURES,
        CERTIFICATE_AUTHORITIES,
        AGREEMENTS,
        FEATURE_ROLLOUT_POLICIES,
        ON_PREMISES_SYNCHRONIZATION,
        DEVICES,
        ORG_CONTACTS,
        SUBSCRIBED_SKUS,
        SCHEMA_EXTENSIONS,
        ENTITLEMENT_MANAGEMENT_SETTINGS,
        LIFECYCLE_MANAGEMENT_SETTINGS,
        CONNECTED_ORGANIZATIONS,
        ACCESS_PACKAGE_CATALOGS,
        ACCESS_REVIEWS,
        CUSTOM_TASK_EXTENSIONS,
        LIFECYCLE_WORKFLOWS,
        *STS_POLICIES,
        DIRECTORY_AUDITS,
        DEFAULT_APP_MANAGEMENT_POLICY,
        APP_MANAGEMENT_POLICIES,
        PERMISSION_GRANT_POLICIES,
        PERMISSION_GRANT_INCLUDES,
        PERMISSION_GRANT_EXCLUDES,
        DELEGATED_PERMISSION_CLASSIFICATIONS,
        MANAGED_IDENTITY_CREDENTIALS,
        *EXTERNAL_IDENTITIES,
        ORGANIZATIONAL_BRANDING,
        SYNCHRONIZATION_JOBS,
        AUTHENTICATION_EVENTS_FLOWS,
        AUTHENTICATION_EVENT_LISTENERS,
        ACCESS_PACKAGE_RESOURCES,
        CUSTOM_WORKFLOW_EXTENSIONS,
        ACCESS_PACKAGES,
        RESOURCE_ROLE_SCOPES,
        ASSIGNMENT_POLICIES,
        ASSIGNMENTS,
        ENTITLEMENT_ROLE_ASSIGNMENTS,
        END_USER_SETTINGS,
        FEDERATED_TOKEN_VALIDATION_POLICY,
        OWNERLESS_GROUP_POLICY,
        VERIFIED_ID_PROFILES,
        FRAUD_PROTECTION_PROVIDERS,
        WEB_APPLICATION_FIREWALL_PROVIDERS,
        GROUP_SPECIFIC_SETTINGS,
        ROLE_ASSIGNMENT_SCHEDULES,
        USER_EXTENSIONS,
        GROUP_EXTENSIONS,
        DEVICE_EXTENSIONS,
        UNIT_EXTENSIONS,
        ORGANIZATION_EXTENSIONS,
        PROVISIONING_TEMPLATES,
        *SYNC_BEHAVIORS,
        OLDER_CERTIFICATE_AUTHORITIES,
        INHERITABLE_PERMISSIONS,
        AGENT_IDENTITIES,
    )
)

CATALOG = Catalog((*_DECLARED.types, *bins_of(_DECLARED.types)))
