"""The page in headless Chromium: what an artist does with it, by mouse, by keyboard alone, and on a phone."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.command import started
from tests.page_site import EVIL, FILM, Site, fill, fork_renders

playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="the browser tests need chromium"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="renders are started as forks here, to be quick"),
]

WAIT = 120_000
"""Milliseconds that something may take on a machine that is busy."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        fork_renders(patch)
        started("--version").wait(280)  # by then torch is imported
        root = fill(tmp_path_factory.mktemp("site"))
        (root / "scenes" / "long.yaml").write_text(
            FILM.replace("frames: 8", "frames: 300").replace("size: [64, 64]", "size: [128, 128]")
        )
        one = Site(root)
        yield one
        one.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield one
        one.close()


class Watched:
    """A window of which every fault and every request is noted."""

    def __init__(self, browser: Any, site: Site, **kind: Any) -> None:
        self.context = browser.new_context(**({"viewport": {"width": 1440, "height": 900}} | kind))
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT)
        self.faults: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", self.noted)
        self.page.on("pageerror", lambda one: self.faults.append(str(one)))
        self.page.on("dialog", lambda one: (self.faults.append(f"a dialog: {one.message}"), one.dismiss()))
        self.page.on("request", lambda one: self.asked.append(one.url))
        self.site = site

    def noted(self, message: Any) -> None:
        # A picture of the way may be gone when it is asked for: the frame has been finished.
        gone = "404" in message.text and "/files/progress.png" in str(message.location)
        if message.type == "error" and not gone:
            self.faults.append(f"{message.text} {message.location}")

    def __enter__(self) -> Any:
        return self.page

    def __exit__(self, kind: object, *error: object) -> None:
        self.context.close()
        if kind is None:
            assert self.faults == []
            assert all(
                one.startswith((f"http://127.0.0.1:{self.site.port}/", "data:", "blob:"))
                for one in self.asked
            )


def drawn(page: Any, selector: str) -> None:
    """Wait until a picture is there and decoded."""
    page.wait_for_function(
        "one => { const i = document.querySelector(one); return i && i.naturalWidth > 0; }", arg=selector
    )


def headed(page: Any, names: list[str]) -> None:
    """Wait until the cards are those of these names, in this order."""
    code = "names => [...document.querySelectorAll('.card h3')].map((one) => one.innerText).join() === names"
    page.wait_for_function(code, arg=",".join(names))


def written(page: Any, text: str, there: bool) -> None:
    """Wait until a text is in the editor, or is no more."""
    code = "([one, there]) => document.querySelector('.cm-content').textContent.includes(one) === there"
    page.wait_for_function(code, arg=[text, there])


def run_of(site: Site, page: Any, folder: str) -> str:
    found = page.evaluate("fetch('/runs').then((one) => one.json())")
    return next(one["id"] for one in found["runs"] if one["folder"] == folder)


def test_browsing_by_mouse(site: Site, browser: Any) -> None:
    window = Watched(browser, site)
    with window as page:
        page.goto(site.address())
        drawn(page, ".card img")
        # The first picture needs little: the editor is not loaded for it.
        assert len(window.asked) < 22
        assert not any("codemirror" in one for one in window.asked)
        assert page.locator(".card").count() == 2
        assert "<b>a blue sea</b> & <script>alert(1)</script>" in page.inner_text(".cards")
        page.fill("input[type=search]", "BLUE sea")
        headed(page, ["film"])
        page.fill("input[type=search]", "")
        page.select_option("select >> nth=1", "name")
        headed(page, ["film", "stills"])
        page.click("article:has-text('stills') button:has-text('Pick')")
        page.wait_for_selector("article.picked:has-text('stills')")
        page.select_option("select >> nth=0", "picked")
        headed(page, ["stills"])
        page.select_option("select >> nth=0", "all")
        for box in page.locator(".card input[type=checkbox]").all():
            box.check()
        page.click("button:text-is('Compare')")
        drawn(page, ".compare .over")
        page.fill("dialog input[type=range] >> nth=0", "20")
        assert page.evaluate("document.querySelector('.compare').style.getPropertyValue('--at')") == "20%"
        page.keyboard.press("Escape")
        page.click("article:has-text('film') .picture")
        page.wait_for_selector(".stage video")
        assert page.locator(".strip figure").count() == 8
        # A prompt is under the frame with which it begins.
        said = page.locator(".strip figure .prompt").all_inner_texts()
        assert said == ["a red house", "<b>a blue sea</b> & <script>alert(1)</script>"]


