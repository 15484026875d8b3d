"""Drives a real Chromium through its debugging pipe: no driver, no port, nothing from elsewhere."""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 60  # only a broken browser takes that long
PHONE, DESK = (390, 844), (1280, 900)


class Browser:
    """One tab.

    Parameters
    ----------
    profile : Path
        An empty folder.
    """

    def __init__(self, profile: Path) -> None:
        self._read, theirs_out = os.pipe()
        theirs_in, self._write = os.pipe()
        # Descriptors of two digits are bash's own: sh knows them only up to 9.
        wanted = f'exec chromium "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self._process = subprocess.Popen(
            ["bash", "-c", wanted, "bash", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--remote-debugging-pipe", "--no-first-run", "--disable-background-networking",
             "--force-prefers-reduced-motion", f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self._rest, self._id, self._session = b"", 0, ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_SECONDS)
        os.close(self._read)
        os.close(self._write)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command of the DevTools protocol, and its result."""
        self._id += 1
        message: dict[str, Any] = {"id": self._id, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self._id:
                assert "error" not in found, found
                return found.get("result", {})
            self.events.append(found)

    def open(self, url: str) -> None:
        """Go there, and wait until it is there."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")

    def wait_for(self, event: str) -> dict[str, Any]:
        """The next event of this name that was not waited for yet."""
        while True:
            for found in self.events:
                if found.get("method") == event:
                    self.events.remove(found)
                    return found
            self.events.append(self._next())

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript is; promises are waited for."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def click(self, selector: str) -> None:
        """With the mouse, in the middle of it; and wait for the page that it leads to."""
        place = self.value(
            f"(e => {{ e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect();"
            f" return [r.x + r.width / 2, r.y + r.height / 2] }})(document.querySelector({json.dumps(selector)}))"
        )
        self.events.clear()
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1
            )
        self.wait_for("Page.loadEventFired")

    def looks(self, size: tuple[int, int], *, dark: bool = False, script: bool = True) -> None:
        """A window of this size, in the dark or not, with JavaScript or without."""
        width, height = size
        mobile = size == PHONE
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        self.call("Emulation.setScriptExecutionDisabled", value=not script)

    def picture(self, height: int | None = None) -> bytes:
        """The page as PNG: all of it, or its upper part of this height."""
        self.call("Emulation.setScrollbarsHidden", hidden=True)
        width, whole = self.value("(e => [innerWidth, e.scrollHeight])(document.documentElement)")
        part = {"x": 0, "y": 0, "width": width, "height": min(height or whole, whole), "scale": 1}
        taken = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=part)
        return base64.b64decode(taken["data"])

    def complaints(self) -> list[str]:
        """What the browser has to say: blocked by the policy, not found, errors of scripts."""
        self.value("0")
        logged = [e["params"]["entry"]["text"] for e in self.events if e.get("method") == "Log.entryAdded"]
        return logged + [str(e) for e in self.events if e.get("method") == "Runtime.exceptionThrown"]

    def asked(self) -> set[str]:
        """Addresses that the page had fetched."""
        sent = [e for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return {e["params"]["request"]["url"] for e in sent}

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], PATIENCE_SECONDS)
            assert ready, "Chromium says nothing"
            part = os.read(self._read, 1 << 20)
            assert part, "Chromium has ended"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@contextmanager
def browsing(profile: Path) -> Iterator[Browser]:
    """A browser that ends with the test."""
    browser = Browser(profile)
    try:
        yield browser
    finally:
        browser.close()
