"""What the site of these pages needs beyond Markdown: see ``mkdocs.yml``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^):#][^):]*)\)")


def on_files(files: Files, config: Any) -> Files:
    """Make the first page of the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").replace("](docs/", "](")
    files.append(File.generated(config, "index.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return a page whose links to files of the source are their names; the site holds only ``docs/``."""
    folder = DOCS / Path(page.file.src_uri).parent

    def named(link: re.Match[str]) -> str:
        path = link[2].partition("#")[0]
        here = [ROOT, folder] if page.file.src_uri == "index.md" else [folder]
        targets = [(start / path).resolve() for start in here]
        outside = any(target.exists() and not target.is_relative_to(DOCS) for target in targets)
        return f"{link[1]} (in the source)" if outside else link[0]

    return _LINK.sub(named, markdown)
