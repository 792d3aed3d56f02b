"""A headless Chromium, driven by its own protocol over a WebSocket: opens a page of a file and tells what came of
it.

Nothing but the browser itself is needed. What must stay true: it has a profile of its own that goes with it,
listens on loopback only, and is gone at the end.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.localrun.setup_browser import NoBrowser, find_browser

_SECONDS = 60.0
_SETTLED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
_READ = """({text: document.body.innerText, width: document.documentElement.scrollWidth,
  wide: [...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1)
    .slice(0, 5).map(one => one.outerHTML.slice(0, 200))})"""

__all__ = ["NoBrowser", "Seen", "browser", "look"]


@dataclass
class Seen:
    """What came of a page. `width`: of what it wants to scroll over, in pixels; `wide`: what sticks out."""

    text: str = ""
    width: int = 0
    wide: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)  # console, exceptions, policy, dialogs
    picture: bytes = b""
    printed: bytes = b""


@contextmanager
def browser() -> Iterator[str]:
    """The address of a running browser's protocol. Raises `NoBrowser`."""
    program = find_browser()
    with tempfile.TemporaryDirectory(prefix="holdfast-browser-", ignore_cleanup_errors=True) as profile:
        command = [
            str(program),
            "--headless",
            "--disable-gpu",
            "--disable-extensions",
            "--disable-background-networking",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--hide-scrollbars",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            "about:blank",
        ]
        # Its temporary files, too, go with the profile.
        environment = {**os.environ, "TMPDIR": profile}
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                yield f"http://127.0.0.1:{_port(process, Path(profile) / 'DevToolsActivePort')}"
            finally:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()


def _port(process: subprocess.Popen[bytes], told: Path) -> int:
    import time

    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        if told.exists() and (lines := told.read_text(encoding="ascii").splitlines()):
            return int(lines[0])
        if process.poll() is not None:
            raise AssertionError(f"the browser ended with {process.returncode} before it could be reached")
        time.sleep(0.05)
    raise AssertionError("the browser did not say where it listens")


async def look(
    address: str,
    page: Path,
    *,
    width: int,
    height: int = 900,
    scripts: bool = True,
    media: str = "",
    do: str = "document.querySelectorAll('details').forEach(one => { one.open = true })",
) -> Seen:
    """Opens a file in a fresh tab at a width, with everything unfolded, and closes it again. `scripts`: whether the
    page's own run. `media`: `print` to see it as it is printed. `do`: what is done with it, as a script."""
    async with aiohttp.ClientSession() as session:
        async with session.put(f"{address}/json/new?about:blank") as answer:
            tab = await answer.json()
        async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            seen = await asyncio.wait_for(_Tab(socket).look(page, width, height, scripts, media, do), _SECONDS)
        async with session.get(f"{address}/json/close/{tab['id']}"):
            return seen


class _Tab:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._seen = Seen()
        self._loaded = False

    async def look(self, page: Path, width: int, height: int, scripts: bool, media: str, do: str) -> Seen:
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self._ask(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        await self._ask("Emulation.setDeviceMetricsOverride", size)
        await self._ask("Emulation.setScriptExecutionDisabled", {"value": not scripts})
        await self._ask("Emulation.setEmulatedMedia", {"media": media})
        await self._ask("Page.navigate", {"url": page.as_uri()})
        while not self._loaded:
            self._note(await self._socket.receive_json())
        await self._evaluate(do)
        if scripts:
            await self._evaluate(_SETTLED)  # frames call nobody where scripts don't run
        read = await self._evaluate(_READ)
        self._seen.text, self._seen.width, self._seen.wide = read["text"], read["width"], read["wide"]
        shot = await self._ask("Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"})
        self._seen.picture = base64.b64decode(shot["data"])
        pdf = await self._ask("Page.printToPDF", {"preferCSSPageSize": True, "printBackground": False})
        self._seen.printed = base64.b64decode(pdf["data"])
        return self._seen

    async def _evaluate(self, expression: str) -> Any:
        asked = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        answer = await self._ask("Runtime.evaluate", asked)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def _ask(self, method: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": dict(parameters or {})})
        while True:
            message = await self._socket.receive_json()
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def _note(self, message: Mapping[str, Any]) -> None:
        told = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent":
                self._seen.requests.append(told["request"]["url"])
            case "Runtime.consoleAPICalled":
                self._seen.complaints.append(f"console.{told['type']}")
            case "Runtime.exceptionThrown":
                self._seen.complaints.append(str(told["exceptionDetails"].get("text")))
            case "Log.entryAdded":
                self._seen.complaints.append(f"{told['entry']['level']}: {told['entry']['text']}")
            case "Page.javascriptDialogOpening":
                self._seen.complaints.append(f"dialog: {told['message']}")
