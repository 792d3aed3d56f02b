#!/usr/bin/env python3
"""Checks a copy of Holdfast's containers without Holdfast: one file, to be read before it is run.

    python -m pip install cryptography zstandard
    python holdfast_verify.py COPY --key snapshot.pub [--expect-head SEQ:HASH] [--snapshot ID]

COPY holds one folder per container: `chain/`, `vault-35d/` and so on. The public key comes from whom you trust,
never from the copy. What is checked, in this order, and what each step relies on:

1. every entry of the chain: its ES256 signature, its place, the hash of the entry before it;
2. of each snapshot that has not expired, or is held: signed commit, manifest, every blob, Merkle root, retention;
3. receipts against the manifest; indexes against packs (ids, places, parents, links; not the hash of an object's
   meaning, which depends on a catalog); links that lead out of the snapshot.

Ends with 0 if everything is as it was committed, 3 if something is not, 2 if it could not begin.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import zstandard
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

CHAIN, SNAPSHOT = "holdfast-chain+jws", "holdfast-snapshot+jws"
MAX_BLOB = 256 * 1024 * 1024  # as stored
MAX_TEXT = 64 * 1024 * 1024  # unpacked
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", re.ASCII)
_JWS = re.compile(rb"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]+)")
_ENTRY = re.compile(r"(\d{10})\.jws", re.ASCII)
moment = datetime.fromisoformat
_SNAPSHOT = re.compile(r"(\d{4})(\d\d)(\d\d)T\d{6}Z-[0-9a-z]{1,20}", re.ASCII)


class Bad(Exception):
    """Something is not as it was committed."""


class Unusable(Exception):
    """The check can't begin."""