def test_a_report_shows_its_film_and_enlarges_its_pictures(site: Site, browser: Any) -> None:
    page = browser.new_context().new_page()
    page.set_default_timeout(WAIT)
    page.goto(site.address())
    page.wait_for_selector(".card")
    name = run_of(site, page, "renders/film/001")
    page.goto(site.address().replace("#/", f"runs/{name}/files/report.html"))
    # Nothing may run in it: neither may what the driver waits with.
    end = time.monotonic() + WAIT / 1000
    while not page.evaluate("document.querySelector('video').readyState") and time.monotonic() < end:
        time.sleep(0.1)
    assert page.evaluate("document.querySelector('video').videoWidth") == 64
    page.evaluate("document.querySelector('a img').click()")
    page.wait_for_url("**/frames/000000.png")
    assert page.evaluate("document.images[0].naturalWidth") == 64
    page.context.close()


def test_nine_tabs_are_all_told_what_is_new(site: Site, browser: Any) -> None:
    with Watched(browser, site) as first:
        first.goto(site.address())
        tabs = [first.context.new_page() for _ in range(8)]
        for page in tabs:
            page.goto(site.address())
            page.wait_for_selector("article:has-text('stills')")
        first.close()  # another one listens from now on
        tabs[0].click("article:has-text('film') button:has-text('Reject')")
        for page in tabs:
            page.wait_for_selector("article.rejected:has-text('film')")
        tabs[7].click("article:has-text('film') button:has-text('Reject')")
        for page in tabs:
            page.wait_for_selector("article:not(.rejected):has-text('film')")


def test_stills_that_are_opened_before_they_begin_become_stills(site: Site, browser: Any) -> None:
    with Watched(browser, site) as page:
        page.goto(site.address("scenes"))
        page.click("button[aria-label='Render scenes/stills.yaml']")
        page.click("article:has-text('renders/stills/002') .picture")
        page.wait_for_selector(".grid img")
        assert page.inner_text("h2 >> nth=0") == "Pictures"
        page.wait_for_selector("button:text-is('Delete')")
        time.sleep(0.2)
    shutil.rmtree(site.root / "renders" / "stills" / "002")


def test_a_run_by_keyboard_alone(site: Site, browser: Any) -> None:
    with Watched(browser, site) as page:
        page.goto(site.address())
        drawn(page, ".card img")
        # Not on what another test has begun to render: that may have no picture yet.
        on_the_film = """() => {
            const one = document.activeElement;
            return one.matches('article a.picture')
                && one.closest('article').querySelector('h3').textContent === 'film';
        }"""
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate(on_the_film):
                break
        assert page.evaluate(on_the_film)
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        page.keyboard.press("Enter")
        page.wait_for_selector("figure .thumb")
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.matches('.thumb')"):
                break
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog.viewer[open]")
        title = page.inner_text("dialog h2")
        page.keyboard.press("ArrowRight")
        assert page.inner_text("dialog h2") != title
        assert "seed" in page.inner_text("dialog .prompt")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
        assert page.evaluate("document.activeElement.matches('.thumb')")


