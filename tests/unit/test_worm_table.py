"""The printed table of the WORM gateway: nobody gets past a policy or a hold, a create-only role gets nowhere."""

from __future__ import annotations

import pytest

from tests.localrun.worm_table import (
    ASKED,
    CREATE_ONLY,
    MANAGED,
    MANAGED_STATES,
    OWNER,
    STATES,
    answer,
    lines,
    managed_answer,
)

READS = {"Get Blob", "List Blobs"}
HARMLESS = {*READS, "Set Blob Tier", "Lease Blob"}  # a policy allows them
KEPT = {"locked, within", "unlocked, within", "hold alone", "over, and a hold"}


@pytest.mark.parametrize("state", sorted(KEPT))
def test_no_role_changes_or_removes_what_a_policy_or_a_hold_protects(state: str) -> None:
    for role in (CREATE_ONLY, OWNER):
        for asked in ASKED:
            refusal = answer(asked, role, STATES[state])
            assert (refusal is None) == (asked.what in (READS if role is CREATE_ONLY else HARMLESS)), asked.what


@pytest.mark.parametrize("state", ["locked, over", "unlocked, over"])
def test_after_retention_a_blob_can_be_deleted_and_still_not_overwritten(state: str) -> None:
    done = {asked.what for asked in ASKED if answer(asked, OWNER, STATES[state]) is None}
    assert done == {*HARMLESS, "Delete Blob"}


def test_a_create_only_role_makes_new_names_and_nothing_else() -> None:
    for name, state in STATES.items():
        done = {asked.what for asked in ASKED if answer(asked, CREATE_ONLY, state) is None}
        appends = {"Append Block", "Snapshot Blob"} if name in ("new name", "no policy") else set()
        puts = {"Put Blob, If-None-Match: *", "Put Blob, no condition"} if name == "new name" else set()
        assert done == {*READS, *appends, *puts}, name


def test_a_locked_policy_is_weakened_by_nobody_and_grows_five_times() -> None:
    for name in ("locked", "locked, over", "locked, 5 times"):
        done = {one.what for one in MANAGED if managed_answer(one, MANAGED_STATES[name]) is None}
        assert done == {
            "Set a legal hold",
            "Clear a legal hold",
            *(["Extend to 60 days"] if name != "locked, 5 times" else []),
        }, name


def test_containers_and_accounts_are_deleted_where_nothing_in_them_is_locked() -> None:
    def states(what: str) -> set[str]:
        asked = next(one for one in MANAGED if one.what == what)
        return {name for name, state in MANAGED_STATES.items() if managed_answer(asked, state) is None}

    assert states("Delete the container") == {"no policy", "locked, empty", "hold, empty"}
    # A policy that isn't locked, or a hold alone, doesn't keep the account.
    assert states("Delete the account") == {"no policy", "unlocked", "locked, empty", "hold alone", "hold, empty"}


def test_the_table_names_a_source_for_each_operation() -> None:
    assert all(asked.source for asked in (*ASKED, *MANAGED))
    assert len(list(lines())) == 2 * (len(ASKED) + 3) + len(MANAGED) + 5