class Container:
    """One folder of the copy. No name leads out of it, and no link is followed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        path = self.root
        for part in name.split("/"):
            path /= part
            if not _PART.fullmatch(part) or path.is_symlink():
                raise Bad("is no name of a blob, or a link lies on its way")
        return path

    def read(self, name: str) -> bytes:
        path = self.path(name)
        if not path.is_file():
            raise Bad("is missing")
        if path.stat().st_size > MAX_BLOB:
            raise Bad("is larger than any blob is written")
        return path.read_bytes()

    def names(self, folder: str) -> list[str]:
        return sorted(one.name for one in path.iterdir()) if (path := self.path(folder)).is_dir() else []


def base64url(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def octets(text: bytes) -> bytes:
    """Strict base64url (RFC 7515 §2): one text for one value."""
    value = b"" if len(text) % 4 == 1 else base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    if base64url(value) != text:
        raise Bad("is not base64url")
    return value


def payload_of(token: bytes, purpose: str, keys: dict[str, ec.EllipticCurvePublicKey]) -> dict[str, Any]:
    """The payload of a compact JWS that a trusted key signed for this purpose. ES256 only (RFC 7518 §3.4)."""
    shape = _JWS.fullmatch(token)
    if shape is None:
        raise Bad("is no compact JWS")
    header = document(octets(shape[1]))
    if set(header) != {"alg", "kid", "typ"} or (header["alg"], header["typ"]) != ("ES256", purpose):
        raise Bad("is not signed with ES256 for this purpose, or its header says more than it should")
    if (key := keys.get(str(header["kid"]))) is None:
        raise Bad(f"was signed by key {str(header['kid'])[:43]!a}, which is not in your list")
    signature = octets(shape[3])
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        if len(signature) != 64:
            raise InvalidSignature
        key.verify(utils.encode_dss_signature(r, s), token[: shape.end(2)], ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Bad("has a signature that doesn't fit") from None
    return document(octets(shape[2]))


def document(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise Bad("is not JSON") from None
    if not isinstance(value, dict):
        raise Bad("is no JSON object")
    return value


def load_keys(path: Path) -> dict[str, ec.EllipticCurvePublicKey]:
    """Public P-256 keys, from PEM or a JWK set, by their RFC 7638 thumbprints."""
    data, keys = path.read_bytes(), {}
    try:
        if data.lstrip().startswith(b"-----"):
            blocks = data.split(b"-----BEGIN ")[1:]  # after a rotation there are several
            found: list[Any] = [serialization.load_pem_public_key(b"-----BEGIN " + one) for one in blocks]
        else:
            value = document(data)
            points = [[octets(jwk[name].encode()) for name in ("x", "y")] for jwk in value.get("keys", [value])]
            curve = ec.SECP256R1()
            found = [ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + x + y) for x, y in points]
        for key in found:
            numbers = key.public_numbers()
            x, y = (base64url(one.to_bytes(32, "big")).decode() for one in (numbers.x, numbers.y))
            name = sha256(f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'.encode())
            keys[base64url(name).decode()] = key
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, Bad):
        raise Unusable(f"{path} holds something else than public keys on P-256") from None
    return keys


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def merkle_root(blobs: Sequence[dict[str, Any]]) -> str:
    """RFC 6962 §2.1 over leaves name ‖ 0x00 ‖ SHA-256, sorted by name."""
    named = sorted((one["name"].encode(), one["sha256"]) for one in blobs)
    leaves = [sha256(b"\x00" + name + b"\x00" + bytes.fromhex(digest)) for name, digest in named]

    def tree(part: list[bytes]) -> bytes:
        if len(part) < 2:
            return part[0] if part else sha256(b"")
        left = 1 << (len(part) - 1).bit_length() - 1
        return sha256(b"\x01" + tree(part[:left]) + tree(part[left:]))

    return tree(leaves).hex()


def lines_of(data: bytes) -> list[bytes]:
    """The lines of one zstd frame that says how long it is (RFC 8878 §3.1.1.1.4), never more than MAX_TEXT."""
    try:
        if zstandard.get_frame_parameters(data).content_size > MAX_TEXT:  # "unknown" is the largest number there is
            raise Bad("says that it unpacks to more than any blob does, or doesn't say")
        text = zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
    except zstandard.ZstdError:
        raise Bad("is no zstd frame, or a damaged one") from None
    if text and not text.endswith(b"\n"):
        raise Bad("ends in the middle of a line")
    return text[:-1].split(b"\n") if text else []


class Verifier:
    """Prints what it finds as it goes."""

    def __init__(self, copy: Path, keys: dict[str, ec.EllipticCurvePublicKey], now: datetime) -> None:
        self.copy, self.keys, self.now = copy, keys, now
        self.findings, self.head = 0, ""
        self._container, self._folder = Container(copy), ""  # of the snapshot that is being looked at
        self._sound: set[str] = set()  # its blobs that are as committed

    def find(self, name: str, why: str) -> None:
        self.findings += 1
        print(f"FOUND {name}: {why}")

    def chain(self, tenant: str, expected_head: str) -> list[dict[str, Any]]:
        """Entries that hold, oldest first."""
        container, folder = Container(self.copy / "chain"), f"v1/{tenant}"
        good: list[dict[str, Any]] = []
        digests: dict[int, str] = {}
        expired: set[int] = set()
        previous: str | None = ""
        for match in filter(None, map(_ENTRY.fullmatch, container.names(folder))):
            seq, last, name = int(match[1]), max(digests, default=0), f"{folder}/{match[0]}"
            entry: dict[str, Any] = {}
            try:
                token = container.read(name)
                digests[seq] = sha256(token).hex()
                entry = payload_of(token, CHAIN, self.keys)
                day = _SNAPSHOT.fullmatch(str(entry.get("snapshot")))
                folder_of = f"v1/{tenant}/{day[1]}/{day[2]}/{day[3]}/{day[0]}/" if day else ""
                if (entry.get("seq"), entry.get("tenant"), entry.get("folder")) != (seq, tenant, folder_of):
                    raise Bad("was signed for another place")
            except Bad as bad:
                self.find(name, str(bad))
                entry = {}
            if seq != last + 1:
                until = entry.get("previousKeptUntil")
                if until and moment(until) <= self.now:
                    expired.update(range(last + 1, seq))
                else:
                    self.find(name, f"entries {last + 1} to {seq - 1} are missing")
                previous = None
            if entry:
                if previous is not None and entry["previous"] != previous:
                    self.find(name, "does not name the hash of the entry before it")
                good.append(entry)
                self.head = f"{seq}:{digests[seq]}"
            previous = digests.get(seq)
        kept = {one["snapshot"]: moment(one["retainUntil"]) for one in good}
        for one in good:
            if one.get("base") and kept[one["snapshot"]] > max(kept.get(one["base"], self.now), self.now):
                self.find(one["snapshot"], "stands on a base that is missing or kept for a shorter time")
        if expected_head:
            number, _, digest = expected_head.partition(":")
            if not number.isdecimal() or len(digest) != 64:
                raise Unusable("an expected head looks like SEQ:HASH")
            if digests.get(int(number)) != digest and int(number) not in expired:
                self.find(expected_head, "the entry that was the newest is missing or has been replaced")
        return good

    def snapshot(self, entry: dict[str, Any]) -> None:
        """All of one snapshot. What is wrong is told with the name of the blob."""
        until, before = entry["retainUntil"], self.findings
        self._folder, self._sound = entry["folder"], set()
        try:
            over = moment(until) <= self.now  # then only a copy under a legal hold is left
            home = Container(self.copy).path("hold" if over else entry["container"]).name
            self._container = Container(self.copy / home)
            if over and not self._container.names(entry["folder"][:-1]):
                print(f"{entry['snapshot']}: expired on {until}; its blobs may be gone, not checked")
                return
            manifest = self._manifest(entry)
            for blob in manifest["blobs"]:
                try:
                    data = self._container.read(self._folder + blob["name"])
                    if (len(data), sha256(data).hex()) != (blob["length"], blob["sha256"]):
                        raise Bad("has other contents than were committed")
                    self._sound.add(blob["name"])
                except Bad as bad:
                    self.find(blob["name"], str(bad))
            if merkle_root(manifest["blobs"]) != manifest["merkleRoot"]:
                self.find("manifest.json", "the Merkle root is not that of the listed blobs")
            promised = moment(manifest["startedAt"]) + timedelta(days=manifest["retentionDays"])
            if not promised == moment(manifest["retainUntil"]) == moment(until):
                self.find("manifest.json", "the days of retention and the end of retention don't agree")
            self._contents(manifest)
            print(f"{entry['snapshot']}: {len(self._sound)} of {len(manifest['blobs'])} blobs, kept until {until}")
            for name, one in sorted((manifest["types"] | manifest["relationships"]).items()):
                print(f"    {name}: {one['count']} {' '.join(filter(None, one['completeness'].values()))}")
        except Bad as bad:
            self.find(self._folder, str(bad))
        except (KeyError, TypeError, ValueError, AttributeError) as odd:
            self.find(self._folder, f"a signed document doesn't have the form of format 1 ({type(odd).__name__})")
        print(f"{entry['snapshot']}: {'as committed' if self.findings == before else 'NOT as committed'}")

    def _read(self, name: str) -> bytes:
        try:
            return self._container.read(self._folder + name)
        except Bad as bad:
            raise Bad(f"{name} {bad}") from None

    def _manifest(self, entry: dict[str, Any]) -> dict[str, Any]:
        commit, data = self._read("commit.jws"), self._read("manifest.json")
        if sha256(commit).hex() != entry["commitSha256"]:
            raise Bad("commit.jws is not the one in the chain")
        signed = payload_of(commit, SNAPSHOT, self.keys)
        if not sha256(data).hex() == entry["manifestSha256"] == signed["manifestSha256"]:
            raise Bad("manifest.json is not the one that was signed")
        manifest = document(data)
        if manifest["format"] != 1:
            raise Unusable(f"{entry['snapshot']} has another format than 1, which this program reads")
        named = (manifest["snapshot"], manifest["tenant"], manifest["merkleRoot"], manifest.get("base"))
        known = (entry["snapshot"], entry["tenant"], signed["merkleRoot"], entry.get("base"))
        if named != known or signed["snapshot"] != named[0]:
            raise Bad("manifest, commit and chain entry name different snapshots")
        return manifest

    def _contents(self, manifest: dict[str, Any]) -> None:
        """Receipts and manifest, packs and indexes, links and objects. Only of blobs that are as committed."""
        listed = {one["name"]: one for one in manifest["blobs"]}
        entries = manifest["types"] | manifest["relationships"]
        used = [one for entry in entries.values() for one in (*entry["packs"], *entry["index"])]
        items = document(self._read("run.json"))["items"] if "run.json" in self._sound else []
        names = [f"parts/{item['id']}.json" for item in items]
        for name in {"run.json", *names} - listed.keys():
            self.find(name, "is not among the blobs of the manifest")
        for blob in used:
            if listed.get(blob["name"]) != blob:
                self.find(blob["name"], "is named in two ways by the manifest")
        if not {"run.json", *names, *(blob["name"] for blob in used)} <= self._sound:
            return  # found already; what is left can't be compared
        with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "t.db")) as db:
            db.executescript(_TABLES)
            for name in names:
                self._receipt(name, document(self._read(name)), entries, db)
            for name, entry in entries.items():
                self._index(name, entry, db, links=name in manifest["relationships"])
            if db.execute(_DANGLING).fetchone()[0] > manifest["danglingCount"]:
                self.find("manifest.json", "more links lead out of the snapshot than it says")

    def _receipt(self, name: str, receipt: dict[str, Any], entries: dict[str, Any], db: sqlite3.Connection) -> None:
        """Takes in what its packs say. Of two lines with one id the later counts."""
        item, entry = receipt["item"], entries.get(receipt["item"]["id"], {})
        packs = receipt["linkPacks"] if item["relationship"] else receipt["packs"]
        if (entry.get("completeness"), entry.get("packs")) != (receipt["completeness"], packs):
            self.find(name, "says something else than the manifest")
            return
        kind = receipt["packs"][0]["name"].split("/")[1] if receipt["packs"] else ""
        if kind and item["relationship"]:
            db.execute("INSERT INTO c VALUES (?, ?)", (kind, item["id"]))
        for number, blob in enumerate(receipt["packs"]):
            for at, line in enumerate(lines_of(self._read(blob["name"]))):
                held = json.loads(line)
                db.execute("DELETE FROM o WHERE type = ? AND id = ?", (kind, held["id"]))
                if "@removed" not in held:
                    db.execute("INSERT INTO o VALUES (?, ?, ?, ?)", (kind, held["id"], number, at))
        for blob in receipt["linkPacks"]:
            for line in lines_of(self._read(blob["name"])):
                held = json.loads(line)
                if held.get("reset"):
                    db.execute("DELETE FROM l WHERE item = ? AND s = ?", (item["id"], held["source"]))
                else:
                    row = item["id"], held["source"], held["target"]
                    db.execute("INSERT OR IGNORE INTO l VALUES (?, ?, ?)", row)

    def _index(self, name: str, entry: dict[str, Any], db: sqlite3.Connection, *, links: bool) -> None:
        members = ("source", "target") if links else ("id", "pack", "line", "parent")
        rows, count = db.execute(_LINKS if links else _OBJECTS, {"name": name}), 0
        for blob in entry["index"]:
            for line in lines_of(self._read(blob["name"])):
                count, held = count + 1, document(line)
                if tuple(held.get(member) for member in members) != rows.fetchone():
                    self.find(blob["name"], f"line {count} of the index is not what the packs give")
                    return
        if rows.fetchone() is not None or count != entry["count"]:
            self.find(f"index of {name}", f"has {count} lines; packs or manifest say otherwise")


# Objects, links, and which relationship contains which type, in a file, so that memory stays flat.
_TABLES = """
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-16384;
CREATE TABLE o (type TEXT, id TEXT, pack INT, line INT, PRIMARY KEY (type, id)) WITHOUT ROWID;
CREATE TABLE l (item TEXT, s TEXT, t TEXT, PRIMARY KEY (item, s, t)) WITHOUT ROWID;
CREATE TABLE c (child TEXT, item TEXT); CREATE INDEX by_target ON l (t, item); CREATE INDEX by_id ON o (id);
"""
_LINKS = "SELECT s, t FROM l WHERE item = :name ORDER BY s, t"
# A contained object counts while a link says whose it is.
_OBJECTS = """
SELECT id, pack, line, CASE WHEN :name IN (SELECT child FROM c) THEN parent ELSE '' END FROM (
    SELECT *, (SELECT MIN(s) FROM l JOIN c ON l.item = c.item WHERE c.child = o.type AND t = o.id) AS parent FROM o)
