"""A browser for tests of pages: Chromium without a window, that fetches nothing by itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PATIENCE = 180_000
"""Milliseconds that a page may take to show something on a busy machine."""


@contextmanager
def chromium() -> Iterator[Any]:
    """Hold a browser while the context is open; where there can be none, skip, which CI does not allow."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if not found:
        assert not os.environ.get("CI"), "CI installs a browser"
        pytest.skip("there is no Chromium on this machine, and no right to install one")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=list(QUIET))
        yield opened
        opened.close()
