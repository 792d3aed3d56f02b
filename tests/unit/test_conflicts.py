"""What may be said of a conflict, and what a plan makes of it: one claim a test."""

from __future__ import annotations

import copy
import json
import shlex
from dataclasses import replace
from typing import Any

import pytest

from shared.catalog.registry import CATALOG
from shared.cli.conflicts_view import again_command, chosen_lines, conflict_lines, option, options_document
from shared.domain.errors import Unusable
from shared.domain.objects import JsonObject, ObjectKey
from shared.domain.plan import (
    Choice,
    Conflict,
    ConflictKind,
    Mechanism,
    Operation,
    Reason,
    RestorePlan,
    Scope,
    Word,
)
from shared.engines.acquainted import acquainted
from shared.engines.choices import KINDS, Choices, adopting, choosing, choosing_all
from shared.engines.wire import decode, encode
from tests.backup import Backup, small_tenant
from tests.unit.cli_samples import HOSTILE
from tests.unit.cli_samples import plan as sample
from tests.unit.views import (
    Tenant,
    application,
    bins,
    break_glass,
    group,
    guid,
    make_plan,
    policy,
    service_principal,
    user,
)


def said(*texts: str, **asked: Any) -> Scope:
    return Scope(choices=tuple(choosing(one) for one in texts), **asked)


def of(plan: RestorePlan, mechanism: Mechanism) -> list[Operation]:
    return [one for one in plan.operations if one.mechanism is mechanism]


def told(plan: RestorePlan) -> list[tuple[Word, bool]]:
    return [(one.word, one.done) for one in plan.chosen]


def impersonated(**live: Any) -> tuple[Tenant, Tenant, str, str]:
    before = Tenant()
    anna = user(before, "anna")
    after = before.copy()
    after.remove("users", anna)
    evil = user(after, "evil", userPrincipalName="ANNA@contoso.example", **live)
    return before, after, anna, evil


# --- what is open


async def test_a_break_glass_account_keeps_its_name() -> None:
    before, after, anna, evil = impersonated()
    accounts = (*break_glass(before), evil)
    break_glass(after)
    plan = await make_plan(before, after, accounts=accounts, scope=said(f"users/{anna}=rename"))
    assert told(plan) == [(Word.RENAME, False)]
    assert "break-glass" in plan.chosen[0].why
    assert not plan.operations
    assert Word.RENAME not in plan.conflicts[0].words


async def test_what_can_not_be_written_is_not_renamed() -> None:
    before, after, anna, _ = impersonated(onPremisesSyncEnabled=True)
    plan = await make_plan(before, after, scope=said(f"users/{anna}=rename"))
    assert told(plan) == [(Word.RENAME, False)]
    assert "onPremisesSyncEnabled" in plan.chosen[0].why


async def test_somebody_of_the_snapshot_gets_the_own_name_back_first() -> None:
    before = Tenant()
    anna, bob = user(before, "anna"), user(before, "bob")
    after = before.copy()
    after.remove("users", anna)
    after.get("users", bob)["userPrincipalName"] = "anna@contoso.example"
    plan = await make_plan(before, after, scope=said(f"users/{anna}=rename"))
    assert told(plan) == [(Word.RENAME, False)]
    assert f"--id {bob}" in plan.chosen[0].why
    assert [one.target for one in plan.operations] == [bob]


async def test_a_name_that_is_no_name_is_not_given_up() -> None:
    before = Tenant()
    group(before, "staff", uniqueName="staff")
    after = before.copy()
    after.remove("groups", guid("staff"))
    group(after, "evil", uniqueName="staff")
    plan = await make_plan(before, after, scope=said(f"groups/{guid('staff')}=rename"))
    assert told(plan) == [(Word.RENAME, False)]
    (conflict,) = plan.conflicts
    assert conflict.words == (Word.SKIP,)


