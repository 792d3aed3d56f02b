"""Packs and names: the same lines give the same bytes, and nothing untrusted is unpacked without a cap."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
import zstandard

from shared.adapters.memory import MemoryBlobStore
from shared.domain.errors import IntegrityError, Unusable
from shared.domain.snapshot import BlobRef
from shared.engines import packs, paths, rawjson
from shared.engines.packs import Kind, PackCache, merkle_root, pack, put_pack, read_ref, split, unpack

SNAPSHOT = "20261122T013000Z-full"
FOLDER = paths.folder_of("t1", SNAPSHOT)


def test_the_same_lines_give_the_same_bytes() -> None:
    lines = [b'{"id":"%d"}' % number for number in range(5000)]
    assert pack(lines) == pack(list(lines))
    assert split(unpack(pack(lines))) == lines


def test_no_lines_are_a_pack_too() -> None:
    assert split(unpack(pack([]))) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no zstd at all",
        pack([b"a" * 1000])[:-1],
        pack([b"a" * 1000])[:9],
        pack([b"a"]) + b"more",
        zstandard.ZstdCompressor().compress(b"no line end"),
    ],
)
def test_anything_but_one_whole_frame_of_lines_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        unpack(data)


def test_a_damaged_frame_is_refused() -> None:
    data = bytearray(pack([hashlib.sha256(b"%d" % number).hexdigest().encode() for number in range(100)]))
    for at in range(6, len(data), 97):
        bad = bytes(data[:at]) + bytes([data[at] ^ 0xFF]) + bytes(data[at + 1 :])
        try:
            assert unpack(bad) != unpack(bytes(data))  # the hash of a blob finds what zstd doesn't
        except IntegrityError:
            continue


def test_a_frame_that_declares_too_much_is_not_even_begun() -> None:
    with pytest.raises(IntegrityError, match="declares"):
        unpack(pack([b"a" * 2000]), limit=1000)


def test_a_bomb_that_declares_nothing_or_too_little_is_not_unpacked() -> None:
    bomb = zstandard.ZstdCompressor().compressobj()
    data = bomb.compress(b"\0" * 50_000_000) + bomb.flush()
    assert len(data) < 5000
    with pytest.raises(IntegrityError, match="declare"):
        unpack(data)
    honest = zstandard.ZstdCompressor().compress(b"\n" * 1000)
    assert honest[4:7] == b"\x60\xe8\x02"  # the frame's header: two bytes of length, less 256
    lying = honest[:5] + b"\x00\x00" + honest[7:]
    with pytest.raises(IntegrityError, match="damaged"):
        unpack(lying)


async def test_a_pack_is_named_after_its_content_and_a_repeat_finds_it() -> None:
    store = MemoryBlobStore()
    blob = await put_pack(store, FOLDER, Kind("users"), 3, [b"{}"])
    assert blob.name == f"objects/users/00003-{blob.sha256[:16]}.jsonl.zst"
    assert await put_pack(store, FOLDER, Kind("users"), 3, [b"{}"]) == blob
    links = await put_pack(store, FOLDER, Kind("groups", "members"), 0, [b"{}"])
    assert links.name.startswith("links/groups.members/00000-")
    assert len(store.blobs) == 2


@pytest.mark.parametrize("data", [b"", b"x", pack([b"other"])])
async def test_a_blob_that_is_not_as_recorded_is_an_integrity_error(data: bytes) -> None:
    store = MemoryBlobStore()
    blob = await put_pack(store, FOLDER, Kind("users"), 0, [b"{}"])
    store.blobs[FOLDER.path(blob.name)] = data
    with pytest.raises(IntegrityError):
        await read_ref(store, FOLDER, blob)


async def test_the_cache_holds_the_packs_read_last() -> None:
    store = MemoryBlobStore()
    blobs = [await put_pack(store, FOLDER, Kind("users"), n, [b'{"n":%d}' % n]) for n in range(4)]
    cache = PackCache(store, FOLDER, size=2)
    for blob in (blobs[0], blobs[1], blobs[0], blobs[2]):
        await cache.lines(blob)
    store.blobs.clear()
    assert await cache.lines(blobs[0]) == [b'{"n":0}']
    assert await cache.lines(blobs[2]) == [b'{"n":2}']
    with pytest.raises(Unusable):
        await cache.lines(blobs[1])


# --- Merkle root ---------------------------------------------------------------------------------------------


def _leaf(blob: BlobRef) -> bytes:
    return hashlib.sha256(b"\0" + blob.name.encode() + b"\0" + bytes.fromhex(blob.sha256)).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def test_the_merkle_root_is_the_tree_of_rfc_6962() -> None:
    blobs = [packs.ref(f"b{number}", b"%d" % number) for number in range(7)]
    a, b, c, d, e, f, g = (_leaf(blob) for blob in blobs)
    whole = _node(_node(_node(a, b), _node(c, d)), _node(_node(e, f), g))
    assert merkle_root(blobs) == whole.hex()
    assert merkle_root(reversed(blobs)) == whole.hex()
    assert merkle_root(blobs[:3]) == _node(_node(a, b), c).hex()
    assert merkle_root(blobs[:1]) == a.hex()
    assert merkle_root([]) == hashlib.sha256(b"").hexdigest()


def test_the_merkle_root_moves_with_any_name_or_hash() -> None:
    blobs = [packs.ref(f"b{number}", b"x") for number in range(5)]
    roots = {merkle_root(blobs), merkle_root(blobs[:4]), merkle_root([*blobs[:4], packs.ref("b9", b"x")])}
    assert len({*roots, merkle_root([*blobs[:4], packs.ref("b4", b"y")])}) == 4


# --- names ---------------------------------------------------------------------------------------------------


def test_snapshot_ids_sort_by_time_and_tell_it() -> None:
    times = [datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)]
    names = [paths.snapshot_id(at, "full") for at in times]
    assert names == ["20260102T030405Z-full", "20261122T000000Z-full"] == sorted(names)
    assert [paths.snapshot_time(name) for name in names] == times


@pytest.mark.parametrize(
    "name",
    [
        "",
        "latest",
        "20261122T013000Z",
        "20261122T013000Z-",
        "20261322T013000Z-full",
        "20261122T013000Z-Full",
        "20261122T013000Z-full/..",
        "20261122T013000Z-full\n",
        "../../20261122T013000Z-full",
        "２0261122T013000Z-full",
    ],
)
def test_what_is_no_snapshot_id_becomes_no_path(name: str) -> None:
    with pytest.raises(Unusable):
        paths.folder("t1", name)


@pytest.mark.parametrize("tenant", ["", "..", "a/b", "A", "-a", "a-", "a.b", "x" * 65])
def test_what_is_no_tenant_becomes_no_path(tenant: str) -> None:
    with pytest.raises(Unusable):
        paths.folder(tenant, SNAPSHOT)


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", "a\\b", "a\0b", "."])
def test_no_name_leads_out_of_its_folder(name: str) -> None:
    with pytest.raises(Unusable):
        FOLDER.path(name)


@pytest.mark.parametrize("item", ["", "a.b.c", "a b", "a/b", ".a", "a.", "0a", "é"])
def test_what_is_no_item_becomes_no_path(item: str) -> None:
    with pytest.raises(Unusable):
        paths.receipt(item)
    with pytest.raises(Unusable):
        paths.checkpoint(item, 1)


def test_checkpoints_of_a_type_are_not_taken_for_those_of_its_relationships() -> None:
    assert paths.checkpoint_number("groups", paths.checkpoint("groups", 12)) == 12
    assert paths.checkpoint_number("groups", paths.checkpoint("groups", 12345)) == 12345
    assert paths.checkpoint_number("groups", paths.checkpoint("groups.members", 12)) is None
    assert paths.checkpoint_number("groups", paths.receipt("groups")) is None
    assert paths.checkpoint_number("groups.members", paths.receipt("groups.members")) is None


def test_only_a_run_document_in_its_place_names_a_snapshot() -> None:
    folder = paths.folder("t1", SNAPSHOT)
    assert paths.snapshot_in("t1", folder + "run.json") == SNAPSHOT
    for name in (
        folder + "manifest.json",
        folder + "x/run.json",
        f"v1/t1/2026/11/21/{SNAPSHOT}/run.json",
        "run.json",
    ):
        assert paths.snapshot_in("t1", name) is None


def test_chain_entries_have_their_number_as_name() -> None:
    assert paths.chain_entry("t1", 12) == "v1/t1/0000000012.jws"
    assert paths.chain_seq("v1/t1/0000000012.jws") == 12
    for name in ("v1/t1/12.jws", "v1/t1/0000000000.jws", "v1/t1/0000000012.jws.bak", "v1/t1/x/0000000012.jws"):
        assert paths.chain_seq(name) is None
    for seq in (0, -1, 10**10):
        with pytest.raises(Unusable):
            paths.chain_entry("t1", seq)


def test_a_request_has_one_suffix_whatever_it_is_called() -> None:
    suffix = paths.request_suffix("Request 1 / ä \ud800")
    assert suffix == paths.request_suffix("Request 1 / ä \ud800")
    assert paths.snapshot_suffix(paths.snapshot_id(datetime(2026, 1, 2, tzinfo=UTC), suffix)) == suffix


# --- raw JSON ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lone", [b"", b"\\ud800"])
def test_members_and_items_are_the_slices_they_were(lone: bytes) -> None:
    raw = b'{ "a" : 1.50 ,"b":[ 1e3, "x' + lone + b'" , {"c": [ ]} ], "a\\u0062": null}'
    found = rawjson.members(raw)
    assert found["a"] == b"1.50"
    assert found["ab"] == b"null"
    assert rawjson.elements(found["b"]) == [b"1e3", b'"x' + lone + b'"', b'{"c": [ ]}']


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{", b'{"a":1,}', b'{"a":1} x', b'{"a" 1}', b"{1:2}", b"\xff", b"[" * 99999]
)
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(Unusable):
        rawjson.members(raw)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[", b"[1,]", b"[1] x", b'["\\ud800",]', b'["\\ud800"] x', b"[1 2]"])
def test_what_is_no_array_is_refused(raw: bytes) -> None:
    with pytest.raises(Unusable):
        rawjson.elements(raw)


def test_one_line_takes_breaks_between_tokens_only() -> None:
    assert rawjson.one_line(b'{\r\n "a": "x\\n"\n}') == b'{   "a": "x\\n" }'
