"""The arithmetic of the monthly cost, on numbers that can be checked by hand, and the command that measures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.cost import __main__ as command
from infra.cost.model import (
    ALERTS,
    DAYS_A_MONTH,
    GIB,
    INSTANCE_GB,
    LOG_MONTHS,
    MARGIN_DAYS,
    PRIVATE_ENDPOINTS,
    SLOW_ALERTS,
    Assumed,
    Class,
    Deployment,
    bill,
    full,
    journal,
    line,
)
from shared.catalog.registry import CATALOG
from tests.infra.cases import Texts
from tests.infra.page import DEPLOYMENT
from tests.performance.stored import COMMAND, SMALLEST
from tests.performance.stored import measured as measure

PRICES = {name: one["price"] for name, one in command._read(command.HERE / "prices.json")["prices"].items()}


def _size(users: int, stored: int, **other: float) -> dict[str, Any]:
    counted = {
        "blobWrites": 10,
        "blobReads": 20,
        "blobLists": 0,
        "graphRequests": 100,
        "cpuSeconds": 1,
        "items": 30,
    }
    return {"users": users, "bytes": {"users": stored, "run": 50}, **counted, **other}


MEASURED = {"sizes": [_size(1_000, 1_000), _size(10_000, 10_000, graphRequests=1_000)]}


def _cost(deployment: Deployment, what: str) -> float:
    return next(one for one in bill(deployment, MEASURED, PRICES) if one.what == what).cost(PRICES)


def _amount(deployment: Deployment, what: str) -> float:
    return next(one for one in bill(deployment, MEASURED, PRICES) if one.what == what).amount


def test_amounts_lie_on_the_line_through_both_measurements() -> None:
    assert line(5, (0, 10), (10, 20)) == 15
    assert line(0, (10, 1), (20, 12)) == 0, "never below nought"
    one = full(100_000, MEASURED)
    assert (one.stored, one.writes, one.requests) == (100_050, 10, 10_000)
    assert full(10_000, MEASURED).requests == 1_000


def test_a_type_that_only_the_larger_tenant_has_counts() -> None:
    larger = _size(10_000, 10_000)
    larger["bytes"]["groups"] = 9_000
    found = full(19_000, {"sizes": [_size(1_000, 1_000), larger]})
    assert found.stored == 19_000 + 50 + 18_000


def test_what_is_stored_is_each_class_s_fulls_with_the_margin() -> None:
    one = full(1_000, MEASURED).stored
    daily = Deployment(1_000, (Class(35),))
    assert _amount(daily, "blobs stored") == pytest.approx(one * (35 + MARGIN_DAYS) / GIB)
    both = replace(daily, classes=(Class(35), Class(3_650, 30)))
    fulls = 35 + MARGIN_DAYS + (3_650 + MARGIN_DAYS) / 30
    assert _amount(both, "blobs stored") == pytest.approx(one * fulls / GIB)
    assert _cost(both, "blobs stored") == pytest.approx(one * fulls / GIB * 0.026)
    assert _amount(both, "blob writes") == pytest.approx(10 * DAYS_A_MONTH * (1 + 1 / 30) / 10_000)


def test_journals_store_a_day_s_changes_however_many_there_are() -> None:
    one = full(1_000, MEASURED)
    assumed = Assumed(journals=96, changed=0.5, journal_bytes=7)
    assert journal(one, assumed).stored * 96 == pytest.approx(one.stored * 0.5 + 7 * 96)
    without = Deployment(1_000)
    with_journals = replace(without, assumed=assumed)
    more = (one.stored * 0.5 + 7 * 96) * (35 + MARGIN_DAYS) / GIB
    stored = _amount(with_journals, "blobs stored") - _amount(without, "blobs stored")
    assert stored == pytest.approx(more)
    assert journal(one, Assumed()).stored == Assumed().journal_bytes, "none a day divides nothing by nought"


def test_what_is_free_costs_nothing_and_the_rest_its_price() -> None:
    quiet = Deployment(1_000, assumed=Assumed(ticks=0, round_trip=0, storage_call=0))
    assert _cost(quiet, "execution") == 0
    busy = Deployment(1_000, assumed=Assumed(ticks=0, round_trip=100, storage_call=0))
    seconds = (1 + 100 * 100) * DAYS_A_MONTH * 2
    assert _cost(busy, "execution") == pytest.approx((seconds - 100_000) * 0.000026)


def test_private_endpoints_and_the_pair_are_paid_only_where_chosen() -> None:
    plain = Deployment(1_000)
    assert not [one for one in bill(plain, MEASURED, PRICES) if one.what == "private endpoints"]
    assert _cost(replace(plain, private=True), "private endpoints") == pytest.approx(13 * 7.3)
    assert _cost(replace(plain, paired=True), "blobs stored") > _cost(plain, "blobs stored")


def test_the_command_adds_up_and_takes_other_prices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps({"alertRule": 0, "slowAlertRule": 0}), encoding="utf-8")
    asked = ["--users", "1000", "--keep", "35", "--keep", "395:7", "--prices", str(prices), "--price", "logs=9"]
    assert command.main([*asked, "--assume", "ticks=0"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "35 days, one every 1, 395 days, one every 7" in lines[0]
    assert sum(_cost_in(one) for one in lines[3:-1]) == pytest.approx(float(lines[-1].split()[-1]), abs=0.1)
    assert sum("(yours)" in one for one in lines) == 3
    assert command.main(["--users", "1000", "--price", "nothing=1"]) == 2
    with pytest.raises(SystemExit):
        command.main(["--users", "0"])


def _cost_in(line: str) -> float:
    """The cost in a line of the bill: the number before its unit."""
    return float(line.split("×")[1].split()[1].replace(",", ""))


def test_each_price_says_where_it_is_from_and_when_or_that_it_is_assumed() -> None:
    for name, one in command._read(command.HERE / "prices.json")["prices"].items():
        assert one["unit"], name
        assert one["dated"] or one["source"].startswith("assumption"), name


async def test_the_measurement_measures_a_whole_backup() -> None:
    found = await measure(SMALLEST)
    read = {spec.name for spec in CATALOG.types if not spec.not_read}
    assert set(found["objects"]) == read - set(CATALOG.opt_ins)
    assert found["objects"]["users"] >= 10
    held = {name for name, count in found["objects"].items() if count}
    assert held <= set(found["bytes"]), "each type that holds anything has at least an index"
    assert found["blobWrites"] == found["blobs"], "nothing was written twice"
    assert found["graphRequests"] > found["items"] // 2 > 0
    stored = command._read(command.HERE / "measured.json")
    assert set(stored["sizes"][0]) == set(found)
    then = stored["smallest"]
    for what in ("graphRequests", "blobWrites", "items"):
        assert then[what] / 2 <= found[what] <= then[what] * 2, f"{what} have changed: run {stored['command']}"


def test_the_page_s_figures_are_what_is_measured_and_what_the_command_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = command.PAGE.read_text(encoding="utf-8")
    stored, prices = (command._read(command.HERE / f"{name}.json") for name in ("measured", "prices"))
    assert command.page(text, stored, prices) == text
    rows = [line for line in text.splitlines() if line.startswith("| `--keep")]
    assert len(rows) >= 6
    options, costs = rows[-1].split("`")[1], [cell.strip() for cell in rows[-1].split("|")[2:5]]
    assert command.main(["--users", "100000", *options.split()]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[-1] == costs[1]


def test_a_measurement_without_a_type_of_the_catalog_is_told_with_what_to_do() -> None:
    now = {spec.name: 1 for spec in CATALOG.types}
    assert command.stale({"command": COMMAND, "sizes": [{"objects": now}]}) == ""
    then = {"gone": 1, **dict(list(now.items())[2:])}
    warning = command.stale({"command": COMMAND, "sizes": [{"objects": then}]})
    assert "(2 new types, 1 gone)" in warning
    assert warning.endswith(COMMAND)


def test_what_the_model_takes_of_the_templates_is_what_they_deploy() -> None:
    texts = Texts.here()
    rules = [
        one.properties["evaluationFrequency"] for one in texts.plain.of("Microsoft.Insights/scheduledQueryRules")
    ]
    assert {"PT5M": rules.count("PT5M"), "PT1H": rules.count("PT1H")} == {"PT5M": ALERTS, "PT1H": SLOW_ALERTS}
    assert len(rules) == ALERTS + SLOW_ALERTS
    endpoints = "Microsoft.Network/privateEndpoints"
    assert len(texts.private.of(endpoints)) == PRIVATE_ENDPOINTS
    told = Path(command.PAGE.parents[1] / DEPLOYMENT).read_text(encoding="utf-8")
    own = len(texts.copied({"network": "private"}).of(endpoints))
    words = {4: "four", 13: "thirteen"}
    assert f"{words[PRIVATE_ENDPOINTS]} in the first deployment, {words[own]} in that of the copy" in told
    (workspace,) = texts.plain.of("Microsoft.OperationalInsights/workspaces")
    assert workspace.properties["retentionInDays"] // 30 == LOG_MONTHS
    for app in texts.plain.of("Microsoft.Web/sites"):
        scale = app.properties["functionAppConfig"]["scaleAndConcurrency"]
        assert scale["instanceMemoryMB"] == INSTANCE_GB * 1024
    (rule,) = (
        one
        for one in texts.plain.of("Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies")
        if "/vault-35d/" in one.name
    )
    assert rule.properties["immutabilityPeriodSinceCreationInDays"] == 35 + MARGIN_DAYS
