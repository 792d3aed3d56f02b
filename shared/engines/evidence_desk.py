"""Evidence documents: how they are made, stored and checked.

    v1/{tenant}/evidence/{first day}-{last day}-{hash}/
      page-{hash}.html     the page, named by what it holds; means nothing until `evidence.jws` names it
      evidence.jws         the document and the page's SHA-256, signed with the evidence key: this decides
      evidence.json        the document alone, a plain copy

The folder's hash is that of the request: one asked for twice names one document, and whoever creates `evidence.jws`
first decides what it says. Nothing that lies there without our signature is adopted.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from shared.domain.errors import IntegrityError, Refused, Unusable
from shared.domain.evidence import EVIDENCE_FORMAT, EvidenceCommit, EvidenceDocument, Period
from shared.domain.ports import Signer
from shared.engines import jws
from shared.engines.create import create_or_adopt
from shared.engines.evidence import Evidence, sha256
from shared.engines.evidence_facts import Earlier, Sources, gather
from shared.engines.evidence_rows import document_of
from shared.engines.jws import Purpose
from shared.engines.paths import tenant_folder
from shared.engines.wire import decode, encode

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

SIGNED: Final = "evidence.jws"
DOCUMENT: Final = "evidence.json"
_LONGEST: Final = timedelta(days=370)
_FOLDER: Final = re.compile(r"(\d{8})-(\d{8})-[0-9a-f]{16}/evidence\.jws", re.ASCII)

RenderPage = Callable[[EvidenceDocument], bytes]


@dataclass(frozen=True, slots=True)
class Made:
    """A stored document: its folder in the evidence container, and the name of its page there."""

    folder: str
    page: str
    document: EvidenceDocument


def period_of(first: date, last: date) -> Period:
    """Whole days in UTC. Raises `Unusable` for none, and for more than a year."""
    start, end = (datetime.combine(day, time(), UTC) for day in (first, last + timedelta(days=1)))
    if not timedelta() < end - start <= _LONGEST:
        raise Unusable("a period of evidence has at least one day and at most 370")
    return Period(start, end)


def month_before(day: date) -> tuple[date, date]:
    """First and last day of the month before the one that holds `day`."""
    last = day.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def evidence_folder(tenant: str, period: Period, request: str) -> str:
    seed = "\n".join((tenant, period.start.isoformat(), period.end.isoformat(), request))
    digest = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{tenant_folder(tenant)}evidence/{period.start:%Y%m%d}-{period.last:%Y%m%d}-{digest}/"


def page_name(page_sha256: str) -> str:
    return f"page-{page_sha256[:16]}.html"


async def find_evidence(evidence: Evidence, period: Period, request: str) -> Made | None:
    """The document of a request, None where it isn't complete yet. Raises `IntegrityError` for one that is not
    signed by the evidence key, or for another place."""
    folder = evidence_folder(evidence.tenant, period, request)
    commit = await evidence.find_signed(EvidenceCommit, f"{folder}{SIGNED}", Purpose.EVIDENCE)
    if commit is None or await evidence.find(f"{folder}{DOCUMENT}") is None:
        return None
    return _made(evidence, folder, period, commit)


def _made(evidence: Evidence, folder: str, period: Period, commit: EvidenceCommit) -> Made:
    document = commit.document
    if document.format != EVIDENCE_FORMAT:
        raise Unusable(f"the evidence has format {document.format}", hint="use a newer release")
    if (document.facts.tenant, document.facts.period) != (evidence.tenant, period):
        raise IntegrityError(f"{folder}{SIGNED} was signed for another tenant or period")
    return Made(folder, page_name(commit.page_sha256), document)


class EvidenceDesk:
    """Makes documents. `render` makes the page of one and depends on nothing else."""

    def __init__(self, sources: Sources, signer: Signer, render: RenderPage) -> None:
        self._sources = sources
        self._evidence = sources.evidence
        self._signer = signer
        self._render = render

    async def make(self, period: Period, request: str) -> Made:
        """The document of a request: gathered now, or as it was stored before. Raises `Unusable` for a period that
        has not begun, `IntegrityError` where something lies in its place that is not ours, and what storage raises;
        then it may be asked for again."""
        if period.start >= self._sources.clock.now():
            raise Unusable("the period has not begun")
        folder = evidence_folder(self._evidence.tenant, period, request)
        commit = await self._evidence.find_signed(EvidenceCommit, f"{folder}{SIGNED}", Purpose.EVIDENCE)
        if commit is None:
            commit = await self._commit(period, folder)
        made = _made(self._evidence, folder, period, commit)
        copy = encode(commit.document)
        if await create_or_adopt(self._evidence.store, f"{folder}{DOCUMENT}", copy) != copy:
            raise IntegrityError(
                f"{folder}{DOCUMENT} is not what was signed",
                saved=f"{SIGNED} and the page, which are as they should be",
                hint="find out who wrote it; the signed one counts",
            )
        return made

    async def _commit(self, period: Period, folder: str) -> EvidenceCommit:
        document = document_of(await gather(self._sources, period, await self._earlier(period)))
        page = self._render(document)
        name = f"{folder}{page_name(sha256(page))}"
        if await create_or_adopt(self._evidence.store, name, page) != page:
            raise IntegrityError(f"{name} is there with other contents", hint="find out who wrote it")
        mine = EvidenceCommit(document, sha256(page))
        token = await self._evidence.write_signed(f"{folder}{SIGNED}", Purpose.EVIDENCE, self._signer, mine)
        return self._evidence.open_signed(EvidenceCommit, f"{folder}{SIGNED}", token, Purpose.EVIDENCE)

    async def _earlier(self, period: Period) -> Earlier | None:
        """The document of the latest period that ended before this one begins. One that doesn't verify is passed
        over: it is no witness."""
        root = f"{tenant_folder(self._evidence.tenant)}evidence/"
        found = []
        async for stat in self._evidence.store.list(root):
            match = _FOLDER.fullmatch(stat.name.removeprefix(root))
            if match is not None and match[2] < f"{period.start:%Y%m%d}":
                found.append((match[2], match[1], stat.name))
        for _, _, name in sorted(found, reverse=True):
            try:
                commit, _ = await self._evidence.read_signed(EvidenceCommit, name, Purpose.EVIDENCE)
            except IntegrityError:
                continue
            return Earlier(name.removesuffix(SIGNED), commit.document)
        return None


@dataclass(frozen=True, slots=True)
class Checked:
    """A document that was checked offline. `findings` empty: signature, copy and page belong together."""

    document: EvidenceDocument
    key: str
    findings: tuple[str, ...]


def check_evidence(
    token: bytes, copy: bytes | None, page: bytes | None, keys: Mapping[str, EllipticCurvePublicKey]
) -> Checked:
    """Whether the files of a folder belong together. `copy` and `page`: None where there is none. Raises `Refused`
    for a signature that isn't one of `keys`, before anything in the document is looked at."""
    payload, key = jws.verify_signed(token, Purpose.EVIDENCE, keys)
    try:
        commit = decode(EvidenceCommit, payload)
    except Unusable as bad:
        raise Refused(f"what was signed is no evidence document of this release: {bad.what}") from None
    findings = []
    if copy is None:
        findings.append(f"{DOCUMENT} is missing")
    elif copy != encode(commit.document):
        findings.append(f"{DOCUMENT} is not what was signed")
    if page is None:
        findings.append(f"{page_name(commit.page_sha256)} is missing")
    elif sha256(page) != commit.page_sha256:
        findings.append(f"{page_name(commit.page_sha256)} is not the page that was signed")
    return Checked(commit.document, key, tuple(findings))
