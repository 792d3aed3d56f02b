"""`holdfast keys` and `holdfast approvers`: what a first set-up needs before anything can be signed.

Key files are made once and never overwritten: a lost approver key can be replaced, a lost snapshot key only
means that new snapshots are signed by another. A rotation puts the old private key aside and keeps its public part
in the list, without which what it signed would verify no more. Private keys are readable by their owner only.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.new_files import write_new
from shared.cli.screen import Answer, wire_document
from shared.cli.session import Json, ask_secret, read_file, screen_of
from shared.domain.errors import Fault, Refused, Unusable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

PURPOSES = ("snapshot", "plan", "evidence", "execution")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SUFFIX_PRIVATE, _SUFFIX_PUBLIC = ".pem", ".pub"

keys_app = typer.Typer(
    help="Make local signing keys, print public ones.", no_args_is_help=False, rich_markup_mode=None
)
approvers_app = typer.Typer(help="Make the approvers' document.", no_args_is_help=False, rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    app.add_typer(keys_app, name="keys")
    app.add_typer(approvers_app, name="approvers")


@keys_app.command("create")
def create_keys(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the key files go; made if missing.")],
    approver: Annotated[
        list[str] | None,
        typer.Option(
            "--approver",
            metavar="NAME",
            help="Make the key of this approver instead of the four keys of the apps; may be repeated.",
        ),
    ] = None,
    laptop: Annotated[
        bool,
        typer.Option("--laptop", help="Make the three keys of a restore from a folder copy, without the apps."),
    ] = False,
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="Ask for a passphrase and encrypt the private keys with it.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Make key pairs on P-256: snapshot, plan, evidence and execution, or one for each approver named.

    In Azure the four keys of the apps live in Key Vault; files are for local runs. An approver makes the
    approver's key, on the approver's own machine, and hands out the .pub file only.

    Example: holdfast keys create ~/holdfast-key --approver maria --passphrase
    """
    from shared.cli.render import line, table

    screen = screen_of(ctx, as_json)
    if laptop and (approver or passphrase):
        raise Unusable("--laptop goes with neither --approver nor --passphrase")
    names = tuple(approver) if approver else _laptop_keys() if laptop else PURPOSES
    _check_names(names)
    secret = _new_passphrase() if passphrase else None
    made = [
        {"name": name, "keyId": key_id, "privateKey": str(private), "publicKey": str(public)}
        for name, key_id, private, public in _create(folder, names, secret)
    ]
    view = (
        table(
            ("Key", "Key id", "Private key (keep)", "Public key (hand out)"),
            [(key["name"], key["keyId"], key["privateKey"], key["publicKey"]) for key in made],
        ),
        line(
            "next: holdfast approvers create approvers.json " + " ".join(key["publicKey"] for key in made)
            if approver
            else "next: holdfast plan SNAPSHOT --local FOLDER --key snapshot.pub"
            if laptop
            else "next: holdfast keys create DIR --approver NAME, by each approver"
        ),
    )
    return screen.answer(Answer({"keys": made}, view))