async def test_the_new_name_is_free_or_none_is_given() -> None:
    before, after, anna, evil = impersonated()
    scope = said(f"users/{anna}=rename")
    (rename,) = of(await make_plan(before, after, scope=scope), Mechanism.RENAME)
    name = str(rename.wanted["userPrincipalName"])
    assert name.startswith("ANNA.hf-")
    assert name.endswith("@contoso.example")
    user(after, "third", userPrincipalName=name)
    plan = await make_plan(before, after, scope=scope)
    assert told(plan) == [(Word.RENAME, False)]
    assert guid("third") in plan.chosen[0].why
    assert evil != guid("third")


# --- what a plan makes of it


async def test_a_rename_comes_before_what_takes_the_name_and_is_planned_alike_every_time() -> None:
    before, after, anna, evil = impersonated()
    scope = said(f"users/{anna}=rename")
    plan = await make_plan(before, after, scope=scope)
    (rename,), (create,) = of(plan, Mechanism.RENAME), of(plan, Mechanism.CREATE)
    assert rename.target == evil
    assert rename.before == {"userPrincipalName": "ANNA@contoso.example"}
    assert rename.id in create.after
    assert encode(plan) == encode(await make_plan(before, after, scope=scope))
    assert decode(RestorePlan, encode(plan)) == plan


async def test_a_renamed_one_whose_name_nobody_takes_after_all_keeps_it() -> None:
    before = Tenant()
    boss = application(before, "portal")[0]
    credential = before.add(
        "federatedIdentityCredentials",
        guid("fic"),
        parent=boss,
        name="ci",
        issuer="i",
        subject="s",
        audiences=["a"],
    )
    after = before.copy()
    after.remove("applications", boss)
    application(after, "evil", identifierUris=before.get("applications", boss)["identifierUris"])
    plan = await make_plan(before, after, scope=said(f"applications/{boss}=rename"))
    assert told(plan) == [(Word.RENAME, True)]
    assert {one.target for one in of(plan, Mechanism.CREATE)} == {boss, credential}
    gone = said(f"applications/{boss}=rename", ids=(boss,))
    stays = await make_plan(before, after, scope=gone, erased=[boss])
    assert not stays.operations
    assert [(one.done, one.kind) for one in stays.chosen] == [(False, "")]


async def test_a_list_gives_up_what_another_gets_and_nothing_else() -> None:
    before = Tenant()
    app, _ = application(before, "portal", identifierUris=["api://one", "api://two"])
    after = before.copy()
    after.remove("applications", app)
    evil, _ = application(after, "evil", identifierUris=["api://TWO", "api://own"])
    scope = said(f"applications/{app}=rename")
    plan = await make_plan(before, after, scope=scope)
    (rename,) = of(plan, Mechanism.RENAME)
    assert (rename.target, rename.wanted) == (evil, {"identifierUris": ["api://own"]})
    keeps = await make_plan(before, after, scope=said(f"applications/{app}=keep"))
    assert [one.wanted["identifierUris"] for one in of(keeps, Mechanism.FINISH)] == [["api://one"]]
    assert ("identifierUris", Reason.CHOSEN) in [(one.member, one.reason) for one in keeps.exclusions]


async def test_two_who_hold_names_of_one_are_two_conflicts_of_which_the_second_shows_after_the_first() -> None:
    before = Tenant()
    app, _ = application(before, "portal", identifierUris=["api://one", "api://two"])
    after = before.copy()
    after.remove("applications", app)
    evils = [
        application(after, f"evil{number}", identifierUris=[uri])[0]
        for number, uri in enumerate(("api://one", "api://two"))
    ]
    plan = await make_plan(before, after, scope=said(f"applications/{app}=rename"))
    assert {one.target for one in of(plan, Mechanism.RENAME)} == set(evils)
    assert len(plan.chosen) == 2
    (create,) = of(plan, Mechanism.CREATE)
    assert {one.id for one in of(plan, Mechanism.RENAME)} <= set(create.after)


