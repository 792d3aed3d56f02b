"""From users, retention and measured amounts to a monthly bill. Pure; amounts first, prices last.

What was measured at two sizes of tenant lies on a straight line for any other: packs, pages and links grow with the
tenant, and what every run has once is the line's start. A bill is the steady state: the retention is full, as much
expires as comes. Months have 30.4 days.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

GIB: Final = 2**30
DAYS_A_MONTH: Final = 30.4
# Of the templates, which a test compares: a container keeps longer than its class promises, and the logs a year.
MARGIN_DAYS: Final = 8
LOG_MONTHS: Final = 12
ALERTS: Final = 5
SLOW_ALERTS: Final = 2
PRIVATE_ENDPOINTS: Final = 13
INSTANCE_GB: Final = 2.0


@dataclass(frozen=True, slots=True)
class Amounts:
    """What one full stores and does. `stored` in bytes; `writes` and `reads` as billed."""

    stored: float
    writes: float
    reads: float
    requests: float
    cpu: float  # seconds
    items: float

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def __mul__(self, times: float) -> Amounts:
        return Amounts(*(getattr(self, name) * times for name in self.__slots__))


def line(users: int, one: tuple[int, float], two: tuple[int, float]) -> float:
    """The value at `users` on the line through two measurements (users, value), never below nought."""
    grown = (two[1] - one[1]) / (two[0] - one[0])
    return max(0.0, one[1] + grown * (users - one[0]))


def full(users: int, measured: Mapping[str, Any]) -> Amounts:
    """One full backup of a tenant of that many users, from the document of `tests.performance.stored`."""
    small, large = measured["sizes"]

    def at(value: Any) -> float:
        return line(users, (small["users"], value(small)), (large["users"], value(large)))

    parts = sorted({*small["bytes"], *large["bytes"]})
    return Amounts(
        stored=sum(at(lambda size, part=part: size["bytes"].get(part, 0)) for part in parts),
        # A listing is billed as a write is (Azure Blob Storage pricing: list and create container operations).
        writes=at(lambda size: size["blobWrites"] + size["blobLists"]),
        reads=at(lambda size: size["blobReads"]),
        requests=at(lambda size: size["graphRequests"]),
        cpu=at(lambda size: size["cpuSeconds"]),
        items=at(lambda size: size["items"]),
    )


@dataclass(frozen=True, slots=True)
class Class:
    """Fulls kept for `days`, one every `every` days."""

    days: int
    every: int = 1

    @property
    def kept(self) -> float:
        """How many fulls there are at a time."""
        return (self.days + MARGIN_DAYS) / self.every


@dataclass(frozen=True, slots=True)
class Assumed:
    """What nothing measured says. `changed`: share of the objects that change in a day; journals are an estimate
    whose requests and writes are the design's upper bounds, because there are none yet."""

    round_trip: float = 0.3  # seconds of a Graph request, waited for one after the other
    storage_call: float = 0.02  # seconds of a blob write or read
    state_operations: float = 40.0  # queue and table operations of a work item
    log_record: float = 1_000.0  # bytes of a diagnostic record; one for each blob operation
    telemetry: float = 20e6  # bytes of the apps' own telemetry a day
    idle_seconds: float = 2.0  # of each timer's tick
    ticks: float = 290.0  # timer ticks of both apps a day
    stored_factor: float = 1.0  # where real values compress otherwise than simulated ones
    journals: float = 0.0  # a day; 96 is every 15 minutes
    changed: float = 0.01
    journal_requests: float = 120.0
    journal_writes: float = 60.0
    journal_bytes: float = 60_000.0  # what each has, however little changed
    signatures: float = 4.0  # of a run


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is run. `private`: private endpoints; `paired`: the region's pair holds a copy."""

    users: int
    classes: tuple[Class, ...] = (Class(35),)
    private: bool = False
    paired: bool = False
    assumed: Assumed = field(default_factory=Assumed)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the bill: `amount` in the price's unit."""

    what: str
    amount: float
    price: str
    free: float = 0.0

    def cost(self, prices: Mapping[str, float]) -> float:
        return max(0.0, self.amount - self.free) * prices[self.price]


def journal(one: Amounts, assumed: Assumed) -> Amounts:
    """One journal: its share of a day's changes, and what each run has. Estimated."""
    share = assumed.changed / assumed.journals if assumed.journals else 0.0
    return Amounts(
        stored=one.stored * share + assumed.journal_bytes,
        writes=assumed.journal_writes,
        reads=assumed.journal_writes,
        requests=assumed.journal_requests,
        cpu=one.cpu * share,
        items=one.items,
    )


def bill(deployment: Deployment, measured: Mapping[str, Any], prices: Mapping[str, float]) -> tuple[Entry, ...]:
    """The month's entries. `prices` are needed for the free amounts."""
    return tuple(_entries(deployment, full(deployment.users, measured), prices))


def _entries(deployment: Deployment, one: Amounts, prices: Mapping[str, float]) -> Iterator[Entry]:
    assumed = deployment.assumed
    each = journal(one, assumed)
    daily = sum(1 / kept.every for kept in deployment.classes)
    work = one * (daily * DAYS_A_MONTH) + each * (assumed.journals * DAYS_A_MONTH)
    # Journals lie in the class of the daily fulls.
    stored = one.stored * sum(kept.kept for kept in deployment.classes)
    stored += each.stored * assumed.journals * (deployment.classes[0].days + MARGIN_DAYS)
    yield Entry(
        "blobs stored",
        stored * assumed.stored_factor / GIB,
        "storageZonesAndPair" if deployment.paired else "storageZones",
    )
    yield Entry("blob writes", work.writes / 10_000, "blobWrites")
    yield Entry("blob reads", work.reads / 10_000, "blobReads")
    yield Entry("queue and table operations", work.items * assumed.state_operations / 10_000, "stateOperations")
    idle = assumed.ticks * DAYS_A_MONTH
    seconds = work.cpu + work.requests * assumed.round_trip + (work.writes + work.reads) * assumed.storage_call
    seconds += idle * assumed.idle_seconds
    yield Entry("execution", seconds * INSTANCE_GB, "execution", prices["executionFree"])
    ran = work.items * 2 + idle
    yield Entry("executions", ran / 1e6, "executions", prices["executionsFree"] / 1e6)
    runs = (daily + assumed.journals) * DAYS_A_MONTH
    yield Entry("signatures", runs * assumed.signatures / 10_000, "keyOperations")
    logged = (work.writes + work.reads) * assumed.log_record + assumed.telemetry * DAYS_A_MONTH
    logged /= 1e9
    yield Entry("logs taken in", logged, "logs", prices["logsFree"])
    yield Entry("logs kept", logged * (LOG_MONTHS - 1), "logRetention")
    yield Entry("alert rules", ALERTS, "alertRule")
    yield Entry("alert rules, hourly", SLOW_ALERTS, "slowAlertRule")
    if deployment.private:
        yield Entry("private endpoints", PRIVATE_ENDPOINTS, "privateEndpoint")