def test_typing_a_fault_and_dragging_a_key(site: Site, browser: Any) -> None:
    path = site.root / "scenes" / "drag.yaml"
    path.write_text(FILM)
    with Watched(browser, site) as page:
        page.goto(site.address("scenes"))
        page.click("text=scenes/drag.yaml")
        page.wait_for_selector(".plot circle.key")
        # A fault, as one types: at its line, in the words of the command line.
        page.click(".cm-line:has-text('fps: 4')")
        page.keyboard.press("End")
        page.keyboard.type("x")
        page.wait_for_selector(".problems .error")
        assert page.inner_text(".problems .error button") == "line 7"
        assert "fps" in page.inner_text(".problems .error span")
        assert page.locator(".cm-lintRange-error").count() == 1
        assert page.is_disabled("button:text-is('Render')")
        page.keyboard.press("Backspace")
        page.wait_for_function("() => !document.querySelector('.problems .error')")
        # A key is dragged: its number changes, the comment stays.
        key = page.locator("circle[data-key='camera.zoom 1']")
        key.scroll_into_view_if_needed()
        box = key.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + 4, box["y"] + 40, steps=4)
        page.mouse.up()
        written(page, "4: (1.05)", False)
        line = page.inner_text(".cm-line:has-text('zoom:')")
        assert line.endswith('7: (1)"   # in and out')
        # A double click adds one.
        curve = page.locator("svg[aria-label='camera.zoom']").bounding_box()
        page.mouse.dblclick(curve["x"] + curve["width"] * 0.3, curve["y"] + curve["height"] * 0.2)
        page.wait_for_selector("circle[data-key='camera.zoom 3']")
        # By keyboard.
        page.locator("circle[data-key='camera.angle 0']").focus()
        page.keyboard.press("ArrowUp")
        written(page, "angle: 2 ", False)
        assert page.evaluate("document.activeElement.dataset.key") == "camera.angle 0"
        page.locator("rect[data-key='prompts 1']").focus()
        page.keyboard.press("ArrowRight")
        written(page, '5: "<b>a blue', True)
        page.click(".cm-line >> nth=0")
        page.keyboard.press("Control+s")
        page.wait_for_selector("button:text-is('Saved')")
    lines = zip(FILM.splitlines(), path.read_text().splitlines(), strict=True)
    different = [(old, new) for old, new in lines if old != new]
    assert [old.split(":")[0].strip() for old, _ in different] == ["4", "angle", "zoom"]
    assert all(old.partition("  #")[2] == new.partition("  #")[2] for old, new in different)


def test_a_held_arrow_loses_no_step_and_ends_of_lines_stay(site: Site, browser: Any) -> None:
    path = site.root / "scenes" / "held.yaml"
    path.write_bytes(FILM.replace("\n", "\r\n").encode())
    with Watched(browser, site) as page:
        page.goto(site.address("scenes"))
        page.click("text=scenes/held.yaml")
        page.wait_for_selector(".plot circle.key")
        assert page.inner_text(".bar button >> nth=0") == "Saved"
        page.locator("circle[data-key='camera.angle 0']").focus()
        values = [2.0]
        for _ in range(2):
            page.keyboard.press("ArrowUp")
            written(page, f"angle: {values[-1]:g} ", False)
            values.append(float(page.inner_text(".cm-line:has-text('angle:')").split()[1]))
        step = values[2] - values[1]
        time.sleep(1)
        page.evaluate(
            """() => { for (let at = 0; at < 7; at += 1) { document.activeElement.dispatchEvent(
              new KeyboardEvent('keydown', { key: 'ArrowUp', bubbles: true })); } }"""
        )
        written(page, f"angle: {values[2] + 7 * step:g} ", True)
        page.click(".cm-line >> nth=0")
        page.keyboard.press("Control+s")
        page.wait_for_selector("button:text-is('Saved')")
    text = path.read_bytes()
    assert text.count(b"\n") == text.count(b"\r\n") == FILM.count("\n")


def test_completion_knows_the_settings(site: Site, browser: Any) -> None:
    path = site.root / "scenes" / "complete.yaml"
    path.write_text("prompts: a sea\ncamera:\n  angle: 1\n")
    with Watched(browser, site) as page:
        page.goto(site.address("scenes"))
        page.click("text=scenes/complete.yaml")
        page.wait_for_selector(".plot")
        page.click(".cm-line >> nth=2")
        page.keyboard.press("End")
        page.keyboard.press("Enter")
        page.keyboard.type("transl")
        page.wait_for_selector(".cm-tooltip-autocomplete")
        assert "translation_z" in page.inner_text(".cm-tooltip-autocomplete")
        page.keyboard.press("Escape")
        page.wait_for_function("() => !document.querySelector('.cm-tooltip-autocomplete')")
        # What each of several regions, prompts and pictures may have, however it is written.
        for text, word in (
            ("regions:\n  left: {fea", "feather"), ("regions:\n  left:\n    fea", "feather"),
            ("regions: {left: {fea", "feather"), ("regions:\n  left: {keep: tr", "true"),
            ("prompts:\n  - {text: a, reg", "region"), ("prompts:\n- text: a\n  reg", "region"),
            ("prompts:\n  0: [{te", "text"), ("pictures:\n  0: {fi", "file"), ("latent:\n  few", "few_steps"),
        ):  # fmt: skip
            page.keyboard.press("Control+a")
            page.keyboard.press("Delete")
            page.keyboard.insert_text(text[:-1])
            page.keyboard.type(text[-1])
            page.wait_for_selector(f".cm-tooltip-autocomplete li:has-text('{word}')")
            page.keyboard.press("Escape")
            page.wait_for_function("() => !document.querySelector('.cm-tooltip-autocomplete')")


