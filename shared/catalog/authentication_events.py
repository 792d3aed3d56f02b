"""What happens while somebody signs up or in: flows for people from outside, and listeners that call extensions."""

from __future__ import annotations

from shared.catalog.containment import Containment
from shared.catalog.external_identities import EXTENDED_EVENTS
from shared.catalog.spec import (
    AnchorSpec,
    Create,
    MatchKey,
    ObjectType,
    Quirk,
    Strength,
    ValueReference,
    WaveNumber,
)
from shared.domain.plan import AnchorKind

_GRAPH = "#microsoft.graph."
_READ = (("EventListener.Read.All",),)
_WRITE = (("EventListener.ReadWrite.All",),)
_APPLICATIONS = ValueReference(
    "conditions.applications.includeApplications[].appId", ("applications", "servicePrincipals"), key="appId"
)
_BY_APPLICATION = "conditions.applications.includeApplications"
_HANDLERS = (
    "onAttributeCollection",
    "onAttributeCollectionStart",
    "onAttributeCollectionSubmit",
    "onAuthenticationMethodLoadStart",
)

AUTHENTICATION_EVENTS_FLOWS = ObjectType(
    name="authenticationEventsFlows",
    title="User flows for people from outside",
    path="/identity/authenticationEventsFlows",
    odata_type=f"{_GRAPH}authenticationEventsFlow",
    subtypes=(f"{_GRAPH}externalUsersSelfServiceSignUpEventsFlow",),
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=AnchorSpec(AnchorKind.MARKER, "displayName", "/identity/authenticationEventsFlows"),
    create=Create("/identity/authenticationEventsFlows"),
    writable=("description", "displayName", "onInteractiveAuthFlowStart", "onUserCreateStart"),
    create_only=("conditions", *_HANDLERS),
    whole=("onInteractiveAuthFlowStart", "onUserCreateStart"),
    typed=(*_HANDLERS, "onInteractiveAuthFlowStart", "onUserCreateStart"),
    type_tag_on_write=True,
    sets=(
        _BY_APPLICATION,
        "onAttributeCollection.attributes",
        "onAuthenticationMethodLoadStart.identityProviders",
    ),
    by_id=("onAttributeCollection.attributes", "onAuthenticationMethodLoadStart.identityProviders"),
    references=(
        _APPLICATIONS,
        ValueReference("onAttributeCollection.attributes[].id", ("userFlowAttributes",)),
        ValueReference("onAuthenticationMethodLoadStart.identityProviders[].id", ("identityProviders",)),
        *(
            ValueReference(f"{name}.customExtension.id", ("customAuthenticationExtensions",))
            for name in ("onAttributeCollectionStart", "onAttributeCollectionSubmit")
        ),
    ),
    quirks=(
        Quirk(
            "Applications, providers and attributes of a flow that is there are added and removed one by one, "
            "which no restore does yet; a flow that is made anew takes all of them.",
            "Microsoft Graph: externalUsersSelfServiceSignUpEventsFlow resource type, Methods",
        ),
    ),
)

AUTHENTICATION_EVENT_LISTENERS = ObjectType(
    name="authenticationEventListeners",
    title="Authentication event listeners",
    path="/identity/authenticationEventListeners",
    odata_type=f"{_GRAPH}authenticationEventListener",
    subtypes=tuple(
        f"{_GRAPH}{event}Listener"
        for event in (
            *EXTENDED_EVENTS,
            "onAttributeCollection",
            "onAuthenticationMethodLoadStart",
            "onEmailOtpSend",
            "onFraudProtectionLoadStart",
            "onInteractiveAuthFlowStart",
            "onUserCreateStart",
        )
    ),
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=AnchorSpec(AnchorKind.MARKER, "displayName", "/identity/authenticationEventListeners"),
    create=Create("/identity/authenticationEventListeners"),
    writable=("authenticationEventsFlowId", "conditions", "displayName", "handler"),
    whole=("conditions", "handler"),
    typed=("handler",),
    kinds=("handler.configuration.behaviorOnError",),
    by_id=("handler.customExtension",),
    type_tag_on_write=True,
    sets=(_BY_APPLICATION,),
    references=(
        _APPLICATIONS,
        ValueReference("authenticationEventsFlowId", ("authenticationEventsFlows",)),
        ValueReference("handler.customExtension.id", ("customAuthenticationExtensions",)),
    ),
    contain=Containment(added=True),
    quirks=(
        Quirk(
            "The extension that a listener calls is shown in full and taken by its id.",
            "Microsoft Graph: onTokenIssuanceStartCustomExtensionHandler resource type",
        ),
    ),
)