async def test_every_holder_is_heard_about_however_many_there_are() -> None:
    names = [f"api://{number}" for number in range(6)]
    before = Tenant()
    app, _ = application(before, "portal", identifierUris=names)
    after = before.copy()
    after.remove("applications", app)
    for uri in names:
        application(after, f"evil {uri}", identifierUris=[uri])
    plan = await make_plan(before, after, scope=said(f"applications/{app}=rename"))
    assert told(plan) == [(Word.RENAME, True)] * len(names)
    assert not plan.conflicts


async def test_who_is_to_be_erased_is_neither_named_nor_written_to() -> None:
    before, after, anna, evil = impersonated(displayName="Mallory")
    plan = await make_plan(before, after, scope=said(f"users/{anna}=rename"), erased=[evil])
    assert told(plan) == [(Word.RENAME, False)]
    assert not plan.operations
    assert b"Mallory" not in encode(plan)


async def test_who_approves_sees_whom_the_word_is_about() -> None:
    before, after, anna, evil = impersonated(displayName="Mallory", createdDateTime="2026-11-20T00:00:00Z")
    (one,) = (await make_plan(before, after, scope=said(f"users/{anna}=rename"))).chosen
    assert (one.live_name, one.live_created_at, one.created_by) == (
        "Mallory",
        "2026-11-20T00:00:00Z",
        f"mallory made {evil}",
    )
    (line,) = chosen_lines((one,))
    assert line.endswith(f"live is Mallory ({evil}), made at 2026-11-20T00:00:00Z, created by mallory made {evil}")


async def test_a_nickname_is_unique_among_groups_with_mail_only() -> None:
    before = Tenant()
    team = group(before, "team", groupTypes=["Unified"], mailNickname="team")
    plain = group(before, "plain", mailNickname="plain")
    after = before.copy()
    for key in (team, plain):
        after.remove("groups", key)
    evil = group(after, "evil", groupTypes=["Unified"], mailNickname="TEAM")
    group(after, "other", mailNickname="plain")
    plan = await make_plan(before, after)
    assert [(one.target, one.live, one.key) for one in plan.conflicts] == [(team, evil, "mailNickname")]
    renamed = await make_plan(before, after, scope=said(f"groups/{team}=rename"))
    (rename,) = of(renamed, Mechanism.RENAME)
    assert rename.target == evil


async def test_an_address_is_held_by_whoever_has_it_and_left_by_choice_alone() -> None:
    before = Tenant()
    anna = user(before, "anna", proxyAddresses=["SMTP:anna@contoso.example", "smtp:a@contoso.example"])
    after = before.copy()
    gone = after.remove("users", anna)
    team = group(after, "team", groupTypes=["Unified"], proxyAddresses=["SMTP:A@contoso.example"])
    held = bins(users=[gone])
    plan = await make_plan(before, after, held=held)
    (conflict,) = plan.conflicts
    assert (conflict.live, conflict.live_type, conflict.key) == (team, "groups", "proxyAddresses")
    assert conflict.words == (Word.SKIP, Word.KEEP)
    keeps = await make_plan(before, after, held=held, scope=said(f"users/{anna}=keep"))
    (back,) = of(keeps, Mechanism.BIN)
    assert back.request.body == {"autoReconcileProxyConflict": True}
    # Made anew, it gets an address that is free from the mail system.
    assert not (await make_plan(before, after)).conflicts


async def test_from_the_bin_under_another_name() -> None:
    before, after, anna, _ = impersonated()
    held = bins(users=[before.get("users", anna)])
    plan = await make_plan(before, after, held=held, scope=said(f"users/{anna}=keep"))
    (back,) = of(plan, Mechanism.BIN)
    assert isinstance(back.request.body, dict)
    assert str(back.request.body["newUserPrincipalName"]).startswith("anna.hf-")
    assert not of(plan, Mechanism.PATCH)


