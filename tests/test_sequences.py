"""Pictures for other programs: their bits, numbers, layers, and which frames are shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from animator.errors import SceneError
from animator.film.layers import motion, with_layers
from animator.film.loop import SILENT, move
from animator.film.shot import Shot
from animator.film.state import Track
from animator.look.afterwards import afterwards
from animator.run.render import render_scene
from animator.run.reporter import Reporter
from animator.run.sequences import SEQUENCE
from animator.video.exr import to_linear
from animator.video.probe import probe, read_frames
from animator.warp.sampling import pixel_centres, sample
from tests.wiring import Desk, scene

SIZE = 64, 96
MOVES = ("camera.translation_x=40", "camera.translation_z=60", "camera.rotation_3d_y=3", "frames=3")


def picture(seed: int) -> torch.Tensor:
    small = torch.rand(3, 8, 12, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(small[None], SIZE, mode="bicubic")[0].clamp(0, 1)


def hilly(frame: torch.Tensor) -> torch.Tensor:
    """A depth that follows the picture, so that no two are alike."""
    return 1.5 + frame.mean(dim=0)


def shot(mode: str, **more) -> Shot:
    return Shot(mode, SIZE[1], SIZE[0], 3, 1, sampling="bilinear", **more)


@pytest.mark.parametrize(
    ("mode", "how"),
    [
        ("3d", {}),
        ("3d", {"projection": "pinhole", "occlusion": True}),
        ("2d", {"border_2d": "replicate"}),
    ],
)
def test_the_layers_recreate_the_next_warped_frame(mode, how, tmp_path) -> None:
    asked = (f"mode={mode}", "camera.angle=4", "camera.zoom=1.1", *MOVES)
    timeline, taken = scene(tmp_path, *asked).timeline, shot(mode, **how)
    pictures = [picture(seed) for seed in range(3)]
    found = list(with_layers(pictures, timeline, taken, hilly))
    assert found[0].backward is None
    track = Track(pictures[0])
    for frame in (1, 2):
        moved, uncovered = move(track, timeline.row(frame), taken, hilly, SILENT)
        layers = found[frame]
        shape = torch.tensor(SIZE[::-1])
        grid = pixel_centres(*SIZE, torch.device("cpu")) + 2 * layers.backward.permute(1, 2, 0) / shape
        again = sample(pictures[frame - 1], grid, "bilinear", "border")
        assert torch.equal(layers.uncovered, uncovered)
        assert (again - moved.picture)[:, ~uncovered].abs().max() < 2e-3
        assert layers.backward.abs().max() > 1
        track = Track(pictures[frame], None, moved.expected)


def test_without_a_camera_nothing_moves_and_all_is_known(tmp_path) -> None:
    still = scene(tmp_path, "frames=2", "camera.translation_z=0").timeline
    _, second = with_layers([picture(0)] * 2, still, shot("3d"), hilly)
    assert not second.uncovered.any()
    assert torch.equal(second.backward, torch.zeros(2, *SIZE))
    assert torch.equal(
        motion(pixel_centres(*SIZE, torch.device("cpu")), *SIZE).round(decimals=3), second.backward
    )


def rendered(folder: Path, monkeypatch: pytest.MonkeyPatch, *overrides: str) -> Path:
    run = folder / "run"
    Desk(monkeypatch).render(scene(folder, *overrides), run)
    return run


@pytest.mark.slow
def test_exr_files_hold_the_frame_in_linear_light_and_its_layers(tmp_path, monkeypatch) -> None:
    exr = pytest.importorskip("OpenEXR")
    run = rendered(tmp_path, monkeypatch, *MOVES, "output.sequence=exr", "output.number_from=1001")
    files = sorted((run / SEQUENCE).iterdir())
    assert [one.name.split(".", 1)[1] for one in files] == ["1001.exr", "1002.exr", "1003.exr"]
    first, second = (exr.File(str(one), separate_channels=True).channels() for one in files[:2])
    assert set(first) == {"R", "G", "B", "Z"}
    assert set(second) == {*first, "backward.u", "backward.v", "uncovered.mask"}
    frame = cv2.imread(str(run / "frames" / "000001.png"))[..., ::-1].astype(np.float64) / 255
    for number, name in enumerate("RGB"):
        assert second[name].pixels.dtype == np.float16
        assert np.abs(second[name].pixels - to_linear(frame[..., number])).max() < 5e-4
    assert second["Z"].pixels == pytest.approx(2.0, abs=1e-6)  # where `models: fake` sees everything
    assert second["uncovered.mask"].pixels.any()
    # The camera moves forwards: what is at the edges was nearer to the middle. v counts upwards.
    assert second["backward.u"].pixels[32, 60] < second["backward.u"].pixels[32, 3]
    assert second["backward.v"].pixels[3, 32] < 0 < second["backward.v"].pixels[60, 32]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_pictures_have_16_bits_and_the_look_of_the_film(kind, tmp_path, monkeypatch) -> None:
    asked = (f"output.sequence={kind}", "grade.gamma=2", "output.range=[1, 1]", "output.number_from=10000")
    run = rendered(tmp_path, monkeypatch, "frames=2", *asked)
    (file,) = (run / SEQUENCE).iterdir()
    assert file.name == f"scene.10000.{kind}"
    deep = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    frame = cv2.imread(str(run / "frames" / "000001.png")).astype(np.float64) / 255
    assert deep.dtype == np.uint16
    assert np.abs(deep / 65535 - frame**0.5).max() < 1e-4


@pytest.mark.slow
def test_films_show_a_range_of_the_frames(tmp_path) -> None:
    loaded = scene(
        tmp_path, "frames=6", "fps=6", "output.range=[2, 0.7s]", "output.crf=0", "output.codec=prores-4444"
    )
    run = tmp_path / "run"
    assert render_scene(loaded, Reporter(), out=run).name == "scene.mov"
    assert probe(run / "scene.mov").frames == 3
    film = run / "scene.mp4"
    assert probe(film).frames == 3  # 2, 3 and the one at 0.7 s, 4
    saved = cv2.imread(str(run / "frames" / "000002.png"))[..., ::-1].astype(int)
    assert np.abs(next(iter(read_frames(film))).astype(int) - saved).mean() < 1.5


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ("[0, 9]", "ends with frame 9; the last one is 2"),
        ("[2, 1]", "which comes before"),
        ("[a, 1]", "range"),
    ],
)
def test_ranges_that_the_film_does_not_have(ends, said, tmp_path) -> None:
    with pytest.raises(SceneError, match=r"output\.range") as fault:
        scene(tmp_path, "frames=3", f"output.range={ends}")
    assert said in str(fault.value)


def test_exr_says_what_to_install(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("animator.scene.checks.can_write_exr", lambda: False)
    with pytest.raises(SceneError, match=r"pip install 'animator\[exr\]'"):
        scene(tmp_path, "output.sequence=exr")


def test_the_sound_begins_where_the_range_does(tmp_path, monkeypatch) -> None:
    from animator.run.sound import sound_of
    from animator.scene.shown import shown_range

    loaded = scene(tmp_path, "frames=12", "fps=6", "output.range=[3, 8]")
    audio = tmp_path / "a.wav"
    audio.write_bytes(b"x")
    output = loaded.scene.output.model_copy(update={"audio": str(audio), "audio_start": 2.0})
    loaded = replace(loaded, scene=loaded.scene.model_copy(update={"output": output}))

    class Told:
        fps, shown = 6, shown_range(loaded.scene)

    Told.loaded = loaded
    found = sound_of(Told)
    assert (found.start, found.seconds) == (2.5, 1.0)


def test_the_plan_says_what_is_made_afterwards(tmp_path) -> None:
    asked = ("frames=24", "fps=12", "output.range=[0, 11]", "output.sequence=exr", "output.interpolate_to=48")
    finish = ("output.finish.to=[128, 128]", "output.finish.fps=24", "output.upscale.scale=3")
    found = dict(afterwards(scene(tmp_path, *asked, *finish, "vr.enabled=true").scene))
    film = "without flicker, 12 frames to 128 x 128 by lanczos, 24 frames at 24 a second by flow"
    assert found == {
        "made larger": "12 frames to 192 x 192 by lanczos, and 24 of both eyes",
        "at a higher rate": "48 frames at 48 a second by flow",
        "finished film": film,
        "sequence": "12 exr files, with 24 depth estimates",
    }
    assert not list(afterwards(scene(tmp_path, "mode=still").scene))
