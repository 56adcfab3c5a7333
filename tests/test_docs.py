"""What is written for users is true."""

from __future__ import annotations

import re
from pathlib import Path

from animator.scene.reading import read_scene
from animator.scene.reference import settings_page

ROOT = Path(__file__).parents[1]


def test_the_table_of_settings_is_what_the_program_takes() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_page(), "run: python -m animator.scene.reference > docs/settings.md"


def test_every_setting_has_a_sentence() -> None:
    rows = [line for line in settings_page().splitlines() if line.startswith("| `")]
    assert len(rows) > 50
    assert [row for row in rows if len(row.rsplit("|", 2)[1].strip()) < 20] == []


def test_the_scene_of_the_readme_can_be_rendered(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(version: 1.*?)```", readme, re.DOTALL)
    path = tmp_path / "readme.yaml"
    path.write_text(text, encoding="utf-8")
    assert read_scene(path).notices == ()


def test_the_files_that_the_readme_names_are_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    names = re.findall(r"\]\(([^)#:]+)\)", readme)
    assert len(names) >= 4
    assert [name for name in names if not (ROOT / name).exists()] == []
