"""Provisioning: the jobs by which an enterprise application is kept in step with people and groups."""

from __future__ import annotations

from shared.catalog.spec import (
    Apart,
    Condition,
    Drill,
    Facet,
    Fights,
    LinkWrite,
    ObjectType,
    Quirk,
    Relationship,
    Tier,
    WaveNumber,
)

_READ = (("Synchronization.Read.All",),)

PROVISIONED = Relationship(
    "synchronization",
    ("synchronizationJobs",),
    LinkWrite.NONE,
    contains="synchronizationJobs",
    tier=Tier.ROLLING,
    rolling_days=7,
    expands=False,
    # Provisioning is set up on what was made from a template, be it that for applications outside the gallery.
    asked_when=Condition("applicationTemplateId", ("-",), within=True),
    share=0.05,
    needs_to_read=_READ,
)

SYNCHRONIZATION_JOBS = ObjectType(
    name="synchronizationJobs",
    title="Provisioning jobs, by the enterprise application that is provisioned",
    path="/servicePrincipals/{parent}/synchronization/jobs",
    odata_type="#microsoft.graph.synchronizationJob",
    absent=True,
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=(("Synchronization.ReadWrite.All",),),
    parent="servicePrincipals",
    parent_relationship=PROVISIONED.name,
    name_property="templateId",
    fights=Fights(Condition("schedule.state", ("Active",)), "it writes accounts of one side to the other"),
    volatile=("status",),
    not_created="a job can't run without its credentials, which nothing shows, so that it is set up by hand",
    set_after=("schema",),
    apart=(Apart("schema", "schema"),),
    computed_within=("schema.id", "schema.version", "schema.directories[].discoveryDateTime"),
    drill=Drill.NONE,
    no_drill="a job that is tried out writes to the other side",
    quirks=(
        Quirk(
            "A job that starts anew goes through everybody, and may delete at the other end.",
            "Microsoft Graph: synchronizationJob: restart",
        ),
        Quirk(
            "Jobs are asked for of service principals that were made from a template, one request each, once in "
            "seven days.",
            "Microsoft Graph: List synchronizationJobs; servicePrincipal resource type, applicationTemplateId",
            unverified=True,
        ),
        Quirk(
            "How attributes are mapped is the job's schema, which a PUT replaces; its version changes with it.",
            "Microsoft Graph: Get synchronizationSchema; Update synchronizationSchema",
        ),
        Quirk(
            "A schema is shown with its directories unasked.",
            "Microsoft Graph: Get synchronizationSchema, example",
            unverified=True,
        ),
    ),
)

PROVISIONING_TEMPLATES = ObjectType(
    name="applicationProvisioningTemplates",
    title="Templates of provisioning jobs, by the application that offers them",
    path="/applications",
    odata_type="#microsoft.graph.application",
    absent=True,
    wave=WaveNumber.REST,
    needs_to_read=(("Application.Read.All", "Directory.Read.All"), *_READ),
    needs_to_write=(("Synchronization.ReadWrite.All",),),
    only_read="whoever develops an application offers them, and this release writes none",
    tier=Tier.OPT_IN,
    off_because="one request for each application, most of which offer none",
    facet=Facet("applications", each=True, collection="synchronization/templates", member="templates"),
    select=("id", "templates"),
    action_only=("templates",),
    computed_within=("templates[].schema.version", "templates[].schema.directories[].discoveryDateTime"),
    page_size=999,
    delta=True,
    list_cost=2,
    item_cost=2,
    name_property="id",
    drill=Drill.NONE,
    no_drill="it is evidence only",
    quirks=(
        Quirk(
            "A template's id is unique within its application only, so that they are kept by application.",
            "Microsoft Graph: synchronizationTemplate resource type",
            unverified=True,
        ),
        Quirk(
            "A list of templates shows each with its schema.",
            "Microsoft Graph: List synchronization templates, example",
            unverified=True,
        ),
    ),
)
