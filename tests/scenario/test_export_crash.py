"""A backup run that dies anywhere ends, after its messages came again, as the snapshot it would have been."""

from __future__ import annotations

from shared.domain.snapshot import State
from tests.backup import Backup, content, small_tenant


async def test_a_run_reads_everything_and_the_snapshot_gives_it_back() -> None:
    backup = Backup()
    small_tenant(backup.directory)
    await backup.back_up()
    snapshot = await backup.repository().open()
    held = await content(snapshot)
    manifest = snapshot.manifest
    assert {entry.completeness.state for entry in manifest.types.values()} == {State.COMPLETE}
    assert {entry.completeness.state for entry in manifest.relationships.values()} == {State.COMPLETE}
    for name, objects in backup.directory.objects.items():
        assert {key: raw for key, (raw, _, _) in held[name].items()} == objects
    for (type_name, relationship), sources in backup.directory.links.items():
        expected = {source for source, targets in sources.items() for _ in targets}
        links = held[f"{type_name}.{relationship}"]
        assert {link.source for link in links} == expected
        assert len(links) == sum(len(targets) for targets in sources.values())
