"""Take the pictures of docs/page.md: scenes are rendered, the page is opened in headless Chromium.

``python -m docs.gallery page``. It needs playwright and Debian's chromium; without them it says so and does
nothing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from animator.cli.progress import LineReporter
from animator.run.render import render_scene
from animator.scene.reading import read_scene

HERE = Path(__file__).parent
SITE = HERE.parent / "renders" / "gallery" / "page"

SCENES = {
    "castle": """# A flight to a castle, through an evening.
version: 1
extends: pocket
mode: 3d
size: [192, 128]
frames: 12
fps: 6
seed: 7
turbo: {steps: 3, preroll: 1}
diffusion: {steps: 15}
guidance: {cuts: {overview: 4, innercut: 4}}

prompts:                # from which frame on what is painted
  0: "a white castle on a hill at sunset, oil painting"
  6: "a white castle on a hill by night, oil painting"    # it gets dark
prompt_blend: 2

camera:
  translation_z: 8      # forwards
  rotation_3d_y: "0: (0), 6: (0.6), 11: (0)"    # a look aside, and back
""",
    "lighthouses": """version: 1
extends: pocket
mode: still
images: 4
size: [192, 128]
seed: 11
diffusion: {steps: 15}
guidance: {cuts: {overview: 4, innercut: 4}}
prompts: a red lighthouse on a cliff above the sea at dusk, watercolour
""",
}

NARROW = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 800}


def show_page() -> None:
    """Render the scenes where they are not there yet, and take the pictures."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        print("the pictures of the page need playwright and chromium; they stay as they are", file=sys.stderr)
        return
    for name, text in SCENES.items():
        path = SITE / "scenes" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        render_scene(read_scene(path), LineReporter(sys.stderr), out=SITE / "renders" / name / "001")
    with served(SITE) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        take(browser, address)
        browser.close()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the page of a folder inside the block; yield its address."""
    command = [sys.executable, "-m", "animator", "page", str(folder), "--no-open", "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    address = re.search(r"http://\S+", server.stderr.readline())
    assert address is not None
    time.sleep(2)
    try:
        yield address[0]
    finally:
        server.terminate()
        server.wait()


def take(browser: Any, address: str) -> None:
    """Take every picture."""
    shots = HERE / "gallery"

    def window(size: dict[str, int], scheme: str = "light") -> Any:
        page = browser.new_context(viewport=size, color_scheme=scheme).new_page()
        page.goto(address)
        page.wait_for_selector(".card img")
        return page

    def shoot(page: Any, name: str) -> None:
        time.sleep(1)
        page.screenshot(path=shots / f"{name}.jpg", type="jpeg", quality=80)

    page = window(WIDE)
    shoot(page, "page-runs")
    page.click("article:has-text('castle') .picture")
    page.wait_for_selector(".strip img")
    shoot(page, "page-run")
    page.click("button:text-is('Edit the scene')")
    page.wait_for_selector(".plot")
    shoot(page, "page-edit")
    dark = window(WIDE, "dark")
    dark.click("article:has-text('lighthouses') .picture")
    dark.wait_for_selector(".grid img")
    shoot(dark, "page-dark")
    phone = window(NARROW)
    phone.click("article:has-text('castle') .picture")
    phone.wait_for_selector(".strip img")
    shoot(phone, "page-phone")
