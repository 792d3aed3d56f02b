"""What happens while somebody signs up or in."""

from __future__ import annotations

from .form import TypeRule
from .plain import Named, Plain
from .registry import any_of

_GUIDE = "https://learn.microsoft.com/graph/api/"
_READ = any_of("EventListener.Read.All", "EventListener.ReadWrite.All")
_WRITE = any_of("EventListener.ReadWrite.All")
_APPS = Named(
    "conditions.applications.includeApplications[].appId", ("applications", "servicePrincipals"), key="appId"
)
_GRAPH = "#microsoft.graph."
_FLOW = f"{_GRAPH}externalUsersSelfServiceSignUpEventsFlow"
_FLOW_ID = "8b1c2d3e-4f5a-4b6c-8d7e-9f0a1b2c3d4e"
_CLAIMS_ID = "c1a2b3c4-d5e6-4f70-8192-a3b4c5d6e7f8"

FLOWS = Plain(
    rule=TypeRule(
        table="authenticationEventsFlows",
        path="/identity/authenticationEventsFlows",
        odata_type=f"{_GRAPH}authenticationEventsFlow",
        model="authentication_events_flow.AuthenticationEventsFlow",
        source=_GUIDE + "identitycontainer-post-authenticationeventsflows",
        required=("displayName",),
        read_only=frozenset(("id",)),
        write_once=frozenset(
            (
                "conditions",
                "onAttributeCollection",
                "onAttributeCollectionStart",
                "onAttributeCollectionSubmit",
                "onAuthenticationMethodLoadStart",
            )
        ),
        merges_nested=False,
        audit_name="user flow",
        audit_category="DirectoryManagement",
    ),
    read=_READ,
    change=_WRITE,
    create=_WRITE,
    kinds={
        _FLOW: "external_users_self_service_sign_up_events_flow.ExternalUsersSelfServiceSignUpEventsFlow",
    },
    names=(
        _APPS,
        Named("onAttributeCollection.attributes[].id", ("userFlowAttributes",)),
        Named("onAuthenticationMethodLoadStart.identityProviders[].id", ("identityProviders",)),
    ),
    embeds={
        "onAttributeCollection.attributes": "userFlowAttributes",
        "onAuthenticationMethodLoadStart.identityProviders": "identityProviders",
    },
    starts=(
        {
            "@odata.type": _FLOW,
            "id": _FLOW_ID,
            "displayName": "Club members",
            "description": "Sign up for the club",
            "conditions": {"applications": {"includeApplications": [{"appId": "@applications/3.appId"}]}},
            "onInteractiveAuthFlowStart": {
                "@odata.type": f"{_GRAPH}onInteractiveAuthFlowStartExternalUsersSelfServiceSignUp",
                "isSignUpAllowed": True,
            },
            "onAuthenticationMethodLoadStart": {
                "@odata.type": f"{_GRAPH}onAuthenticationMethodLoadStartExternalUsersSelfServiceSignUp",
                "identityProviders": [{"id": "Google-OAUTH"}],
            },
            "onAttributeCollection": {
                "@odata.type": f"{_GRAPH}onAttributeCollectionExternalUsersSelfServiceSignUp",
                "attributes": [{"id": "city"}],
                "attributeCollectionPage": {"views": [{"title": None, "description": None, "inputs": []}]},
            },
            "onUserCreateStart": {
                "@odata.type": f"{_GRAPH}onUserCreateStartExternalUsersSelfServiceSignUp",
                "userTypeToCreate": "guest",
            },
        },
    ),
)

LISTENERS = Plain(
    rule=TypeRule(
        table="authenticationEventListeners",
        path="/identity/authenticationEventListeners",
        odata_type=f"{_GRAPH}authenticationEventListener",
        model="authentication_event_listener.AuthenticationEventListener",
        source=_GUIDE + "identitycontainer-post-authenticationeventlisteners",
        required=("handler",),
        read_only=frozenset(("id",)),
        merges_nested=False,
        audit_name="authentication event listener",
        audit_category="DirectoryManagement",
    ),
    read=_READ,
    change=_WRITE,
    create=_WRITE,
    kinds={
        f"{_GRAPH}onTokenIssuanceStartListener": "on_token_issuance_start_listener.OnTokenIssuanceStartListener",
    },
    names=(
        _APPS,
        Named("handler.customExtension.id", ("customAuthenticationExtensions",)),
        Named("authenticationEventsFlowId", ("authenticationEventsFlows",)),
    ),
    embeds={"handler.customExtension": "customAuthenticationExtensions"},
    starts=(
        {
            "@odata.type": f"{_GRAPH}onTokenIssuanceStartListener",
            "displayName": "Claims for the club",
            "authenticationEventsFlowId": None,
            "conditions": {
                "applications": {
                    "includeApplications": [{"appId": "@applications/1.appId"}, {"appId": "@applications/4.appId"}]
                }
            },
            "handler": {
                "@odata.type": f"{_GRAPH}onTokenIssuanceStartCustomExtensionHandler",
                "configuration": {
                    "clientConfiguration": {"timeoutInMilliseconds": 1500, "maximumRetries": 0},
                    "behaviorOnError": None,
                },
                "customExtension": {"id": _CLAIMS_ID},
            },
        },
    ),
)

EVENTS: tuple[Plain, ...] = (FLOWS, LISTENERS)
