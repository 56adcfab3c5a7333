"""Where prompts change a film lets go of the frame before it, for the length of the change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from animator.errors import SceneError
from animator.keyframes import Clock, parse_prompts
from animator.run.fingerprint import hash_inputs
from animator.run.sources import Sources
from animator.scene.draft import draft_of
from animator.scene.loosened import AFTER, AUTO, AUTO_MOVED, changes
from animator.scene.reading import LoadedScene, read_scene

CUT = "prompts: {0: a sea, 10: a wood}\n"
SKIP, SCALE = "coherence.frames_skip_steps", "coherence.frames_scale"


def read(folder: Path, text: str) -> LoadedScene:
    path = folder / "scene.yaml"
    path.write_text(f"version: 1\nseed: 7\nmodels: fake\nframes: 36\nmode: 2d\n{text}")
    return read_scene(path)


def share(loaded: LoadedScene, name: str = SKIP) -> np.ndarray:
    """Return what is left of a setting at each frame, as a share of what it is at the first."""
    column = loaded.timeline.table[name].to_numpy()
    return column / column[0]


def test_how_much_of_the_prompts_is_new() -> None:
    clock = Clock(frames=30, fps=12)
    cut = parse_prompts({0: "a sea", 10: "a wood"}, clock)
    assert changes(cut, 30, 8).tolist() == [0.0] * 10 + [1.0] * 8 + [0.0] * 12
    half = parse_prompts({0: "a sea", 10: ["a sea", "a wood"]}, clock)
    assert changes(half, 30, 8).max() == 0.5
    slow = changes(parse_prompts({0: "a sea", 4: "a wood"}, clock, blend=15), 30, 8)
    assert slow.max() == pytest.approx(8 / 16)
    assert np.flatnonzero(slow).tolist() == list(range(4, 27))
    assert not changes(parse_prompts("a sea", clock), 30, 8).any()


def test_a_film_lets_go_where_prompts_change(tmp_path: Path) -> None:
    loaded = read(tmp_path, CUT)
    other = read(tmp_path, f"{CUT}coherence: {{noise: new}}\n")
    for name in (SKIP, SCALE):
        for film, auto in ((loaded, AUTO_MOVED), (other, AUTO)):
            left = share(film, name).tolist()
            assert left == pytest.approx([1.0] * 10 + [1 - auto] * AFTER + [1.0] * 20)
    more = share(
        read(tmp_path, f"{CUT}coherence: {{loosen: 0.9, frames_skip_steps: '0: (80%), 20: (40%)'}}\n")
    )
    assert more[10] == pytest.approx(0.1 * (80 - 20) / 80)
    assert (share(read(tmp_path, f"{CUT}coherence: {{loosen: 0}}\n")) == 1).all()
    assert (share(read(tmp_path, f"{CUT}guidance: {{compat: disco-5}}\n")) == 1).all()
    asked = f"{CUT}guidance: {{compat: disco-5}}\ncoherence: {{loosen: 0.5}}\n"
    assert share(read(tmp_path, asked)).min() == 0.5
    turbo = share(read(tmp_path, f"{CUT}turbo: {{steps: 5, preroll: 0}}\n"))
    assert np.flatnonzero(turbo < 1).tolist() == list(range(10, 25))


def test_a_draft_lets_go_as_its_film_does(tmp_path: Path) -> None:
    for skip in ("30", "60%", "'0: (30), 20: (10)'"):
        loaded = read(tmp_path, f"{CUT}coherence: {{frames_skip_steps: {skip}}}\n")
        draft = draft_of(loaded)
        for name in (SKIP, SCALE):
            found, wanted = (one.timeline.table[name].to_numpy() for one in (draft, loaded))
            assert np.allclose(found, wanted), (skip, name)
    whole = draft_of(read(tmp_path, f"{CUT}coherence: {{loosen: 1, frames_skip_steps: 30}}\n"))
    assert whole.timeline.table[SKIP].to_numpy()[10] == 0


def test_frames_before_a_change_and_films_without_one_stay_as_they_are(tmp_path: Path) -> None:
    def hashes(text: str) -> list[str]:
        return hash_inputs(read(tmp_path, text), Sources({}), {})

    assert hashes("prompts: a sea\n") == hashes("prompts: a sea\ncoherence: {loosen: 0}\n")
    loose, held = hashes(CUT), hashes(f"{CUT}coherence: {{loosen: 0}}\n")
    assert loose[:10] == held[:10]
    assert loose[10] != held[10]


@pytest.mark.parametrize("written", ["much", "1.5", "-0.1"])
def test_what_is_no_share_is_a_fault(tmp_path: Path, written: str) -> None:
    with pytest.raises(SceneError, match=r"coherence\.loosen"):
        read(tmp_path, f"prompts: a sea\ncoherence: {{loosen: {written}}}\n")


def test_a_scene_says_which_prompts_cannot_arrive(tmp_path: Path) -> None:
    def said(text: str) -> list[str]:
        return [
            str(one) for one in read(tmp_path, text).notices if "arrives" in str(one) or "fade in" in str(one)
        ]

    assert not said(CUT)
    assert not said(f"{CUT}coherence: {{frames_skip_steps: 90%}}\n")
    (held,) = said(f"{CUT}coherence: {{frames_skip_steps: 90%, loosen: 0}}\n")
    assert "prompts.10" in held
    assert "keeps 90% of each frame" in held
    (brief,) = said("prompts: {0: a sea, 10: a wood, 14: a hill}\nprompt_blend: 6\n")
    assert "follow after 4 frames, and these fade in over 6" in brief
    assert not said("prompts: {0: a sea, 90: a wood}\n")
