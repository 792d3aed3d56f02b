"""Reads and makes registrations through the `Directory` port.

What must stay true: everything made has a key of its own (uniqueName, credential name, appId, principal and role),
so that a repeated write finds what the first one made; after an unclear answer what is there decides; nothing is
taken away that no step named. A process may die anywhere: the next run reads what there is and does the rest.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from infra.graph.ids import GRAPH_APP_ID
from infra.graph.wanted import (
    CREDENTIAL,
    EXCHANGE,
    App,
    Assigned,
    Kind,
    Standing,
    Step,
    Trust,
    Wanted,
    findings,
    steps,
)
from shared.adapters.graph.errors import graph_error
from shared.domain.errors import AnswerLost, GraphError, GraphNotPermitted, NotYet, Refused
from shared.domain.ports import Clock, Directory, GraphRequest, GraphResponse

Obj = dict[str, Any]

# What a replica that doesn't have an object yet answers to a write that names it; a taken key is 400 or 409.
_NOT_YET: Final = frozenset({400, 404, 409})
_PAUSE: Final = 5.0  # seconds
_AS_PERSON: Final = "Directory.AccessAsUser.All"


@dataclass(frozen=True, slots=True)
class GraphThere:
    """Microsoft Graph's service principal in the protected tenant, and its app roles by id."""

    id: str
    roles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, and what was seen for it."""

    wanted: Wanted
    graph: GraphThere
    standing: Mapping[str, Standing]
    steps: tuple[Step, ...]
    findings: tuple[str, ...]
    prune: bool


class Registrar:
    """`home` and `protected` may be the same directory. `patience`: seconds to wait for replicas, by `clock`."""

    def __init__(self, home: Directory, protected: Directory, clock: Clock, *, patience: float = 300.0) -> None:
        self._home = home
        self._protected = protected
        self._clock = clock
        self._patience = patience

    async def plan(self, wanted: Wanted, *, prune: bool = False) -> Plan:
        """Reads only. Raises `Refused` where the tenant's Microsoft Graph doesn't have a permission of a list."""
        graph = await self._graph()
        for app in wanted.apps:
            for permission in app.permissions:
                if graph.roles.get(permission.app_role_id) != permission.name:
                    raise Refused(
                        f"Microsoft Graph in the protected tenant has no app role {permission.name} with the id "
                        f"{permission.app_role_id}",
                        saved="nothing was changed",
                        hint="compare infra/graph/ids.py with the permissions reference",
                    )
        standing = {app.key: await self._observe(app, graph) for app in wanted.apps}
        todo = steps(wanted, standing, prune=prune)
        return Plan(wanted, graph, standing, todo, findings(wanted, standing), prune)

    async def carry_out(self, plan: Plan, tell: Callable[[str], None]) -> dict[str, Standing]:
        """Does the plan's steps, and reads until all is there. Raises `Refused` before the first write where the
        sign-in lacks a permission, `GraphNotPermitted` where a write is refused, `NotYet` beyond patience."""
        await self._may(plan.steps)
        standing = dict(plan.standing)
        apps = {app.key: app for app in plan.wanted.apps}
        for number, step in enumerate(plan.steps):
            try:
                standing[step.app] = await self._do(step, plan, apps[step.app], standing[step.app])
            except GraphNotPermitted as refusal:
                raise GraphNotPermitted(
                    refusal.what,
                    status=refusal.status,
                    code=refusal.code,
                    request_id=refusal.request_id,
                    saved=f"{number} of {len(plan.steps)} steps are done and stay",
                    hint="sign in with a role that may consent (Privileged Role Administrator), and run it again",
                ) from refusal
            tell(step.text)
        return await self._confirmed(plan) if plan.steps else standing

    # --- reading

    async def _graph(self) -> GraphThere:
        path = f"/v1.0/servicePrincipals(appId='{GRAPH_APP_ID}')?$select=id,appRoles"
        found = await _get(self._protected, path)
        if found is None:
            raise Refused("the protected tenant has no service principal of Microsoft Graph")
        return GraphThere(found["id"], {role["id"]: role["value"] for role in found["appRoles"]})

    async def _observe(self, app: App, graph: GraphThere) -> Standing:
        return await self._principal(graph, await self._application(app))

    async def _application(self, app: App) -> Standing:
        select = "$select=id,appId,signInAudience,passwordCredentials,keyCredentials"
        found = await _get(self._home, f"{_by_name(app)}?{select}")
        if found is None:
            return Standing()
        trusts = await _listed(self._home, f"/v1.0/applications/{found['id']}/federatedIdentityCredentials")
        return Standing(
            object_id=found["id"],
            app_id=found["appId"],
            audience=found["signInAudience"],
            secrets=len(found["passwordCredentials"]) + (0 if app.by_certificate else len(found["keyCredentials"])),
            trusts=tuple(
                Trust(one["id"], one["name"], one["issuer"], one["subject"], tuple(one["audiences"]))
                for one in trusts
            ),
        )

    async def _principal(self, graph: GraphThere, there: Standing) -> Standing:
        if not there.app_id:
            return there
        path = f"/v1.0/servicePrincipals(appId='{there.app_id}')?$select=id,accountEnabled"
        found = await _get(self._protected, path)
        if found is None:
            return replace(there, principal="", assigned=())
        listed = await _listed(self._protected, f"/v1.0/servicePrincipals/{found['id']}/appRoleAssignments")
        return replace(
            there,
            principal=found["id"],
            enabled=found["accountEnabled"],
            assigned=tuple(
                Assigned(
                    one["id"],
                    graph.roles.get(one["appRoleId"], one["appRoleId"])
                    if one["resourceId"] == graph.id
                    else one["appRoleId"],
                    one["resourceId"] == graph.id,
                )
                for one in listed
            ),
        )

    async def _confirmed(self, plan: Plan) -> dict[str, Standing]:
        """Waits until replicas show what was done, so that the next run has nothing to do."""
        end = self._clock.now().timestamp() + self._patience
        while True:
            standing = {app.key: await self._observe(app, plan.graph) for app in plan.wanted.apps}
            left = steps(plan.wanted, standing, prune=plan.prune)
            if not left:
                return standing
            if self._clock.now().timestamp() >= end:
                raise NotYet(
                    f"the directory doesn't show yet: {left[0].text}",
                    saved="what was done stays",
                    hint="run it again in a few minutes; it does only what is missing",
                )
            await self._clock.sleep(_PAUSE)

    # --- writing

    async def _may(self, todo: tuple[Step, ...]) -> None:
        for directory, at_home in ((self._home, True), (self._protected, False)):
            mine = [step for step in todo if step.at_home is at_home]
            needed = {"Application.ReadWrite.All"} if mine else set()
            if any(step.kind in (Kind.ASSIGN, Kind.TAKE) for step in mine):
                needed.add("AppRoleAssignment.ReadWrite.All")
            granted = await directory.roles()
            if granted is not None and _AS_PERSON not in granted and (missing := sorted(needed - granted)):
                raise Refused(
                    f"the sign-in to the {'home' if at_home else 'protected'} tenant lacks {', '.join(missing)}",
                    saved="nothing was changed",
                    hint="consent to it for the application that you sign in with",
                )

    async def _do(self, step: Step, plan: Plan, app: App, there: Standing) -> Standing:
        request = _written(step, plan, app, there)

        async def application() -> Standing:
            return await self._application(app)

        async def principal() -> Standing:
            return await self._principal(plan.graph, there)

        if step.kind is Kind.REGISTER:
            return await self._until(self._home, request, application, lambda now: now.app_id != "")
        if step.kind is Kind.ADMIT:
            return await self._until(self._protected, request, principal, lambda now: now.principal != "")
        directory, look = (self._home, application) if step.at_home else (self._protected, principal)
        await self._until(directory, request, look, lambda now: not _still(step, plan, app, now), seen=False)
        return there

    async def _until(
        self,
        directory: Directory,
        request: GraphRequest,
        look: Callable[[], Awaitable[Standing]],
        done: Callable[[Standing], bool],
        *,
        seen: bool = True,
    ) -> Standing:
        """Writes until the answer is clear or `look` shows it done; with `seen`, waits for the latter anyway."""
        end = self._clock.now().timestamp() + self._patience
        sent = False
        refusal: Exception = NotYet("the directory doesn't show yet what was written", saved="it was written")
        while True:
            if not sent:
                sent, refusal = await _tried(directory, request, refusal)
                if sent and not seen:
                    return Standing()
            now = await look()
            if done(now):
                return now
            if self._clock.now().timestamp() >= end:
                raise refusal
            await self._clock.sleep(_PAUSE)


async def _tried(directory: Directory, request: GraphRequest, last: Exception) -> tuple[bool, Exception]:
    """Whether a write was carried out for certain, and what to say if its effect never shows."""
    try:
        answer = await directory.send(request)
    except AnswerLost as lost:
        return False, lost
    if answer.ok:
        return True, last
    refusal = _error(request, answer)
    if "(uniqueName=" in request.path:
        refusal.hint = "an application deleted within 30 days may hold the name: restore it, or delete it for good"
    if answer.status not in _NOT_YET:
        raise refusal
    return False, refusal


def _still(step: Step, plan: Plan, app: App, now: Standing) -> bool:
    """Whether the step would be planned again."""
    again = steps(replace(plan.wanted, apps=(app,)), {app.key: now}, prune=True)
    return any((one.kind, one.what) == (step.kind, step.what) for one in again)


def _written(step: Step, plan: Plan, app: App, there: Standing) -> GraphRequest:
    match step.kind:
        case Kind.REGISTER | Kind.AUDIENCE:
            body: Obj = {"displayName": app.display_name, "signInAudience": plan.wanted.audience}
            return GraphRequest("PATCH", _by_name(app), body, {"Prefer": "create-if-missing"})
        case Kind.TRUST | Kind.MOVE_TRUST | Kind.DISTRUST:
            return _about_trust(step, plan.wanted, app, there)
        case Kind.ADMIT:
            body = {"appId": there.app_id, "accountEnabled": app.enabled}
            return GraphRequest("POST", "/v1.0/servicePrincipals", body)
        case Kind.ASSIGN | Kind.TAKE:
            return _about_role(step, plan.graph, app, there)


def _about_trust(step: Step, wanted: Wanted, app: App, there: Standing) -> GraphRequest:
    path = f"/v1.0/applications/{there.object_id}/federatedIdentityCredentials"
    if step.kind is Kind.DISTRUST:
        return GraphRequest("DELETE", f"{path}/{step.what}")
    trust: Obj = {"issuer": wanted.issuer, "subject": app.identity, "audiences": [EXCHANGE]}
    if step.kind is Kind.MOVE_TRUST:
        return GraphRequest("PATCH", f"{path}/{step.what}", trust)
    return GraphRequest("POST", path, {"name": CREDENTIAL, **trust})


def _about_role(step: Step, graph: GraphThere, app: App, there: Standing) -> GraphRequest:
    if step.kind is Kind.TAKE:
        return GraphRequest("DELETE", f"/v1.0/servicePrincipals/{there.principal}/appRoleAssignments/{step.what}")
    role = next(one.app_role_id for one in app.permissions if one.name == step.what)
    body: Obj = {"principalId": there.principal, "resourceId": graph.id, "appRoleId": role}
    return GraphRequest("POST", f"/v1.0/servicePrincipals/{graph.id}/appRoleAssignedTo", body)


def _by_name(app: App) -> str:
    return f"/v1.0/applications(uniqueName='{app.unique_name}')"


def _error(request: GraphRequest, answer: GraphResponse) -> GraphError:
    return graph_error(request.method, request.path, answer.status, answer.body, answer.request_id)


async def _get(directory: Directory, path: str) -> Obj | None:
    """One object; None where there is none, or none yet."""
    request = GraphRequest("GET", path)
    answer = await directory.send(request)
    if answer.status == 404:
        return None
    if not answer.ok:
        raise _error(request, answer)
    found: Obj = json.loads(answer.body)
    return found


async def _listed(directory: Directory, path: str) -> list[Obj]:
    """All pages; none where the owner isn't on this replica yet."""
    found: list[Obj] = []
    link: str | None = path
    try:
        while link is not None:
            page = await directory.page(GraphRequest("GET", link))
            found += [json.loads(item) for item in page.items]
            link = page.next_link
    except GraphError as error:
        if error.status != 404:
            raise
    return found
