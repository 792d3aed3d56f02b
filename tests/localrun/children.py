"""Child processes of the local run.

Owns: starting, watching and ending one child. What must stay true: no child outlives its parent, however the
parent ends. Each child holds the read end of a pipe whose only write end is here; when this process is gone, even
by SIGKILL, the child sees end-of-file and leaves. (A parent-death signal would fire when the *thread* that
started the child ends, so it is no substitute.) A child has a process group of its own, so that Ctrl-C reaches
the parent alone, which then stops its children in order.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

ROOT = Path(__file__).resolve().parents[2]
WATCH_VARIABLE = "HOLDFAST_LOCALRUN_WATCH_STDIN"


class ChildFailed(RuntimeError):
    """A child ended or stayed silent although it was needed; the message holds the end of its output."""


class Child:
    """One child process: its output is kept (the last lines) and, if asked for, copied to a file."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        output: Path | None = None,
    ) -> None:
        self.name = name
        self._tail: deque[str] = deque(maxlen=200)
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._file: IO[str] | None = None
        if output is not None:
            output.parent.mkdir(parents=True, exist_ok=True)
            self._file = output.open("a", encoding="utf-8")
        try:
            self._process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**(os.environ if env is None else env), WATCH_VARIABLE: "1"},
                cwd=cwd,
                start_new_session=True,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError:
            if self._file is not None:
                self._file.close()
            raise
        self._pump = threading.Thread(target=self._read, name=f"{name}-output", daemon=True)
        self._pump.start()
        atexit.register(self.stop)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.poll()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def output(self) -> str:
        """The last lines that the child wrote."""
        with self._changed:
            return "\n".join(self._tail)

    def wait_for(self, done: Callable[[list[str]], bool], *, seconds: float) -> list[str]:
        """Wait until `done` holds for the lines written so far; an ended or silent child is an error."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not done(self._lines):
                left = deadline - time.monotonic()
                if not self._pump.is_alive() or left <= 0:
                    why = "did not become ready" if left <= 0 else f"ended with {self._process.wait()}"
                    raise ChildFailed(f"{self.name} {why}:\n" + "\n".join(self._tail))
                self._changed.wait(min(left, 0.5))
            return list(self._lines)

    def wait(self, seconds: float | None = None) -> int:
        """Wait for the end of the child; gives its exit code."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ChildFailed(f"{self.name} is still running:\n{self.output()}") from None
        self._release()
        return code

    def interrupt(self) -> None:
        """What Ctrl-C would send."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """End it at once, as a crash does: nothing in it gets a chance to run."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._release()

    def stop(self, grace: float = 10.0) -> int:
        """Ask it to end, insist after `grace` seconds; gives the exit code. May be called again."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(grace)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
        code = self._process.wait()
        self._release()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _signal(self, number: signal.Signals) -> None:
        # The child leads its own group, so this reaches whatever it started too.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        for raw in stream:
            line = raw.rstrip("\n")
            if self._file is not None:
                self._file.write(raw)
                self._file.flush()
            with self._changed:
                self._tail.append(line)
                if len(self._lines) < 200:  # readiness is announced early; the rest is only tail
                    self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _release(self) -> None:
        atexit.unregister(self.stop)
        self._pump.join(5)
        for stream in (self._process.stdin, self._process.stdout, self._file):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def watch_parent(grace: float = 10.0) -> None:
    """In a child: end this process when the parent is gone. Does nothing in a process that was not so started."""
    if os.environ.get(WATCH_VARIABLE) != "1":
        return
    os.environ.pop(WATCH_VARIABLE)  # it speaks of this process's own standard input, not of its children's

    def wait_for_end() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace)
        os._exit(1)

    threading.Thread(target=wait_for_end, name="parent-watch", daemon=True).start()
