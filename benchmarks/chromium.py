"""Headless Chromium over its DevTools protocol: what the tests and the benchmark of report.html look at it with."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

START_S = 30.0
ANSWER_S = 120.0
# Name of a key -> what DevTools calls its code and number.
_KEYS = {
    "ArrowDown": 40,
    "ArrowUp": 38,
    "PageDown": 34,
    "Home": 36,
    "End": 35,
    "Enter": 13,
    "Escape": 27,
    "Tab": 9,
    "/": 191,
}


def program() -> str | None:
    """Path of Chromium, or None where there is none."""
    return next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )


class Page:
    """One tab. `complaints`: errors of scripts, of the console and of policies; `requests`: addresses asked for."""

    def __init__(self, runner: asyncio.Runner, socket: Any) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._runner, self._socket, self._last = runner, socket, 0
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its result."""
        return self._runner.run(self._ask(method, parameters))

    async def _ask(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._last += 1
        await self._socket.send_json({"id": self._last, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=ANSWER_S)
            if message.get("id") == self._last:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return dict(message["result"])
            self._hear(message)

    def _hear(self, event: dict[str, Any]) -> None:
        name, said = event.get("method"), event.get("params", {})
        if name == "Runtime.exceptionThrown":
            self.complaints.append(str(said["exceptionDetails"].get("exception", said["exceptionDetails"])))
        elif name == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
            self.complaints.append(str(said["args"]))
        elif name == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
            self.complaints.append(said["entry"]["text"])
        elif name == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])

    def evaluate(self, script: str) -> Any:
        """Value of an expression; a promise is waited for."""
        got = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in got:
            raise RuntimeError(str(got["exceptionDetails"].get("exception", got["exceptionDetails"])))
        return got["result"].get("value")

    def until(self, script: str, seconds: float = 30.0) -> Any:
        """Wait for an expression to be true."""
        end = time.monotonic() + seconds
        while not (value := self.evaluate(script)):
            if time.monotonic() > end:
                raise TimeoutError(f"not true after {seconds} s: {script}; {self.complaints}")
            time.sleep(0.02)
        return value

    def size(self, width: int, height: int) -> None:
        """Size of the window in CSS pixels."""
        mobile = width < 600
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def open(self, path: Path) -> None:
        """Open a file and wait until the report's rows can be used."""
        self.ask("Page.navigate", url=path.resolve().as_uri())
        self.until("performance.getEntriesByName('ready').length")

    def press(self, key: str) -> None:
        """One key, down and up."""
        text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
        common = {"key": key, "code": "Slash" if key == "/" else key, "windowsVirtualKeyCode": _KEYS[key]}
        self.ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **common, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **common)

    def write(self, text: str) -> None:
        """Text into what has the focus."""
        self.ask("Input.insertText", text=text)

    def picture(self, path: Path) -> None:
        """What the window shows, as PNG."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))


@contextmanager
def browser(width: int = 1400, height: int = 900) -> Iterator[Page]:
    """A tab of a fresh Chromium that is ended with the block. Raises FileNotFoundError where there is none."""
    if (found := program()) is None:
        raise FileNotFoundError("no Chromium on this machine")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, asyncio.Runner() as runner:
        command = [found, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={folder}", "--no-first-run"]
        # Chromium's own sandbox refuses root, as in containers; the page is one that we wrote.
        command += ["--no-sandbox"] if os.geteuid() == 0 else []
        command += ["--disable-background-networking", "--disable-component-update", "--disable-gpu", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            address = runner.run(_tab(Path(folder) / "DevToolsActivePort", process))
            session = runner.run(_session())
            socket = runner.run(_connect(session, address))
            try:
                page = Page(runner, socket)
                page.size(width, height)
                yield page
            finally:
                runner.run(socket.close())
                runner.run(session.close())
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def _session() -> Any:
    import aiohttp

    return aiohttp.ClientSession()


async def _connect(session: Any, address: str) -> Any:
    return await session.ws_connect(address, max_msg_size=0)


async def _tab(file: Path, process: subprocess.Popen[bytes]) -> str:
    """Address of the first tab's socket; the file names the port once Chromium listens."""
    import aiohttp

    end = time.monotonic() + START_S
    while not (file.is_file() and file.read_text().strip()):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"Chromium did not start (exit {process.poll()})")
        await asyncio.sleep(0.05)
    port = int(file.read_text().split()[0])
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/json/list") as answer:
        tabs = await answer.json()
    return str(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
