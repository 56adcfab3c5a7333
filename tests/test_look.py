"""Looking before rendering: the preview, the plot, the table of work, the probe, and one frame's dump."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from fontTools.ttLib.tables._g_l_y_f import Glyph
from typer.testing import CliRunner

from animator.cli.main import app
from animator.look.flight import flown
from animator.look.panel import Panel, _other, cut, prompt_lines
from animator.look.plot import figure_of, panels_of, prompt_weights
from animator.look.probe import Probe, probe
from animator.look.scenery import Pose, view
from animator.look.work import work_of
from animator.scene.reading import LoadedScene, read_scene
from animator.system import glyphs
from animator.system.convert import frame_to_uint8, image_to_frame
from animator.system.figures import png_of
from animator.types import Camera, Prompt
from animator.video.probe import probe as probe_film
from animator.warp.camera3d import camera_rotation, camera_translation
from animator.warp.reproject3d import reproject

BASE = """\
models: fake
seed: 3
size: [64, 64]
frames: 4
diffusion: {steps: 6}
prompts: {0: [a sea, "fog:0.5"], 2: [a wood]}
camera: {translation_z: "0: (10), 3: (40)", rotation_3d_y: 0.5}
coherence: {color_coherence: 0.5, loosen: 0}
"""


def scene(tmp_path: Path, text: str = BASE, *over: str) -> LoadedScene:
    path = tmp_path / "scene.yaml"
    path.write_text(text)
    return read_scene(path, over)


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    return result.exit_code, result.output


def test_the_drawn_country_agrees_with_a_pinholes_moves() -> None:
    """What the warp makes of a view is the view from where the camera went, but at the edges of things."""
    camera = Camera(translation_x=6, translation_y=4, translation_z=10, rotation_3d_y=1, rotation_3d_z=2)
    picture, depth = view(Pose(), 192, 128, camera.fov)
    moved, uncovered = reproject(
        image_to_frame(picture), torch.from_numpy(depth), camera, projection="pinhole"
    )
    pose = Pose().moved(camera_rotation(camera), camera_translation(camera))
    there = image_to_frame(view(pose, 192, 128, camera.fov)[0])
    off = (moved - there).abs().mean(0)[~uncovered]
    still = (image_to_frame(picture) - there).abs().mean(0)[~uncovered]
    assert off.median() < 0.004
    assert off.mean() < 0.55 * still.mean()


@pytest.mark.slow
@pytest.mark.parametrize("over", [(), ("warp.projection=pinhole",), ("mode=2d", "camera.zoom=1.05")])
def test_a_flight_moves_and_does_not_wear_out(tmp_path: Path, over: tuple[str, ...]) -> None:
    loaded = scene(tmp_path, BASE, "frames=30", *over)
    frames = list(flown(loaded, 96))
    assert len(frames) == 30
    assert all(frame.shape == (3, 96, 96) for frame in frames)
    if "mode=2d" not in over:
        assert all((before - after).abs().mean() > 0.003 for before, after in itertools.pairwise(frames))
    detail = [float((frame[..., 1:] - frame[..., :-1]).abs().mean()) for frame in frames]
    assert min(detail[15:]) > 0.5 * detail[0]


def test_a_camera_at_rest_shows_one_picture(tmp_path: Path) -> None:
    still = "models: fake\nseed: 1\nsize: [64, 64]\nframes: 3\nprompts: [a]\n"
    first, *rest = (frame_to_uint8(frame) for frame in flown(scene(tmp_path, still), 64))
    assert all(np.array_equal(first, one) for one in rest)


def test_shifts_in_2d_are_scaled_with_the_picture(tmp_path: Path) -> None:
    text = "models: fake\nseed: 1\nmode: 2d\nframes: 2\nprompts: [a]\nsize: [64, 64]\n"
    first, second = flown(scene(tmp_path, text + "camera: {translation_x: 8}\n"), 128)
    torch.testing.assert_close(second, torch.roll(first, 16, dims=-1), atol=2e-3, rtol=0)


def test_an_init_picture_flies_in_place_of_the_landscape(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "red.png"), np.full((64, 64, 3), (0, 0, 200), np.uint8))
    for frame in flown(scene(tmp_path, BASE, f"diffusion.init_image={tmp_path / 'red.png'}"), 64):
        torch.testing.assert_close(frame[0].mean(), torch.tensor(200 / 255), atol=0.01, rtol=0)
        assert frame[1:].max() < 0.02


def test_the_cursor_and_the_texts_follow_the_frame(tmp_path: Path) -> None:
    panel = Panel(scene(tmp_path), 256)
    shown = [panel.at(frame) for frame in range(4)]
    assert panel.height % 2 == 0
    assert all(one.shape == (panel.height, 256, 3) for one in shown)
    cursor = [np.argwhere((one == (255, 176, 64)).all(-1))[:, 1].mean() for one in shown]
    assert cursor == sorted(set(cursor))
    assert not np.array_equal(shown[0][:90], shown[2][:90])


def test_long_and_many_prompts_are_cut() -> None:
    assert cut("a " * 300, 120).endswith("…")
    assert cut("sea", 120) == "sea"
    lines = prompt_lines([Prompt(f"text {n}", 0.1 * n) for n in range(9)], 300)
    assert lines == ["0.80  text 8", "0.70  text 7", "0.60  text 6", "and 6 more prompts"]


@pytest.mark.slow
def test_preview_writes_a_film_of_the_scenes_length(tmp_path: Path) -> None:
    scene(tmp_path)
    out = tmp_path / "p.mp4"
    code, said = run("preview", tmp_path / "scene.yaml", "--out", out, "--size", "96", "--set", "fps=24")
    assert (code, said.strip()) == (0, str(out))
    found = probe_film(out)
    assert (found.frames, found.width) == (4, 96)
    assert float(found.fps) == 24


@pytest.mark.parametrize(
    ("over", "out", "said"),
    [
        ("mode=still", "p.mp4", "nothing moves"),
        ("fps=12", "p.gif", "ends in .mp4"),
        ("fps=12", "no/p.mp4", "folder"),
    ],
)
def test_preview_refuses_in_a_sentence(tmp_path: Path, over: str, out: str, said: str) -> None:
    scene(tmp_path)
    code, output = run("preview", tmp_path / "scene.yaml", "--out", tmp_path / out, "--set", over)
    assert code == 2
    assert said in output


@pytest.mark.slow
def test_plot_is_a_picture_with_every_changing_curve(tmp_path: Path) -> None:
    loaded = scene(tmp_path, BASE, "bpm=120", "turbo.steps=2", "turbo.preroll=0")
    figure = figure_of(loaded, {"low": np.linspace(0, 1, 4)})
    drawn = {line.get_label() for axes in figure.axes for line in axes.get_lines()}
    assert {"translation_z", "low"} <= drawn
    assert "rotation_3d_y" not in drawn
    texts = {text.get_text() for axes in figure.axes for text in axes.texts} | {
        text.get_text() for text in figure.texts
    }
    assert {"a sea", "fog", "a wood", "2 of 4"} <= texts
    assert any("rotation_3d_y 0.5" in text for text in texts)
    out = tmp_path / "p.png"
    assert run("plot", tmp_path / "scene.yaml", "--out", out) == (0, f"{out}\n")
    assert cv2.imread(str(out)).shape[1] == 1400


FOREIGN = [
    "маяк у моря",
    "\N{CJK UNIFIED IDEOGRAPH-591C}\u306e\u706f\u53f0",
    "a wave \N{WATER WAVE} $x$ at night",
]


def prompts_of(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts[::2]][: len(FOREIGN)]


def plotted(tmp_path: Path) -> tuple[list[str], list[warnings.WarningMessage]]:
    """The labels of three prompts as they are drawn, and what was warned of."""
    (tmp_path / "\u591c.yaml").write_text(
        f"models: fake\nseed: 1\nframes: 3\nmode: 2d\nprompts: {FOREIGN!r}\n"
    )
    loaded = read_scene(tmp_path / "\u591c.yaml")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        png_of(lambda: figure_of(loaded, {}))
        return prompts_of(figure_of(loaded, {})), warned


@pytest.mark.slow
def test_letters_that_no_font_has_are_not_warned_of_but_marked(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(glyphs, "_fonts", lambda: iter(()))
    labels, warned = plotted(tmp_path)
    assert not warned
    assert labels == ["маяк у моря", "prompt 1", "a wave \N{WHITE SQUARE} $x$ at night"]


@pytest.mark.slow
def test_a_font_that_has_the_letters_is_found(tmp_path: Path, monkeypatch) -> None:
    """The machine's fonts are those that matplotlib lists, so one that has the letters is added to them."""
    from fontTools.fontBuilder import FontBuilder
    from matplotlib.font_manager import fontManager

    letters = sorted({letter for text in FOREIGN for letter in text if ord(letter) > 0x2FFF})
    named = {ord(letter): f"letter{number}" for number, letter in enumerate(letters)}
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", *named.values()])
    builder.setupCharacterMap(named)
    builder.setupGlyf({name: Glyph() for name in builder.font.getGlyphOrder()})
    builder.setupHorizontalMetrics(dict.fromkeys(builder.font.getGlyphOrder(), (600, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupOS2()
    builder.setupPost()
    builder.setupNameTable({"familyName": "Farnear", "styleName": "Regular"})
    builder.save(tmp_path / "farnear.ttf")
    monkeypatch.setattr(fontManager, "ttflist", [*fontManager.ttflist])
    fontManager.addfont(tmp_path / "farnear.ttf")
    found = glyphs.lettering(FOREIGN)
    assert "Farnear" in found.families
    assert found.families[0] == glyphs.OWN
    assert not found.lacking
    labels, warned = plotted(tmp_path)
    assert labels == FOREIGN
    assert not warned
    file, alone = glyphs.one_font("".join(letters))
    assert not alone.lacking
    assert file == str(tmp_path / "farnear.ttf")


def test_a_preview_writes_what_it_has_letters_for(monkeypatch) -> None:
    monkeypatch.setattr(glyphs, "_fonts", lambda: iter(()))
    _other.cache_clear()
    assert prompt_lines([Prompt(text) for text in FOREIGN], 900) == [
        "1.00  маяк у моря", "1.00  prompt 1", "1.00  a wave \N{WHITE SQUARE} $x$ at night",
    ]  # fmt: skip
    _other.cache_clear()


@pytest.mark.parametrize("over", [(), ("mode=still", "images=3"), ("frames=1",)])
def test_every_kind_of_scene_can_be_plotted(tmp_path: Path, over: tuple[str, ...]) -> None:
    quiet = "models: fake\nseed: 1\nprompts: [a]\n"
    assert figure_of(scene(tmp_path, quiet, *over), {}).axes


def test_curves_of_other_sizes_have_panels_of_their_own() -> None:
    import pandas as pd

    table = pd.DataFrame({"camera.fov": [40, 60], "camera.zoom": [1, 1.1], "x.a": [0, 1], "x.b": [0, 2]})
    assert [list(part) for _, part in panels_of(table)] == [["camera.fov"], ["camera.zoom"], ["x.a", "x.b"]]


def test_prompt_weights_are_those_of_the_timeline(tmp_path: Path) -> None:
    weights = prompt_weights(scene(tmp_path))
    np.testing.assert_allclose(weights["fog"], [1 / 3, 1 / 3, 0, 0])
    np.testing.assert_allclose(weights["a wood"], [0, 0, 1, 1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("over", "depths"),
    [
        ((), 3),
        (("guidance.every=3",), 3),
        (("turbo.steps=3", "turbo.preroll=0"), 1),
        (("mode=2d",), 0),
        (("vr.enabled=true",), 4),
    ],
)
def test_the_table_counts_what_the_engine_does(
    tmp_path: Path, over: tuple[str, ...], depths: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from animator.depth.plane import PlaneDepth
    from animator.diffusion import fake
    from animator.look.dump import dump_frame

    count = {"steps": 0, "cuts": 0, "depths": 0}
    network, see, tell = fake.solvable_network, fake.FakePerceptor.encode_images, PlaneDepth.__call__

    def counted_network(*arguments: object) -> torch.Tensor:
        count["steps"] += 1
        return network(*arguments)  # type: ignore[arg-type]

    def counted_see(self: fake.FakePerceptor, images: torch.Tensor) -> torch.Tensor:
        count["cuts"] += len(images)
        return see(self, images)

    def counted_depth(self: PlaneDepth, picture: torch.Tensor) -> torch.Tensor:
        count["depths"] += 1
        return tell(self, picture)

    monkeypatch.setattr(fake, "solvable_network", counted_network)
    monkeypatch.setattr(fake.FakePerceptor, "encode_images", counted_see)
    monkeypatch.setattr(PlaneDepth, "__call__", counted_depth)
    cuts = "{overview: '[3]*500+[1]*500', innercut: 2}"
    loaded = scene(tmp_path, BASE, f"guidance.cuts={cuts}", "guidance.cutn_batches=2", *over)
    work = work_of(loaded)
    last = loaded.scene.count - 1
    dump_frame(loaded, last, tmp_path / "dump", tmp_path / "scratch", None, lambda _: None)
    assert work.steps.sum() == count["steps"]
    assert work.cuts.sum() == count["cuts"]
    assert work.depths == depths == count["depths"]


@pytest.mark.slow
def test_a_dump_holds_every_step_and_the_frame_of_the_render(tmp_path: Path) -> None:
    scene(tmp_path)
    file = tmp_path / "scene.yaml"
    assert run("render", file, "--out", tmp_path / "run", "--set", "output.keep_states=0")[0] == 0
    code, said = run("frame", file, "3", "--dump", tmp_path / "dump", "--run", tmp_path / "run")
    assert code == 0
    assert "starts at frame 0" in said
    names = {path.name for path in (tmp_path / "dump").iterdir()}
    assert names == {
        "01-row.json", "02-depth.png", "02-depth-colour.png", "02-depth.json", "03-warped.png",
        "03-uncovered.png", "04-held.png", "05-init.png", "05-noised.png", "06-step-001.png",
        "06-step-002.png", "07-frame.png",
    }  # fmt: skip
    row = json.loads((tmp_path / "dump" / "01-row.json").read_text())
    assert (row["frame"], row["seed"], row["values"]["camera.translation_z"]) == (3, 6, 40)
    assert row["prompts"][0]["text"] == "a wood"
    made = cv2.imread(str(tmp_path / "dump" / "07-frame.png"))
    np.testing.assert_array_equal(made, cv2.imread(str(tmp_path / "run" / "frames" / "000003.png")))
    np.testing.assert_array_equal(made, cv2.imread(str(tmp_path / "dump" / "06-step-002.png")))
    assert cv2.imread(str(tmp_path / "dump" / "02-depth.png"), cv2.IMREAD_UNCHANGED).dtype == np.uint16


@pytest.mark.slow
def test_a_dump_goes_on_from_the_state_of_a_run(tmp_path: Path) -> None:
    scene(tmp_path)
    file = tmp_path / "scene.yaml"
    assert run("render", file, "--out", tmp_path / "run")[0] == 0
    code, said = run("frame", file, "2", "--dump", tmp_path / "dump", "--run", tmp_path / "run")
    assert code == 0
    assert "resumes after frame 1" in said
    assert "frame 1:" not in said
    made = cv2.imread(str(tmp_path / "dump" / "07-frame.png"))
    np.testing.assert_array_equal(made, cv2.imread(str(tmp_path / "run" / "frames" / "000002.png")))
    _, said = run(
        "frame", file, "2", "--dump", tmp_path / "other", "--run", tmp_path / "run", "--set", "seed=9"
    )
    assert "starts at frame 0" in said


@pytest.mark.parametrize("noise", ["new", "moved"])
def test_the_first_frame_begins_with_noise_alone(tmp_path: Path, noise: str) -> None:
    scene(tmp_path)
    more = ("--set", f"coherence.noise={noise}")
    assert run("frame", tmp_path / "scene.yaml", "0", "--dump", tmp_path / "dump", *more)[0] == 0
    names = {path.name for path in (tmp_path / "dump").iterdir()}
    assert "05-noised.png" in names
    assert "05-init.png" not in names
    noise = cv2.imread(str(tmp_path / "dump" / "05-noised.png"))
    assert noise.std() > 60


def test_a_dump_shows_the_noise_that_moved(tmp_path: Path) -> None:
    """With a camera at rest two frames have one noise, where new noise would be another."""
    scene(tmp_path)
    over = ("camera.translation_z=0", "camera.rotation_3d_y=0", "coherence.frames_skip_steps=0%")
    alike = {}
    for noise in ("moved", "new"):
        given = [word for text in (*over, f"coherence.noise={noise}") for word in ("--set", text)]
        pictures = []
        for number in ("1", "2"):
            folder = tmp_path / f"{noise}-{number}"
            assert run("frame", tmp_path / "scene.yaml", number, "--dump", folder, *given)[0] == 0
            pictures.append(cv2.imread(str(folder / "05-noised.png"), cv2.IMREAD_GRAYSCALE).ravel())
        alike[noise] = np.corrcoef(*pictures)[0, 1]
    assert alike["moved"] > 0.9
    assert alike["new"] < 0.5


@pytest.mark.parametrize(("number", "said"), [("9", "its frames are 0 to 3"), ("1", "is not empty")])
def test_a_dump_refuses_in_a_sentence(tmp_path: Path, number: str, said: str) -> None:
    scene(tmp_path)
    code, output = run("frame", tmp_path / "scene.yaml", number, "--dump", tmp_path)
    assert code == 2
    assert said in output


def test_a_probe_times_real_steps_and_adds_them_up(tmp_path: Path) -> None:
    loaded = scene(tmp_path, BASE, "diffusion.steps=20")
    found = probe(loaded)
    assert len(found.steps) == 4
    assert min(*found.steps, found.depth, found.move, found.keep, found.peak) > 0
    work = work_of(loaded)
    exact = Probe(load=1, steps=[2, 2, 2, 2], depth=0.5, move=0.25, keep=0.125, peak=1)
    expected, low, high = exact.seconds(work)
    assert expected == 1 + 2 * work.steps.sum() + 3 * 0.5 + 3 * 0.25 + 4 * 0.125
    assert low < expected < high
    code, said = run("plan", tmp_path / "scene.yaml", "--probe")
    assert code == 0
    assert "U-Net passes" in said
    assert "in all: about" in said
    assert "of the gradient half-way: clip pocket" in said
    assert sum(found.shares.values()) == pytest.approx(1)


def test_the_command_line_imports_neither_torch_nor_matplotlib() -> None:
    code = "import sys, animator.cli.main; print({'torch', 'matplotlib', 'cv2'} & set(sys.modules) or [])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
