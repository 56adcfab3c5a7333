"""Drafts, and what the command line hands to the renderer."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from animator.cli.main import app
from animator.errors import SceneError
from animator.runs.png import encode_png
from animator.scene.draft import draft_of, drafted
from animator.scene.reading import read_scene
from animator.scene.resolved import resolved_text

SCENES = Path(__file__).parents[1] / "scenes"


@pytest.fixture
def read(tmp_path):
    def of(text, *overrides):
        path = tmp_path / "scene.yaml"
        path.write_text("prompts: a sea\n" + text)
        return read_scene(path, overrides)

    return of


@pytest.mark.parametrize(
    ("size", "half"),
    [
        ("[1280, 768]", (640, 384)),
        ("[192, 128]", (192, 128)),
        ("[256, 128]", (128, 64)),
        ("[384, 256]", (192, 128)),
        ("[64, 640]", (64, 640)),
        ("[448, 1088]", (256, 640)),
        ("[1920, 1088]", (1024, 576)),
    ],
)
def test_a_draft_has_the_shape_of_its_picture(read, size, half):
    assert drafted(read(f"size: {size}")).size == half


def test_shifts_in_pixels_follow_the_size(read):
    text = (
        "mode: 2d\nframes: 3\nsize: [256, 384]\ncamera: {translation_x: 8, translation_y: '0: (0), 2: (12)'}"
    )
    loaded = draft_of(read(text))
    assert loaded.scene.size == (128, 192)
    assert loaded.timeline.table["camera.translation_x"].tolist() == [4, 4, 4]
    assert loaded.timeline.table["camera.translation_y"].tolist() == [0, 3, 6]
    in_3d = read("mode: 3d\nframes: 3\ncamera: {translation_x: 8}")
    assert drafted(in_3d).camera == in_3d.scene.camera


@pytest.mark.parametrize(
    ("steps", "fewer"), [(250, 100), (50, 20), (26, 10), (12, 10), (10, 10), (4, 4), (1000, 400)]
)
def test_steps_are_fewer_but_not_too_few(read, steps, fewer):
    assert drafted(read(f"diffusion: {{steps: {steps}}}")).diffusion.steps == fewer


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("diffusion: {steps: 250}", ("[2]*700+[1]*300", 2, True)),
        ("diffusion: {steps: 50}", (1, 1, True)),
        ("diffusion: {steps: 250, reuse: 3}\nguidance: {every: 4}", (3, 4, True)),
        ("diffusion: {steps: 250}\nguidance: {compat: disco-5}", (1, 1, False)),
    ],
)
def test_the_steps_of_a_draft_share_what_they_compute(read, more, found):
    draft = drafted(read(more))
    assert (draft.diffusion.reuse, draft.guidance.every, draft.guidance.even_cuts) == found


@pytest.mark.parametrize(
    ("steps", "skip", "fewer"),
    [
        (250, "10", "4"),
        (250, "1", "0"),
        (250, "249", "99"),
        (250, "40%", "40%"),
        (8, "3", "3"),
        (20, "10", "5"),
    ],
)
def test_what_is_skipped_keeps_its_share(read, steps, skip, fewer):
    for name in ("skip_steps", "skip_end_steps"):
        other = "skip_end_steps" if name == "skip_steps" else "skip_steps"
        text = f"mode: still\ndiffusion: {{steps: {steps}, {name}: {skip}, {other}: 0}}"
        draft = drafted(read(text)).diffusion
        assert (str(getattr(draft, name)), getattr(draft, other)) == (fewer, 0)


@pytest.mark.slow
def test_steps_remain_however_many_are_skipped(read):
    for skip in range(25):
        text = f"mode: still\ndiffusion: {{steps: 25, skip_steps: {skip}, skip_end_steps: {24 - skip}}}"
        assert draft_of(read(text)).scene.diffusion.steps == 10


@pytest.mark.parametrize(
    ("cuts", "half"),
    [
        ("16", 8),
        ("3", 1.5),
        ("1", 1),
        ("0", 0),
        ("0.5", 0.5),
        ('"[12]*400+[4]*300+[1]*200+[0]*100"', "[6]*400+[2]*300+[1]*200+[0]*100"),
        ("{0: 8, 4: 16}", {0: 4, 1: 5, 2: 6, 3: 7, 4: 8}),
        ('"0: (2), 2: (0)"', {0: 1, 1: 1, 2: 0, 3: 0, 4: 0}),
        ('"0: (8), 4: (8)"', 4),
        ('"4 + t"', {0: 2, 1: 2.5, 2: 3, 3: 3.5, 4: 4}),
    ],
)
def test_cuts_are_halved_however_they_are_written(read, cuts, half):
    loaded = read(
        f"mode: 2d\nframes: 5\nguidance: {{allow_unguided: true, cuts: "
        f"{{overview: {cuts}, innercut: {cuts}, ic_pow: 3}}}}"
    )
    draft = drafted(loaded).guidance.cuts
    assert (draft.overview, draft.innercut, draft.ic_pow) == (half, half, 3)


@pytest.mark.parametrize(
    ("scale", "less"),
    [
        ("5000", 1250),
        ('"[6000]*500+[0]*500"', "[1500]*500+[0]*500"),
        ('"0: (0), 4: (6000)"', {0: 0, 1: 375, 2: 750, 3: 1125, 4: 1500}),
    ],
)
def test_guidance_follows_the_pixels(read, scale, less):
    loaded = read(f"mode: 2d\nframes: 5\nsize: [384, 256]\nguidance: {{clip_guidance_scale: {scale}}}")
    draft = drafted(loaded)
    assert draft.size == (192, 128)
    assert draft.guidance.clip_guidance_scale == pytest.approx(less)


def test_a_smaller_draft_begins_with_the_noise_of_its_picture(read):
    assert drafted(read("size: [384, 256]")).diffusion.noise_size == (384, 256)
    assert drafted(read("size: [192, 128]")).diffusion.noise_size is None
    again = drafted(read("size: [384, 256]\ndiffusion: {noise_size: [768, 512]}"))
    assert again.diffusion.noise_size == (768, 512)
    with pytest.raises(SceneError, match="noise_size: is 128 x 512; it must be from 192 x 128"):
        read("size: [192, 128]\ndiffusion: {noise_size: [128, 512]}")


def test_one_batch_of_cuts_also_where_it_changed(read):
    assert drafted(read("guidance: {cutn_batches: '[4]*500+[2]*500'}")).guidance.cutn_batches == 1


@pytest.mark.parametrize("skips", ["20", "60%", "{0: 10, 4: 30}", '"0: (50%), 2: (70%)"', "12.5"])
def test_the_share_of_a_moved_frame_stays(read, skips):
    loaded = read(f"frames: 5\ndiffusion: {{steps: 40}}\ncoherence: {{frames_skip_steps: {skips}}}")
    draft = draft_of(loaded)
    assert draft.scene.diffusion.steps == 16
    column = "coherence.frames_skip_steps"
    np.testing.assert_allclose(draft.timeline.table[column], loaded.timeline.table[column], rtol=1e-12)


@pytest.mark.parametrize(("kept", "fewer"), [("3", 3), ("[5, 6, 40]", [2, 16]), ('["50%", 40]', ["50%", 16])])
def test_moments_to_keep_keep_their_place(read, kept, fewer):
    text = f"mode: still\ndiffusion: {{steps: 100}}\noutput: {{intermediates: {kept}}}"
    assert drafted(read(text)).output.intermediates == fewer


@pytest.mark.parametrize("path", sorted(SCENES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_draft_is_a_scene_like_any_other(path, tmp_path):
    loaded = read_scene(path)
    draft = draft_of(loaded)
    assert draft.scene == drafted(loaded)
    assert (draft.source, draft.name, draft.notices) == (path, path.stem, ())
    assert draft.scene.prompts == loaded.scene.prompts
    assert draft.scene.seed == loaded.scene.seed
    again = tmp_path / "again.yaml"
    again.write_text(resolved_text(draft.scene))
    assert read_scene(again).scene == draft.scene
    for name in ("overview", "innercut"):
        row, before = (one.timeline.row(0).schedule(f"guidance.cuts.{name}") for one in (draft, loaded))
        np.testing.assert_array_equal(row, np.minimum(before, np.maximum(before / 2, 1)))


# The command line


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command line on a stand-in for the renderer; return the result and what it was handed."""
    handed = []

    def render_scene(loaded, reporter, *, out=None, cancel=None, shared=None, elsewhere=None):
        handed.append((loaded, out))
        return Path("film")

    def finish_run(path, pictures, reporter, *, device=None, cancel=None):
        handed.append((path, pictures))
        return path / "frames"

    monkeypatch.setitem(
        sys.modules, "animator.run.render", SimpleNamespace(render_scene=render_scene, finish_run=finish_run)
    )
    monkeypatch.chdir(tmp_path)
    Path("stills.yaml").write_text("prompts: a sea\nmode: still\nimages: 6\nseed: 4\nsize: [256, 128]\n")
    Path("film.yaml").write_text("prompts: a sea\nmode: 2d\nseed: 4\n")

    def of(*words):
        handed.clear()
        return CliRunner().invoke(app, [str(word) for word in words]), handed

    return of


