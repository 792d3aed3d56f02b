"""`holdfast keys public`: the setting HOLDFAST_PUBLIC_KEYS, from Key Vault or from local key files.

Standard output is the setting and nothing else, so that a deployment can take it as it is. Which version of which
key each id is, is told beside it: a signature names its key by that id (`kid`, RFC 7638).
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.cli.first_keys import PURPOSES, keys_app
from shared.cli.screen import Answer
from shared.cli.session import Json, read_file, screen_of, session_of
from shared.domain.errors import Unusable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    from shared.cli.parts import KeyReader


@dataclass(frozen=True, slots=True)
class _Listed:
    """`where`: the key's version in the key vault, or its file."""

    name: str
    where: str
    public_key: EllipticCurvePublicKey


def register(app: typer.Typer) -> None:
    """Beside the other commands of `holdfast keys`, which `first_keys` gives to `app`."""
    keys_app.command("public")(print_public_keys)


def print_public_keys(
    ctx: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Folder of .pub files, in place of a key vault.")
    ] = None,
    vault: Annotated[
        str,
        typer.Option(
            "--vault", metavar="URL", help="Key vault; HOLDFAST_KEY_VAULT_URL if neither it nor DIR is given."
        ),
    ] = "",
    only: Annotated[
        list[str] | None, typer.Option("--key", metavar="NAME", help="Only this key; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Print the public signing keys as the setting HOLDFAST_PUBLIC_KEYS, which readers and apps trust.

    From Key Vault every enabled version of snapshot, plan, evidence and execution: what an older one signed has to
    verify, too. It signs in as whoever is signed in, and needs to read keys (the group of readers can). What the
    vault shows is trusted from then on: run it right after the deployment, or compare the ids with those before.

    Example: holdfast keys public --vault https://VAULT.vault.azure.net > public-keys.json
    """
    from shared.cli.render import line
    from shared.engines.jws import jwk_set, thumbprint, to_jwk
    from shared.engines.wire import dump, parse

    screen = screen_of(ctx, as_json)
    names = tuple(dict.fromkeys(only)) if only else PURPOSES
    if unknown := sorted(set(names) - set(PURPOSES)):
        raise Unusable(f"{', '.join(unknown)}: not a key of the apps", hint=f"the keys are {', '.join(PURPOSES)}")
    if folder is not None and vault:
        raise Unusable("give a folder or a key vault, not both")
    if folder is None and not (vault := vault or os.environ.get("HOLDFAST_KEY_VAULT_URL", "")):
        raise Unusable("neither a folder nor a key vault is given", hint="holdfast keys public --vault URL")
    listed = (
        _in_folder(folder, names)
        if folder is not None
        else asyncio.run(_in_vault(vault, names, session_of(ctx).read_keys))
    )
    setting: dict[str, Any] = {}
    for name in names:
        if own := {thumbprint(one.public_key): one.public_key for one in listed if one.name == name}:
            setting[name] = parse(jwk_set(own))
    ids = [(one, str(to_jwk(one.public_key)["kid"])) for one in listed]
    if not as_json:
        for one, key_id in ids:
            screen.note(f"{one.name}: key {key_id} is {one.where}")
    document = {
        "keys": [{"name": one.name, "keyId": key_id, "where": one.where} for one, key_id in ids],
        "publicKeys": setting,
    }
    return screen.answer(Answer(document, (line(dump(setting).decode()),)))


def _in_folder(folder: Path, names: tuple[str, ...]) -> list[_Listed]:
    from shared.engines.jws import load_public_keys

    files = [(name, folder / f"{name}.pub") for name in names]
    there = [(name, file) for name, file in files if file.exists()]
    if not there:
        raise Unusable(f"there is no public key in {folder}", hint="it should hold snapshot.pub")
    return [
        _Listed(name, str(file), key)
        for name, file in there
        for key in load_public_keys(read_file(file, "public key")).values()
    ]


async def _in_vault(vault: str, names: tuple[str, ...], read: KeyReader) -> list[_Listed]:
    return [_Listed(one.name, f"version {one.version}", one.public_key) for one in await read(vault, names)]
