"""What is written for users is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from animator.scene import reference
from animator.scene.reference import settings_page, with_controls
from animator.settings.base import declared
from animator.settings.regions import RegionOptions
from animator.settings.scene import Scene, scene_schema

ROOT = Path(__file__).parents[1]


def test_the_table_of_settings_is_what_the_program_takes() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_page(), "run: python -m animator.scene.reference > docs/settings.md"


def test_the_table_of_controls_is_what_the_program_takes() -> None:
    page = (ROOT / "docs" / "stills.md").read_text(encoding="utf-8")
    assert page == with_controls(page), "run: python -m animator.scene.reference --stills"
    for control in ("size", "seed_mode", "diffusion.perlin_init", "guidance.cuts.ic_pow", "output.losses"):
        assert f"\n| `{control}` | " in page
    assert "| `camera.fov`" not in page
    assert "| `diffusion.steps` | steps | `50` | 1 to 1000 | Steps of the whole diffusion " in page


def test_every_number_has_a_unit_or_is_said_to_have_none() -> None:
    units = {name: said[-1].unit for name, said in declared(Scene)}
    units |= {f"regions.NAME.{name}": said[-1].unit for name, said in declared(RegionOptions)}
    numbers = {
        name
        for name, schema in reference._settings(scene_schema())
        if "properties" not in schema and _is_number(schema)
    }
    assert len(numbers) > 70
    assert {name for name in numbers if units[name] is None} == {"version"}


def _is_number(schema: dict) -> bool:
    """Tell whether a setting may be a number that is no switch."""
    if (schema.get("animated") or {}).get("switch"):
        return False
    parts = [schema, *schema.get("anyOf", []), *schema.get("prefixItems", []), schema.get("items", {})]
    return any(part.get("type") in ("integer", "number") for part in parts)


def test_the_page_tells_where_a_setting_has_no_effect() -> None:
    page = settings_page()
    for row in (
        "| `zoom` | times a frame | `1` | 0.01 to 100 | frames | in mode still, 3d, video |",
        "| `fov` | degrees | `40` | 1 to 179 | frames | in mode still, 2d, video without `vr.enabled` |",
        "| `eta` | share of an ancestral sampler's noise | `0.8` | -1 to 1 | frames, diffusion "
        "| with sampler plms or dpmpp_2m |",
    ):
        assert f"\n{row}" in page
    assert " Has no effect in mode still, video.\n" in page


def test_a_range_is_told_for_every_number_with_bounds() -> None:
    page = settings_page()
    for row in (
        "| `threshold` | quantile | `0.995` | above 0 to 1 |",
        "| `eta` | share of an ancestral sampler's noise | `0.8` | -1 to 1 | frames, diffusion |",
        '| `seed_mode` |  | `"step"` | `step`, `fixed`, `random` |',
        "| `size` | pixels | `[192, 128]` | each 64 to 4096 |",
        "| `secondary` |  | `false` | true, false | frames, diffusion |",
        '| `skip_steps` | steps, or % of them | `"4%"` | 0 % to 100 % |',
    ):
        assert f"\n{row}" in page


def test_the_table_of_controls_is_renewed_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "stills.md"
    path.write_text("before\n<!-- controls -->\nold\n<!-- /controls -->\nafter\n")
    monkeypatch.setattr(reference, "STILLS", path)
    assert reference.main(["--stills"]) == 0
    text = path.read_text()
    assert text.startswith("before\n<!-- controls -->\n| setting | unit | default | range | what it does |\n")
    assert text.endswith(" |\n<!-- /controls -->\nafter\n")
    assert "\nold\n" not in text
    assert with_controls(text) == text
    assert reference.main(["--stlils"]) == 2
    for wrong in ("nothing", "<!-- controls -->", f"{text}<!-- controls -->"):
        with pytest.raises(ValueError, match="each once"):
            with_controls(wrong)


def test_every_setting_has_a_sentence() -> None:
    rows = [line for line in settings_page().splitlines() if line.startswith("| `")]
    assert len(rows) > 50
    assert [row for row in rows if len(row.rsplit("|", 2)[1].strip()) < 20] == []