WHERE type = :name AND (parent IS NOT NULL OR :name NOT IN (SELECT child FROM c)) ORDER BY id
"""
_DANGLING = "SELECT COUNT(*) FROM l WHERE s NOT IN (SELECT id FROM o) OR t NOT IN (SELECT id FROM o)"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Checks a copy of Holdfast's containers without Holdfast.")
    parser.add_argument("copy", type=Path, help="the folder that holds chain/ and the vault folders")
    parser.add_argument("--key", type=Path, required=True, help="public key of snapshots: PEM or JWK set")
    parser.add_argument("--tenant", default="", help="the tenant's id, if the copy holds several")
    parser.add_argument("--snapshot", default="", help="one snapshot only")
    parser.add_argument("--expect-head", default="", metavar="SEQ:HASH", help="the head of an earlier report")
    given = parser.parse_args(arguments)
    try:
        tenants = [given.tenant] if given.tenant else Container(given.copy / "chain").names("v1")
        if len(tenants) != 1:
            raise Unusable(f"{given.copy} holds chains of {len(tenants)} tenants: name one with --tenant")
        verifier = Verifier(given.copy, load_keys(given.key), datetime.now(UTC))
        entries = verifier.chain(tenants[0], given.expect_head)
        if given.snapshot and given.snapshot not in {entry["snapshot"] for entry in entries}:
            verifier.find(given.snapshot, "no entry that holds names this snapshot")
        for entry in entries:
            if given.snapshot in ("", entry["snapshot"]):
                verifier.snapshot(entry)
    except (Unusable, OSError, Bad) as odd:
        parser.error(str(odd))
    print(f"{len(entries)} entries of the chain hold; head {verifier.head}; findings: {verifier.findings}")
    return 3 if verifier.findings else 0


if __name__ == "__main__":
    sys.exit(main())