async def test_a_value_of_a_live_object_is_written_once_its_holder_gave_it_up() -> None:
    before = Tenant()
    anna = user(before, "anna", department="Sales")
    after = before.copy()
    after.get("users", anna).update(userPrincipalName="renamed@contoso.example", department="None")
    evil = user(after, "evil", userPrincipalName="anna@contoso.example")
    (conflict,) = (await make_plan(before, after)).conflicts
    assert (conflict.kind, conflict.words) == (ConflictKind.VALUE_HELD, (Word.SKIP, Word.KEEP, Word.RENAME))
    plan = await make_plan(before, after, scope=said(f"users/{anna}=rename"))
    (rename,) = of(plan, Mechanism.RENAME)
    (name,) = [one for one in of(plan, Mechanism.PATCH) if "userPrincipalName" in one.wanted]
    assert (rename.target, name.target, rename.id in name.after) == (evil, anna, True)
    assert name.before == {"userPrincipalName": "renamed@contoso.example"}
    kept = await make_plan(before, after, scope=said(f"users/{anna}=keep"))
    assert not kept.conflicts
    assert [one.wanted for one in kept.operations] == [{"department": "Sales"}]
    assert [(one.member, one.reason) for one in kept.exclusions] == [("userPrincipalName", Reason.CHOSEN)]


async def test_a_split_pair_is_left_by_the_word_on_either_part() -> None:
    before = Tenant()
    app, app_id = application(before, "portal")
    principal = service_principal(before, "portal", app_id)
    held = bins(applications=[before.get("applications", app)])
    for part in (f"applications/{app}", f"servicePrincipals/{principal}"):
        plan = await make_plan(before, Tenant(), held=held, scope=said(f"{part}=skip"))
        assert (plan.conflicts, plan.operations, told(plan)) == ((), (), [(Word.SKIP, True)])
        assert {one.target for one in plan.exclusions if one.reason is Reason.CHOSEN} == {app, principal}
    other = await make_plan(before, Tenant(), held=held, scope=said(f"applications/{app}=take"))
    assert told(other) == [(Word.TAKE, False)]
    assert len(other.conflicts) == 1


async def test_what_acts_on_sign_ins_is_left_whole_where_a_part_of_it_changed_since() -> None:
    before = Tenant()
    accounts = break_glass(before)
    key = policy(before, "P", excludeGroups=[guid("glass")])
    after = before.copy()
    live = after.get("conditionalAccessPolicies", key)
    seen: JsonObject = copy.deepcopy({"conditions": live["conditions"]})
    live["conditions"]["clientAppTypes"] = ["browser"]
    live["state"] = "disabled"
    at = ObjectKey("conditionalAccessPolicies", key)
    # As the earlier plan saw it, it was damage, and still is.
    damaged = {"conditions": copy.deepcopy(live["conditions"])}
    assert not (await make_plan(before, after, accounts=accounts, seen={at: damaged})).conflicts
    plan = await make_plan(before, after, accounts=accounts, seen={at: seen})
    (conflict,) = plan.conflicts
    assert (conflict.kind, conflict.key) == (ConflictKind.CHANGED_SINCE, "conditions, state")
    assert not plan.operations
    take = await make_plan(
        before, after, accounts=accounts, seen={at: seen}, scope=said(f"conditionalAccessPolicies/{key}=take")
    )
    # First what differs, then report-only, where Microsoft's own evaluation is asked, and on.
    assert [one.mechanism for one in take.operations] == [Mechanism.PATCH, Mechanism.PATCH, Mechanism.ENABLE]
    for word in ("rename", "adopt"):
        other = said(f"conditionalAccessPolicies/{key}={word}")
        plan = await make_plan(before, after, accounts=accounts, seen={at: seen}, scope=other)
        assert [one.done for one in plan.chosen] == [False]
        assert len(plan.conflicts) == 1


# --- adoption