def test_rendering_stopping_and_going_on(site: Site, browser: Any) -> None:
    with Watched(browser, site) as page:
        page.goto(site.address("scenes"))
        page.click("text=scenes/long.yaml")
        page.wait_for_selector(".plot")
        page.click("button:text-is('Render')")
        drawn(page, ".stage img")
        page.wait_for_selector(".status:has-text('of 300')")
        before = page.get_attribute(".stage img", "src")
        page.wait_for_function(
            "one => document.querySelector('.stage img').getAttribute('src') !== one", arg=before
        )
        page.click("button:text-is('Stop')")
        page.wait_for_selector(".status:has-text('stopped at')")
        page.click("button:text-is('Resume')")
        page.wait_for_selector("button:text-is('Pause')")
        page.click("button:text-is('Pause')")
        page.wait_for_selector(".status:has-text('paused at')")
        page.click("button:text-is('Stop')")
        page.wait_for_selector(".status:has-text('stopped at')")
        page.click("text=Open the run")
        page.click("button:text-is('Delete')")
        page.click("dialog button:text-is('Cancel')")
        page.click("button:text-is('Delete')")
        page.click("dialog button:text-is('Delete')")
        page.wait_for_selector(".card")
    assert not (site.root / "renders" / "long" / "001").exists()


def test_hostile_names_are_texts(site: Site, browser: Any) -> None:
    evil = site.root / "renders" / EVIL.replace("/", "") / "001"
    shutil.copytree(site.root / "renders" / "stills" / "001", evil)
    info = (
        (evil / "run.json")
        .read_text()
        .replace('"scene": "stills"', '"scene": "<img src=x onerror=alert(1)>"')
    )
    (evil / "run.json").write_text(info)
    try:
        with Watched(browser, site) as page:
            page.goto(site.address())
            page.wait_for_selector("article:has-text('<img src=x onerror=alert(1)>')")
            page.click("article:has-text('<img src=x') .picture")
            drawn(page, ".grid img")
            assert page.inner_text("h1") == "<img src=x onerror=alert(1)>"
            assert "a boat & <i>waves</i>" in page.inner_text(".grid")
            page.goto(site.address("scenes"))
            page.wait_for_selector("text=<img src=x")
            assert page.locator("img[src=x]").count() == 0
            time.sleep(0.2)
    finally:
        shutil.rmtree(evil.parent)


NAMELESS = """() => {
  const named = (one) => one.textContent.trim() || one.getAttribute('aria-label') || one.title ||
    (one.labels && one.labels.length) || [...one.querySelectorAll('img')].some((image) => image.alt);
  const all = document.querySelectorAll('button, input, select, a, [role=slider], video, dialog');
  return [...all].filter((one) => !named(one)).map((one) => one.outerHTML.slice(0, 120));
}"""

WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_and_in_the_dark_everything_fits_and_has_a_name(
    site: Site, browser: Any, dark: bool
) -> None:
    kind = {
        "viewport": {"width": 360, "height": 740},
        "has_touch": True,
        "color_scheme": "dark" if dark else "light",
    }
    with Watched(browser, site, **kind) as page:
        page.goto(site.address())
        drawn(page, ".card img")
        film, stills = (run_of(site, page, f"renders/{name}/001") for name in ("film", "stills"))
        scene = page.evaluate("fetch('/scenes').then((one) => one.json())")["scenes"]
        one = next(found["id"] for found in scene if found["file"] == "scenes/film.yaml")
        waits = {
            "": ".card", f"run/{film}": ".strip img", f"run/{stills}": ".grid img", "scenes": ".list a",
            f"scene/{one}/{film}": ".plot", "queue": ".list", "studies": "h1",
        }  # fmt: skip
        for path, there in waits.items():
            page.goto(site.address(path))
            page.wait_for_selector(f".page {there}")
            assert page.evaluate(WIDER) <= 0, path
            assert page.evaluate(NAMELESS) == [], path
        light = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, light[4:-1].split(", "))) < 200) is dark
