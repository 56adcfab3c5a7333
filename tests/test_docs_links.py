"""Every link, picture and setting that the documentation names is there."""

from __future__ import annotations

import itertools
import re
import unicodedata
from pathlib import Path

import pytest

from animator.scene.reference import declarations
from tests.docs_pages import PAGES, ROOT, name_of

LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?[^)]*\)")
TAG = re.compile(r'(?:src|href)="([^"]+)"')


def prose(page: Path) -> str:
    """Return a page without its code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"``[^\n]*?``|`[^`\n]*`", "", text)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings that GitHub and MkDocs both give."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = [title.strip() for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    return {github(title) for title in titles} & {mkdocs(title) for title in titles}


def github(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def mkdocs(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title.replace("`", "")).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def broken_links(page: Path) -> list[str]:
    """Return the links of a page that lead to no file, or to no heading of one."""
    found = []
    for target in [*LINK.findall(prose(page)), *TAG.findall(prose(page))]:
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = page if not name else page.parent / name
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            found.append(target)
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_and_picture_is_there(page: Path) -> None:
    assert broken_links(page) == []


GUIDES = tuple(page for page in PAGES if page.parent.name == "tutorial") + tuple(
    ROOT / "docs" / f"{name}.md"
    for name in ("recipes", "troubleshooting", "values", "clip-models", "coming-from", "glossary")
)
FILES = frozenset({"yaml", "png", "mp4", "gif", "html", "json"})
"""Endings of files, which are no names of settings."""


def unknown_settings(page: Path) -> list[str]:
    """Return what a page writes as code like a setting, and is none."""
    sections = {name.partition(".")[0] for name in declarations() if "." in name}
    words = re.findall(r"`([a-z_0-9]+(?:\.[a-z_0-9*]+)+)(?:: [^`]*)?`", page.read_text(encoding="utf-8"))
    found = []
    for word in words:
        if word.partition(".")[0] not in sections or word.rpartition(".")[2] in FILES:
            continue
        pattern = re.compile(re.escape(word).replace(r"\*", r"\w+"))
        if not any(pattern.fullmatch(name) for name in declarations()):
            found.append(word)
    return found


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_every_setting_that_a_guide_names_is_one(page: Path) -> None:
    assert unknown_settings(page) == []


PLANTED = """# A page

`camera.zom: 1` `camera.translation_*` `output.mp4` <img src="nowhere.gif">
[there](#a-page) [not there](#a-pag) [file](nowhere.md) ![picture](nowhere.png) `[code](nowhere)`
"""


def test_what_is_not_there_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PLANTED)
    assert broken_links(page) == ["#a-pag", "nowhere.md", "nowhere.png", "nowhere.gif"]
    assert unknown_settings(page) == ["camera.zom"]


def test_the_tutorial_is_in_order() -> None:
    pages = sorted((ROOT / "docs" / "tutorial").glob("*.md"))
    assert [page.name.partition("-")[0] for page in pages] == [
        str(number + 1) for number in range(len(pages))
    ]
    for page, following in itertools.pairwise(pages):
        assert f"]({following.name})" in page.read_text(encoding="utf-8")
