"""What anybody outside the apps can do to a deployment: post to its queues, look at its rows and logs, stand where
Graph should be.

What must stay true: all of it goes past Holdfast, straight to storage, logs and sockets.
"""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from azure.data.tables import TableClient
from azure.storage.queue import BinaryBase64EncodePolicy, QueueClient

from shared.domain.queues import QUEUES, poison
from tests.localrun.stack import TABLE
from tests.localrun.world import World

Obj = dict[str, Any]
ACCOUNTS = {"backup": "BackupState", "restore": "RestoreState"}


def readable(world: World) -> list[str]:
    return [one["id"] for one in world.holdfast_json("snapshots")["snapshots"]]


def said(world: World, role: str, event: str) -> list[Obj]:
    """What an app logged under this name, from all its processes."""
    found = []
    for log in sorted(world.stack.folder.glob(f"host-*-{role}.log")):
        for line in log.read_text(encoding="utf-8").splitlines():
            message = json.loads(line).get("message", "") if line.startswith("{") else ""
            if message.startswith(f"{event} "):
                found.append(json.loads(message.removeprefix(event)))
    return found


def post(world: World, queue: str, body: bytes) -> None:
    """Anything at all, as a message."""
    with queue_client(world, queue) as client:
        client.send_message(body)


def messages_in(world: World, queue: str) -> int:
    with queue_client(world, queue) as client:
        return client.get_queue_properties().approximate_message_count or 0


def queue_client(world: World, name: str) -> QueueClient:
    connection = next(spec.connection for spec in QUEUES if name in (spec.name, poison(spec.name)))
    settings = world.stack.settings("backup")
    return QueueClient.from_connection_string(
        settings[connection], name, message_encode_policy=BinaryBase64EncodePolicy()
    )


def table_client(world: World, role: str) -> TableClient:
    connection = world.stack.settings(role)[ACCOUNTS[role]]
    return TableClient.from_connection_string(connection, TABLE)


def row_of(world: World, role: str, partition: str, key: str) -> Obj | None:
    with table_client(world, role) as table:
        for row in table.query_entities(f"PartitionKey eq '{partition}' and RowKey eq '{key}'"):
            return dict(row)
    return None


def rejection(world: World, role: str, body: bytes) -> Obj | None:
    """The row of a message that was set aside: found by its hash, and holding nothing of its contents."""
    with table_client(world, role) as table:
        for row in table.query_entities(f"RowKey eq '{hashlib.sha256(body).hexdigest()}'"):
            assert row["PartitionKey"].startswith("rejected-")
            assert set(row) == {"PartitionKey", "RowKey", "queue", "why", "length", "at"}
            return dict(row)
    return None


def until(look: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    """Looks until something is found, and gives it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{what} did not come within {seconds:g} s")


@contextmanager
def dead_port() -> Iterator[int]:
    """A port where nobody listens, kept so that nobody else takes it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


class Listener:
    """A server that somebody else might run: notes every connection and what came over it."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.received: list[bytes] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Listener:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        self._socket.close()

    def ring(self) -> None:
        """Connects to it: a listener that hears nobody proves nothing."""
        with socket.create_connection(self._socket.getsockname()) as connection:
            connection.sendall(b"hello")

    def _serve(self) -> None:
        while not self._ending.is_set():
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(1.0)
                try:
                    self.received.append(connection.recv(65536))
                except TimeoutError:
                    self.received.append(b"a connection without a word")
