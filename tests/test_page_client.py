"""The client of docs/page.md works as it is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.command import started
from tests.page_site import FILM, Site, fork_renders

PAGE = Path(__file__).parents[1] / "docs" / "page.md"


@pytest.mark.slow
def test_the_client_of_the_page_renders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    fork_renders(monkeypatch)
    started("--version").wait(280)  # by then torch is imported
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes" / "film.yaml").write_text(FILM.replace("frames: 8", "frames: 2"))
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    site = Site(tmp_path)
    try:
        exec(found[1].replace("localhost:7878", f"127.0.0.1:{site.port}"), {})
    finally:
        site.close()
    assert capsys.readouterr().out.startswith("done renders/film/001 [5, 6]")
