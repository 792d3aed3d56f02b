"""Log lines hold ids, types and counts, and can't be made to hold more."""

from __future__ import annotations

import logging

import pytest

from shared.telemetry import alarm, event


def test_a_line_is_a_name_and_its_fields(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="holdfast"):
        event("item.read", item="users", count=3)
    assert caplog.messages == ['item.read {"count": 3, "item": "users"}']


def test_an_alarm_is_an_error_so_that_sampling_keeps_it(caplog: pytest.LogCaptureFixture) -> None:
    alarm("item.failed", item="users")
    assert caplog.records[0].levelno == logging.ERROR


@pytest.mark.parametrize("field", ["name", "userPrincipalName", "token", "value", "body"])
def test_a_field_that_could_carry_personal_data_raises(field: str) -> None:
    with pytest.raises(ValueError, match="not a telemetry field"):
        event("item.read", **{field: "x"})  # type: ignore[arg-type]