def test_a_draft_is_what_is_rendered(run):
    result, handed = run("render", "stills.yaml", "--draft", "--out", "here")
    assert (result.exit_code, result.stdout) == (0, "film\n")
    ((loaded, out),) = handed
    assert (loaded.scene.size, loaded.scene.diffusion.steps, out) == ((128, 64), 20, Path("here"))
    assert run("render", "stills.yaml")[1][0][0].scene.size == (256, 128)


def test_cuts_are_shown_where_they_are_asked_for(run):
    assert run("render", "stills.yaml", "--show-cuts")[1][0][0].scene.output.show_cuts
    assert not run("render", "stills.yaml")[1][0][0].scene.output.show_cuts


def test_only_some_pictures(run):
    assert run("render", "stills.yaml", "--only", "5, 3,3")[1][0][0].only == (3, 5)
    assert run("render", "stills.yaml", "--only", "0", "--draft")[1][0][0].only == (0,)
    assert run("render", "stills.yaml")[1][0][0].only == ()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["stills.yaml", "--only", "6"], "--only: stills.yaml has no picture 6; its pictures are 0 to 5"),
        (["stills.yaml", "--only", "1" * 5000], "has no picture 1111"),
        (["stills.yaml", "--only", "1,"], "--only: expected numbers of stills such as 3,5, found '1,'"),
        (["stills.yaml", "--only", "-1"], "expected numbers of stills"),
        (["stills.yaml", "--only", "٣"], "expected numbers of stills"),
        (["stills.yaml", "film.yaml", "--only", "0"], "film.yaml is a film (mode: 2d)"),
    ],
)
def test_pictures_that_are_not_there_are_told(run, words, said):
    result, handed = run("render", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not handed


@pytest.mark.slow
def test_a_picture_is_rendered_again_alone_unless_told_otherwise(run):
    carried = resolved_text(read_scene("stills.yaml").scene)
    texts = {"animator.scene": carried, "scene": "ships", "frame": "4", "seed": "8", "prompt": "a sea"}
    Path("p.png").write_bytes(encode_png(np.zeros((2, 2, 3), np.uint8), texts))
    (loaded, _) = run("render", "p.png", "--draft")[1][0]
    assert (loaded.only, loaded.name, loaded.scene.seed, loaded.scene.size) == ((4,), "ships", 4, (128, 64))
    assert run("render", "p.png", "--only", "1,2")[1][0][0].only == (1, 2)
    assert run("check", "p.png")[0].stdout.startswith("p.png: fine: still, 6 pictures of 256 x 128")
    fake = ("--set", "models=fake")  # to tell what memory networks would take takes seconds
    assert "6 pictures of 256 x 128" in run("plan", "p.png", *fake)[0].stdout
    assert run("show", "p.png")[0].stdout == carried
    assert run("show", "p.png", "--all")[0].stdout.startswith(
        "# scene: ships\n# frame: 4\n# seed: 8\n# prompt: a sea\n"
    )
    Path("p.png").write_bytes(encode_png(np.zeros((2, 2, 3), np.uint8), {}))
    for verb in ("show", "render", "check"):
        result, handed = run(verb, "p.png")
        assert (result.exit_code, handed) == (2, [])
        assert result.stderr.startswith("p.png: carries no scene")


def test_drafts_are_finished(run):
    result, handed = run("finish", "renders/x/001", "3", "0")
    assert (result.exit_code, result.stdout) == (0, "renders/x/001/frames\n")
    assert handed == [(Path("renders/x/001"), (3, 0))]
    assert run("finish", "renders/x/001")[1] == [(Path("renders/x/001"), ())]
    assert run("finish", "renders/x/001", "one")[0].exit_code == 2
