"""Find a Chromium on this machine and start it, closed to every host but this one."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import BrowserContext, Playwright, sync_playwright

# Debian's name, the names of other systems, and Chrome, which is the same engine.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HOW_TO_GET_IT = (
    "no Chromium on this machine. Debian and Ubuntu: apt-get install chromium; any system: "
    ".venv/bin/playwright install chromium. Then: make browser"
)
# No name but this machine's is looked up, also for what the browser itself would fetch beside the page.
_SIZE = {"width": 1280, "height": 900}  # a small laptop
_FLAGS = ("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--disable-dev-shm-usage")


def find(playwright: Playwright) -> str | None:
    """Return the path of a Chromium: the system's, or the one that playwright has fetched."""
    fetched = playwright.chromium.executable_path
    return next(filter(None, map(shutil.which, NAMES)), fetched if Path(fetched).exists() else None)


@contextlib.contextmanager
def started() -> Iterator[BrowserContext | None]:
    """Start a headless Chromium with an empty profile; nothing where there is none."""
    with sync_playwright() as playwright:
        path = find(playwright)
        if path is None:
            yield None
            return
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        try:
            yield browser.new_context(viewport=_SIZE)
        finally:
            browser.close()