@keys_app.command("rotate")
def rotate_keys(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the key files are.")],
    only: Annotated[
        list[str] | None, typer.Option("--key", metavar="NAME", help="Only this key; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Give the apps new local keys; what the old ones signed still verifies.

    NAME.pem becomes a new key, the old one is kept as NAME.old-….pem for you to destroy, and NAME.pub lists both.
    Repeating it after an interruption goes on where it stopped. In Azure rotate the key in Key Vault instead, and
    set HOLDFAST_PUBLIC_KEYS anew (holdfast keys public): the app signs with the newest version listed there.

    Example: holdfast keys rotate .holdfast/keys --key snapshot
    """
    from shared.cli.render import line, table

    screen = screen_of(ctx, as_json)
    there = tuple(name for name in PURPOSES if (folder / (name + _SUFFIX_PRIVATE)).is_file())
    names = tuple(only) if only else there
    if unknown := sorted(set(names) - set(PURPOSES)):
        raise Unusable(
            f"{', '.join(unknown)}: not a key of the apps",
            hint=f"the keys are {', '.join(PURPOSES)}; an approver makes a new key and joins a new document",
        )
    if missing := sorted(set(names) - set(there)) or ([] if names else list(PURPOSES)):
        raise Unusable(f"there is no key for {', '.join(missing)} in {folder}", hint="holdfast keys create")
    rotated = [_rotate(folder, name) for name in names]
    view = (
        table(
            ("Key", "Signs from now on", "Signed until now", "Old private key"),
            [(one["name"], one["keyId"], one["oldKeyId"], one["oldPrivateKey"]) for one in rotated],
        ),
        line("next: hand out the .pub files again, start the apps anew, then destroy the old private keys"),
    )
    return screen.answer(Answer({"keys": rotated}, view))


@approvers_app.command("create")
def create_approvers(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The document to write.")],
    keys: Annotated[list[Path], typer.Argument(metavar="KEY.pub…", help="Public keys of the approvers.")],
    needed: Annotated[int, typer.Option("--needed", metavar="M", help="How many must approve a plan.")] = 2,
    as_json: Json = False,
) -> int:
    """Write the approvers' document and print its SHA-256, which both apps get as a setting.

    The label of each approver is the name of the key file. The document also goes into the evidence container.

    Example: holdfast approvers create approvers.json maria.pub tomas.pub --needed 2
    """
    from shared.cli.render import facts, table
    from shared.domain.plan import Approver, Approvers
    from shared.engines.jws import load_public_keys, thumbprint, to_jwk
    from shared.engines.wire import encode

    screen = screen_of(ctx, as_json)
    listed: dict[str, Approver] = {}
    for path in keys:
        loaded = load_public_keys(read_file(path, "public key"))
        if len(loaded) != 1:
            raise Unusable(f"{path} holds {len(loaded)} keys", hint="give one public key a file")
        (key,) = loaded.values()
        person = path.name.removesuffix(_SUFFIX_PUBLIC).removesuffix(".pub.pem")
        if thumbprint(key) in listed:
            raise Refused(
                f"{path} holds the same key as another file: one key counts once",
                hint="each approver makes a key of their own",
            )
        if any(other.person == person for other in listed.values()):
            raise Refused(
                f"two keys carry the label {person}: two approvals must mean two people",
                hint="name each key file after its person",
            )
        public = {name: value for name, value in to_jwk(key).items() if name in ("crv", "kty", "x", "y")}
        listed[thumbprint(key)] = Approver(key_id=thumbprint(key), jwk=public, person=person)
    if not 1 <= needed <= len(listed):
        raise Unusable(
            f"{needed} approvals are needed but there are {len(listed)} approvers",
            hint="give more public keys or a smaller --needed",
        )
    if needed == 1:
        screen.note("warning: a single approver can let a restore run; two is the default for good reason")
    document = Approvers(needed=needed, approvers=tuple(listed[key_id] for key_id in sorted(listed)))
    data = encode(document)
    _write_new({file: (data, 0o644)})
    digest = hashlib.sha256(data).hexdigest()
    view = (
        table(("Approver", "Key id"), [(one.person, one.key_id) for one in document.approvers]),
        facts(
            [
                ("Needed", f"{needed} of {len(document.approvers)}"),
                ("File", str(file)),
                ("Setting", f"HOLDFAST_APPROVERS_SHA256={digest}"),
            ]
        ),
    )
    return screen.answer(Answer({"file": str(file), "sha256": digest, **wire_document(document)}, view))


# --- key files -------------------------------------------------------------------------------------------


def _check_names(names: tuple[str, ...]) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise Unusable(
                f"{name!r} can't be the name of a key file", hint="letters, digits, dot, dash, underscore"
            )
    if len(set(names)) != len(names):
        raise Unusable("a name is given twice")


def _new_passphrase() -> bytes:
    secret = ask_secret("passphrase for the private keys")
    if not secret:
        raise Unusable("an empty passphrase protects nothing")
    if ask_secret("the same again") != secret:
        raise Unusable("the two passphrases differ; nothing was written")
    return secret.encode()


def _create(folder: Path, names: tuple[str, ...], secret: bytes | None) -> list[tuple[str, str, Path, Path]]:
    from cryptography.hazmat.primitives.asymmetric import ec

    from shared.engines.jws import thumbprint

    files: dict[Path, tuple[bytes, int]] = {}
    made = []
    for name in names:
        key = ec.generate_private_key(ec.SECP256R1())
        private, public = folder / (name + _SUFFIX_PRIVATE), folder / (name + _SUFFIX_PUBLIC)
        files[private] = (_private_pem(key, secret), 0o600)
        files[public] = (_public_pem(key.public_key()), 0o644)
        made.append((name, thumbprint(key.public_key()), private, public))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unusable(f"the folder can't be made: {error.strerror}: {folder}") from None
    _write_new(files)
    return made


def _laptop_keys() -> tuple[str, ...]:
    from shared.laptop import OWN_KEYS

    return OWN_KEYS


def _rotate(folder: Path, name: str) -> dict[str, str]:
    """In this order, so that at any moment the key that signs is in the list: new key aside, list of both, old key
    kept under another name, new key in its place."""
    from shared.adapters.keys import LocalFileSigner, create_key
    from shared.engines.jws import load_public_keys

    current, public = folder / (name + _SUFFIX_PRIVATE), folder / (name + _SUFFIX_PUBLIC)
    waiting = folder / f"{name}.next{_SUFFIX_PRIVATE}"
    old, new = LocalFileSigner(current), create_key(waiting)
    listed = load_public_keys(public.read_bytes()) if public.exists() else {}
    listed = {new.key_id: new.public_key, old.key_id: old.public_key, **listed}
    _replace(public, b"".join(_public_pem(key) for key in listed.values()))
    # An id may begin with any mark of base64url; behind "old-" that is a plain name.
    kept = folder / f"{name}.old-{old.key_id[:12]}{_SUFFIX_PRIVATE}"
    if not kept.exists():
        os.link(current, kept)
    waiting.replace(current)
    return {"name": name, "keyId": new.key_id, "oldKeyId": old.key_id, "oldPrivateKey": str(kept)}


def _replace(path: Path, data: bytes) -> None:
    """The file is the old one or the new one, never half of it."""
    waiting = path.with_name(f"{path.name}.new")
    with waiting.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    waiting.replace(path)


def _private_pem(key: EllipticCurvePrivateKey, secret: bytes | None) -> bytes:
    from cryptography.hazmat.primitives import serialization

    locked = serialization.BestAvailableEncryption(secret) if secret else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)


def _public_pem(key: EllipticCurvePublicKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _write_new(files: dict[Path, tuple[bytes, int]]) -> None:
    """Writes files that must not exist yet. One that exists stops all before anything is written."""
    for path in files:
        if path.exists() or path.is_symlink():
            raise Refused(
                f"{path} exists already and is never overwritten",
                saved="the file that is there, unchanged",
                hint="choose another name, or put the old file away yourself",
            )
    for path, (data, mode) in files.items():
        try:
            write_new(path, data, mode)
        except OSError as error:
            raise Fault(f"{path} can't be written: {error.strerror}") from None