async def test_only_what_somebody_knows_is_adopted_and_accounts_only_by_both_names() -> None:
    before, after, anna, evil = impersonated()
    both = Scope(choices=(adopting(f"{anna}={evil}"),))
    assert told(await make_plan(before, after, scope=both)) == [(Word.ADOPT, False)]
    vouched = {evil: "a snapshot holds it"}
    for scope in (said(f"users/{anna}=adopt"), Scope(choices=(choosing_all("users=adopt"),))):
        plan = await make_plan(before, after, scope=scope, vouched=vouched)
        assert told(plan) == [(Word.ADOPT, False)]
        assert f"--adopt {anna}={evil}" in plan.chosen[0].why
    plan = await make_plan(before, after, scope=both, vouched=vouched)
    assert told(plan) == [(Word.ADOPT, True)]
    assert plan.known_ids == {anna: evil}
    assert {one.target for one in plan.operations} == {evil}
    other = Scope(choices=(Choice(Word.ADOPT, type="users", id=anna, live=guid("boss")),))
    plan = await make_plan(before, after, scope=other, vouched=vouched)
    assert told(plan) == [(Word.ADOPT, False)]
    assert f"and not {guid('boss')}" in plan.chosen[0].why


async def test_a_plan_says_what_was_asked_whatever_it_calls_the_objects() -> None:
    """Else the request that it answers would be taken for another one's."""
    before, after, anna, evil = impersonated()
    asked = Scope(ids=(anna,), choices=(adopting(f"{anna}={evil}"),))
    plan = await make_plan(before, after, scope=asked, vouched={evil: "a snapshot holds it"})
    assert plan.scope == asked
    assert {one.target for one in plan.operations} == {evil}
    boss = user(before, "boss")
    new = after.add("users", guid("boss again"), **{**before.get("users", boss), "id": guid("boss again")})
    after.get("users", new)["department"] = "None"
    again = await make_plan(before, after, scope=Scope(ids=(boss,)), known_ids={boss: new})
    assert again.scope == Scope(ids=(boss,))
    assert [one.target for one in again.operations] == [new]


async def test_groups_are_adopted_in_bulk_unless_they_may_hold_roles() -> None:
    before = Tenant()
    keys = [
        group(before, name, groupTypes=["Unified"], mailNickname=name, isAssignableToRole=roles)
        for name, roles in (("plain", None), ("admins", True))
    ]
    after = before.copy()
    lives = {}
    for key in keys:
        gone = after.remove("groups", key)
        lives[key] = after.add("groups", guid(f"again {key}"), **{**gone, "id": guid(f"again {key}")})
    scope = Scope(choices=(choosing_all("nameHeld=adopt"),))
    plan = await make_plan(before, after, scope=scope, vouched=dict.fromkeys(lives.values(), "a snapshot"))
    assert {(one.target, one.done) for one in plan.chosen} == {(keys[0], True), (keys[1], False)}
    assert [one.target for one in plan.conflicts] == [keys[1]]


async def test_a_live_object_is_the_successor_of_one_only() -> None:
    before = Tenant()
    one, other = group(before, "one"), group(before, "other")
    after = Tenant()
    new = group(after, "new")
    scope = Scope(choices=(adopting(f"{one}={new}"),))
    plan = await make_plan(before, after, scope=scope, vouched={new: "a restore made it"})
    assert told(plan) == [(Word.ADOPT, True)]
    assert {op.target for op in of(plan, Mechanism.CREATE)} == {other}
    with pytest.raises(Unusable, match="what became of two"):
        Choices(Scope(choices=(adopting(f"{one}={new}"), adopting(f"{other}={new}"))), CATALOG)


async def test_a_snapshot_vouches_while_it_is_offered_and_a_restore_for_what_it_made() -> None:
    backup = Backup()
    small_tenant(backup.directory)
    for _ in range(2):
        backup.clock.advance(24 * 3600)
        await backup.back_up()
    repository = backup.repository()
    newest = (await repository.entries())[-1].entry.snapshot
    asked = {"users": ["made"], "groups": ["group-1", "stranger"]}
    known = await acquainted(repository, {"made"}, asked)
    assert known == {"made": "a restore made it", "group-1": f"the snapshot {newest} holds it"}
    backup.clock.advance(60 * 24 * 3600)
    assert await acquainted(backup.repository(), (), asked) == {}


# --- words


@pytest.mark.parametrize(
    "text", ["users=skip", "users/=skip", "/x=skip", "users/x", "users/x=", "users/x=delete", "=skip"]
)
def test_what_names_no_object_or_no_word_is_refused(text: str) -> None:
    with pytest.raises(Unusable):
        choosing(text)


