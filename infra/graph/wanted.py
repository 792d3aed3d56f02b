"""What registrations should be, what they are, and the steps from one to the other. Pure.

One application per app, in the tenant where the managed identities live, known by its `uniqueName`. It has no
secret: it trusts the managed identity. In the protected tenant stand its service principal and what that may do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from infra.graph.lists import RESTORE, UNLOCK, Permission

# learn.microsoft.com, "Configure an application to trust a managed identity": the name is ours, the rest is fixed.
CREDENTIAL: Final = "holdfast-managed-identity"
EXCHANGE: Final = "api://AzureADTokenExchange"
_ISSUER: Final = "https://login.microsoftonline.com/{tenant}/v2.0"


@dataclass(frozen=True, slots=True)
class App:
    """`identity` is the managed identity's principal id, "" as long as there is none."""

    key: str
    unique_name: str
    display_name: str
    identity: str
    permissions: tuple[Permission, ...]

    @property
    def enabled(self) -> bool:
        """Whether its service principal starts out able to sign in. The restore app's is enabled when needed; the
        unlock app is for the day on which nobody could enable it."""
        return self.key != RESTORE

    @property
    def by_certificate(self) -> bool:
        """Whether it may hold a certificate: the unlock app is used where no managed identity runs."""
        return self.key == UNLOCK


@dataclass(frozen=True, slots=True)
class Wanted:
    """`home`: tenant of the subscription with the managed identities; `protected`: tenant that is backed up."""

    home: str
    protected: str
    apps: tuple[App, ...]

    @property
    def audience(self) -> str:
        return "AzureADMyOrg" if self.home == self.protected else "AzureADMultipleOrgs"

    @property
    def issuer(self) -> str:
        return _ISSUER.format(tenant=self.home)


def wanted(
    name: str, home: str, protected: str, identities: Mapping[str, str], lists: Mapping[str, tuple[Permission, ...]]
) -> Wanted:
    """One app for each key of `identities`. Names hold prefix and protected tenant: deployments don't meet."""
    apps = tuple(
        App(key, f"{name}-{key}-{protected}", f"Holdfast {key} ({name})", identity, lists[key])
        for key, identity in identities.items()
    )
    return Wanted(home, protected, apps)


@dataclass(frozen=True, slots=True)
class Trust:
    """A federated identity credential."""

    id: str
    name: str
    issuer: str
    subject: str
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assigned:
    """An app role assignment; `role` is Graph's name of it, or its id where the resource isn't Graph."""

    id: str
    role: str
    on_graph: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What there is of one app; an empty id: there is none. `secrets` counts what it shouldn't have."""

    object_id: str = ""
    app_id: str = ""
    audience: str = ""
    secrets: int = 0
    trusts: tuple[Trust, ...] = ()
    principal: str = ""
    enabled: bool = False
    assigned: tuple[Assigned, ...] = ()


class Kind(StrEnum):
    REGISTER = "register"
    AUDIENCE = "audience"
    TRUST = "trust"
    MOVE_TRUST = "moveTrust"
    DISTRUST = "distrust"
    ADMIT = "admit"
    ASSIGN = "assign"
    TAKE = "take"


@dataclass(frozen=True, slots=True)
class Step:
    """One write. `what`: permission, or id of what goes; `text` says it to a person."""

    kind: Kind
    app: str
    text: str
    what: str = ""

    @property
    def at_home(self) -> bool:
        return self.kind not in (Kind.ADMIT, Kind.ASSIGN, Kind.TAKE)


def steps(plan: Wanted, standing: Mapping[str, Standing], *, prune: bool) -> tuple[Step, ...]:
    """In the order in which they are carried out; none where all is as wanted."""
    return tuple(
        Step(kind, app.key, f"{app.key}: {text}", what)
        for app in plan.apps
        for kind, text, what in _of(plan, app, standing[app.key], prune)
    )


def _of(plan: Wanted, app: App, there: Standing, prune: bool) -> Iterator[tuple[Kind, str, str]]:
    if not there.app_id:
        yield Kind.REGISTER, f"register the application {app.unique_name} in tenant {plan.home}", ""
    elif there.audience != plan.audience:
        yield Kind.AUDIENCE, f"change the application's audience to {plan.audience}", plan.audience
    yield from _trusts(plan, app, there, prune)
    if not there.principal:
        how = "enabled" if app.enabled else "disabled"
        yield Kind.ADMIT, f"make its service principal in tenant {plan.protected}, {how}", ""
    held = {one.role for one in there.assigned if one.on_graph}
    for permission in app.permissions:
        if permission.name not in held:
            yield Kind.ASSIGN, f"assign Microsoft Graph's {permission.name}", permission.name
    if prune:
        for assigned in surplus(app, there):
            yield Kind.TAKE, f"take {_named(assigned)} away", assigned.id


def _trusts(plan: Wanted, app: App, there: Standing, prune: bool) -> Iterator[tuple[Kind, str, str]]:
    if app.identity:
        right = (plan.issuer, app.identity, (EXCHANGE,))
        ours = next((one for one in there.trusts if one.name == CREDENTIAL), None)
        if ours is None:
            yield Kind.TRUST, f"trust the managed identity {app.identity}", app.identity
        elif (ours.issuer, ours.subject, ours.audiences) != right:
            yield Kind.MOVE_TRUST, f"trust the managed identity {app.identity} in place of {ours.subject}", ours.id
    if prune:
        for trust in strangers(there):
            yield Kind.DISTRUST, f"remove the federated credential {trust.id}, which is not Holdfast's", trust.id


def surplus(app: App, there: Standing) -> tuple[Assigned, ...]:
    """Assignments beyond the app's list."""
    listed = {permission.name for permission in app.permissions}
    return tuple(one for one in there.assigned if not (one.on_graph and one.role in listed))


def strangers(there: Standing) -> tuple[Trust, ...]:
    """Federated credentials that let somebody else be this app."""
    return tuple(one for one in there.trusts if one.name != CREDENTIAL)


def findings(plan: Wanted, standing: Mapping[str, Standing]) -> tuple[str, ...]:
    """What is there and shouldn't be. Nothing here is changed without `prune`; secrets and states never are."""
    return tuple(f"{app.key}: {text}" for app in plan.apps for text in _remarks(app, standing[app.key]))


def _remarks(app: App, there: Standing) -> Iterator[str]:
    yield from (f"holds {_named(one)}, which its list doesn't have" for one in surplus(app, there))
    yield from (f"trusts a federated credential that is not Holdfast's ({one.id})" for one in strangers(there))
    if there.secrets:
        yield f"has {there.secrets} passwords or certificates; it needs none: remove them by hand"
    if there.principal and there.enabled and not app.enabled:
        yield "its service principal is enabled: right during a restore, and only then"
    if there.principal and not there.enabled and app.enabled:
        yield "its service principal is disabled: nothing is backed up"


def _named(one: Assigned) -> str:
    return f"Microsoft Graph's {one.role}" if one.on_graph else f"an app role of another resource ({one.role})"
