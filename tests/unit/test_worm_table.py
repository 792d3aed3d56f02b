"""The printed table of the WORM gateway: no role gets past a locked policy, and a create-only one gets nowhere."""

from __future__ import annotations

from tests.localrun.worm_table import ASKED, CREATE_ONLY, OWNER, STATES, answer, lines

READS = {"Get Blob", "List Blobs"}
HARMLESS = {*READS, "Set Blob Tier", "Lease Blob"}  # a policy allows them


def test_no_role_changes_or_removes_what_a_policy_protects() -> None:
    for role in (CREATE_ONLY, OWNER):
        for asked in ASKED:
            refusal = answer(asked, role, *STATES["within retention"])
            assert (refusal is None) == (asked.what in (READS if role is CREATE_ONLY else HARMLESS)), asked.what


def test_after_retention_a_blob_can_be_deleted_and_still_not_overwritten() -> None:
    done = {asked.what for asked in ASKED if answer(asked, OWNER, *STATES["retention over"]) is None}
    assert done == {*HARMLESS, "Delete Blob"}


def test_a_create_only_role_makes_new_names_and_nothing_else() -> None:
    for state in STATES:
        done = {asked.what for asked in ASKED if answer(asked, CREATE_ONLY, *STATES[state]) is None}
        appends = {"Append Block", "Snapshot Blob"} if state in ("new name", "no policy") else set()
        puts = {"Put Blob, If-None-Match: *", "Put Blob, no condition"} if state == "new name" else set()
        assert done == {*READS, *appends, *puts}, state


def test_the_table_names_a_source_for_each_operation() -> None:
    assert all(asked.source for asked in ASKED)
    assert len(list(lines())) == 2 * (len(ASKED) + 3) + 1