@pytest.mark.parametrize(
    "choices",
    [
        (choosing("nothings/x=skip"),),
        (choosing_all("nothings=skip"),),
        (choosing("users/x=skip"), choosing("users/x=keep")),
        (choosing_all("users=skip"), choosing_all("users=keep")),
        (Choice(Word.SKIP),),
        (Choice(Word.SKIP, type="users", id="x", of="users"),),
    ],
)
def test_words_that_can_not_be_meant_are_refused(choices: tuple[Choice, ...]) -> None:
    with pytest.raises(Unusable):
        Choices(Scope(choices=choices), CATALOG)


def test_one_object_counts_before_its_type_and_that_before_the_kind() -> None:
    asked = (choosing("users/x=keep"), choosing_all("users=skip"), choosing_all("nameHeld=rename"))
    choices = Choices(Scope(choices=asked), CATALOG)
    found = [
        choices.on(ObjectKey(*key), ConflictKind.NAME_HELD, str)
        for key in (("users", "x"), ("users", "y"), ("groups", "y"))
    ]
    assert [one.word for one in found if one] == [Word.KEEP, Word.SKIP, Word.RENAME]
    assert choices.on(ObjectKey("groups", "y"), ConflictKind.PAIR_SPLIT, str) is None
    assert not choices.unused()


def test_no_type_is_called_like_a_kind_of_conflict() -> None:
    assert KINDS.isdisjoint(spec.name for spec in CATALOG.types)


# --- how it is shown


def test_a_plan_of_an_earlier_release_is_read_with_its_successors() -> None:
    text = json.loads(encode(replace(sample(), scope=Scope(adopt=("a=b",)))))
    for name in ("chosen",):
        del text[name]
    del text["scope"]["choices"]
    for conflict in text["conflicts"]:
        for name in ("kind", "liveType", "liveName", "liveCreatedAt", "words", "closed"):
            del conflict[name]
    plan = decode(RestorePlan, json.dumps(text))
    assert plan.scope.adopt == ("a=b",)
    assert Choices(plan.scope, CATALOG).all == (Choice(Word.ADOPT, id="a", live="b"),)


def test_the_command_that_plans_anew_is_safe_to_paste_and_says_all_that_was_asked() -> None:
    evil = "x'; rm -rf ~; '"
    conflict = replace(
        sample(name=HOSTILE).conflicts[0],
        target=evil,
        words=(Word.SKIP, Word.ADOPT),
    )
    scope = Scope(
        types=("users",), ids=(evil,), prune=True, choices=(choosing("users/y=keep"), choosing_all("groups=skip"))
    )
    plan = replace(sample(), scope=scope, conflicts=(conflict,), despite_erasure=("z",))
    shown = options_document(plan, " --local copy")
    assert shlex.split(shown["again"]) == [
        *("holdfast", "plan", plan.snapshot, "--type", "users", "--id", evil, "--prune"),
        *("--despite-erasure", "z", "--choose", "users/y=keep", "--choose-all", "groups=skip"),
        *("--local", "copy"),
    ]
    assert shlex.split(shown["open"][0]["options"]["skip"]) == ["--choose", f"users/{evil}=skip"]
    assert shlex.split(option(conflict, Word.ADOPT)) == ["--adopt", f"{evil}=new-user"]


async def test_a_word_that_was_refused_is_not_said_again() -> None:
    before, after, anna, _ = impersonated()
    plan = await make_plan(before, after, scope=said(f"users/{anna}=take"))
    assert "take" not in again_command(plan)
    (line,) = conflict_lines(plan.conflicts)
    assert f"--choose users/{anna}=rename" in line


def test_a_conflict_that_says_less_is_shown_all_the_same() -> None:
    bare = Conflict("users", "a", "Anna", "b", "userPrincipalName", "held", "", ())
    (line,) = conflict_lines((bare,))
    assert "may be chosen: nothing" in line
    assert "unknown (not in the audit log)" in line
