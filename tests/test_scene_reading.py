"""A scene read, layered and compiled: what comes out, and what is told on the way."""

from __future__ import annotations

import io
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animator.engines.guided.tokens import lost
from animator.errors import SceneError
from animator.scene.layers import rooted
from animator.scene.nodes import plain
from animator.scene.reading import LoadedScene, read_scene, read_text_scene
from animator.scene.source import parse

SCENES = Path(__file__).parents[1] / "scenes"


def told(loaded: LoadedScene) -> list[str]:
    return [f"{one.line}:{one.column}: {one.key}: {one.message}" for one in loaded.notices]


@pytest.mark.parametrize("path", sorted(SCENES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_scenes_that_come_along_are_sound(path):
    loaded = read_scene(path)
    assert loaded.notices == ()
    assert loaded.timeline.frames == loaded.scene.count


def test_every_animated_number_is_in_the_timeline(read):
    loaded = read(
        "prompts: x\nmode: 3d\nframes: 5\ncamera: {fov: '0: (40), 4: (48)', translation_z: {0: 0, 4: 2*t}}\n"
        "guidance: {clip_models: {RN50: 2, ViT-B-32: '[1]*400+[0]*600'}, clamp_max: 0.1}"
    )
    assert loaded.timeline.table["camera.fov"].tolist() == [40, 42, 44, 46, 48]
    assert loaded.timeline.table["guidance.clip_models.RN50"].tolist() == [2] * 5
    assert loaded.timeline.schedules["guidance.clip_models.ViT-B-32"].sum() == 400
    assert set(loaded.timeline.schedules) == {
        "guidance.clip_models.ViT-B-32",
        *(f"guidance.cuts.{name}" for name in ("overview", "innercut", "ic_pow", "icgray_p")),
    }
    camera = {
        f"camera.{name}" for name in type(loaded.scene.camera).model_fields if not name.startswith("path")
    }
    others = {"coherence.frames_skip_steps", "coherence.frames_scale", "diffusion.eta", "guidance.clamp_max"}
    assert camera | others <= set(loaded.timeline.table.columns)


@pytest.mark.parametrize(
    ("value", "shares"),
    [
        ("60%", [0.6, 0.6, 0.6]),
        ("'0: (60%), 2: (80%)'", [0.6, 0.7, 0.8]),
        ("{0: 60%, 2: 20 %}", [0.6, 0.4, 0.2]),
        ("'0: (20 + t%2), 1: (30)'", [0.5, 0.75, 0.75]),
        ("10", [0.25, 0.25, 0.25]),
        ("'0: (0), 2: (40)'", [0, 0.5, 1]),
    ],
)
def test_frames_skip_steps_is_a_share_however_it_is_written(read, value, shares):
    text = f"prompts: x\nframes: 3\ndiffusion: {{steps: 40}}\ncoherence: {{frames_skip_steps: {value}}}"
    table = read(text).timeline.table
    np.testing.assert_allclose(table["coherence.frames_skip_steps"], shares)


def test_the_interpolation_is_the_one_of_the_scene(read):
    text = "prompts: x\nframes: 5\ncamera: {fov: '0: (40), 4: (48)'}\ninterpolation: "
    assert read(text + "step").timeline.table["camera.fov"].tolist() == [40, 40, 40, 40, 48]


def test_a_duration_is_frames_at_the_scenes_rate(read):
    assert read("prompts: x\nframes: 2.5s\nfps: 10").scene.frames == 25
    assert read("fps: 24\nprompts: x\nframes: 20s", "frames=1 s").scene.frames == 24


def test_prompts_at_seconds_and_beats_and_their_blend(read):
    loaded = read("prompts: {0: sea, 1s: [snow], 4b: 'fog:2'}\nframes: 40\nfps: 10\nbpm: 60\nprompt_blend: 1")
    texts = [loaded.timeline.prompts.texts(frame) for frame in (9, 10, 40)]
    assert texts == [("sea",), ("snow",), ("fog:2",)]
    assert [prompt.weight for prompt in loaded.timeline.row(10).prompts] == [0.5, 0.5]


def test_a_seed_is_drawn_where_there_is_none(read):
    drawn = {read("prompts: x", *more).scene.seed for more in ((), ("seed=",), ("seed=null",), ("seed=~",))}
    assert len(drawn) > 1
    assert all(0 <= seed < 2**32 for seed in drawn)
    assert read("prompts: x\nseed: 7").scene.seed == 7


def test_a_still_has_a_row_a_picture(read):
    loaded = read("prompts: x\nmode: still\nimages: 3")
    assert (loaded.scene.count, loaded.timeline.frames) == (3, 3)


def test_what_is_not_wrong_but_may_not_be_meant_is_told(read):
    loaded = read(
        "prompts: {0: x, 30: y}\nmode: 3d\nframes: 20\nsize: [200, 130]\n"
        "camera: {zoom: 1.2, angle: 0, fov: '0: (30), 40: (50)', translation_x: '0: (1), 0: (2)'}\n"
    )
    assert told(loaded) == [
        "1:17: prompts.30: never shown: frame 30 lies after the last frame, 19",
        "4:7: size: 200 x 130 is rounded down to 192 x 128, multiples of 64",
        "5:10: camera.zoom: has no effect in mode 3d",
        "5:36: camera.fov: the key at frame 40 is after the last frame, 19, and only shapes the ramp",
        "5:72: camera.translation_x: two keys at frame 0: the later one counts",
    ]
    assert loaded.scene.size == (192, 128)
    assert told(read("prompts: x\nmode: 2d\ncamera: {translation_z: 4}\nimages: 2")) == [
        "3:10: camera.translation_z: has no effect in mode 2d",
        "4:1: images: has no effect in mode 2d",
    ]
    assert told(read("prompts: x\nmode: still\nframes: 4\ncamera: {zoom: 2}")) == [
        "3:1: frames: has no effect in mode still",
        "4:10: camera.zoom: has no effect in mode still",
    ]


def test_words_that_clip_does_not_read_are_told(read):
    long = "a red lighthouse by the sea, " * 12  # 7 tokens each, so that the 76th is the last of the eleventh
    (notice,) = read(
        f'prompts: {{0: ["short", "{long}and snow:2"]}}\nguidance: {{clip_models: {{RN50: 1}}}}'
    ).notices
    assert (notice.key, notice.line, notice.column) == ("prompts.0.1", 1, 25 + long.index("sea", 290))
    assert notice.message.startswith("takes 86 of CLIP's tokens, which reads 75; not read: 'sea, a red")
    (notice,) = read(f'prompts: ["{long}"]').notices
    assert notice.message.startswith("takes 84 of CLIP's tokens, which reads 38;")  # the bundled network


# Counts of open_clip 3.3's SimpleTokenizer, ``len(tokenizer.encode(text))``.
TOKENS = {
    "A beautiful painting of a singular lighthouse, shining its light across a wild sea by an artist": 18,
    "Übergrößenträger, 1234567 naïve façades!!! it's they'll — 北京の雪 \U0001f600 " * 2: 78,
    "supercalifragilisticexpialidocious " * 4 + "A" * 35: 41,
    "aaaa aaaaaa abababab banananana " * 3: 27,
}


@pytest.mark.parametrize(("text", "count"), TOKENS.items())
def test_tokens_are_counted_as_clip_counts_them(text, count):
    assert lost(text)[0] == count


def test_a_scene_over_another(read):
    loaded = read(
        "extends: base.yaml\nprompts: {5: y}\ncamera: {fov: {2: 50}}\ndepth:\n"
        "guidance: {clip_models: {RN50: 1}, tv_scale: ~}",
        base="extends: ground.yaml\nseed: 3\nprompts: {0: x}\ncamera: {zoom: 1.1, fov: {0: 30, 4: 40}}",
        ground="seed: 2\nfps: 30\ndepth: {midas_weight: 1}\n"
        "guidance: {clip_models: {RN101: 1}, tv_scale: 4, sat_scale: 5}",
    )
    scene = loaded.scene
    assert (scene.seed, scene.fps) == (3, 30)
    assert scene.prompts == {5: "y"}
    assert (scene.camera.zoom, scene.camera.fov) == (1.1, {2: 50})
    assert scene.depth.midas_weight == 0.3
    assert scene.guidance.clip_models == {"RN50": 1}
    assert (scene.guidance.tv_scale, scene.guidance.sat_scale) == (0, 5)


def test_a_scene_over_several(read):
    loaded = read(
        "extends: [one.yaml, two.yaml]\nguidance: {tv_scale: 1}",
        one="prompts: x\nseed: 1\nfps: 30\nguidance: {tv_scale: 5, sat_scale: 5, clip_models: {RN50: 1}}",
        two="extends: ground.yaml\nseed: 2\nguidance: {sat_scale: 6, clip_models: {RN101: 1}}",
        ground="seed: 3\nbpm: 90\nguidance: {range_scale: 7}",
    )
    scene = loaded.scene
    assert (scene.prompts, scene.seed, scene.fps, scene.bpm) == ("x", 2, 30, 90)
    assert scene.guidance.clip_models == {"RN101": 1}
    assert (scene.guidance.tv_scale, scene.guidance.sat_scale, scene.guidance.range_scale) == (1, 6, 7)
    assert read("extends: []\nprompts: y").scene.prompts == "y"


def test_one_file_may_lie_under_several(read):
    ground = "prompts: x\nfps: 10\nbpm: 60"
    loaded = read(
        "extends: [one.yaml, two.yaml]", one="extends: g.yaml\nfps: 20", two="extends: g.yaml", g=ground
    )
    assert (loaded.scene.fps, loaded.scene.bpm) == (10, 60)


@pytest.mark.parametrize(
    ("text", "others", "said"),
    [
        (
            "extends: [one.yaml, scene.yaml]",
            {"one": "fps: 2"},
            "scene.yaml:1:21: extends: goes round in a circle",
        ),
        (
            "extends: [one.yaml, two.yaml]",
            {"one": "fps: 2", "two": "extends: [one.yaml, scene.yaml]"},
            "two.yaml:1:21: extends: goes round in a circle: scene.yaml -> two.yaml -> scene.yaml",
        ),
        ("extends: [one.yaml, none.yaml]", {"one": "fps: 2"}, "scene.yaml:1:21: extends: no such file"),
        (
            "extends: [one.yaml, 3]",
            {"one": "fps: 2"},
            "scene.yaml:1:21: extends: expected the name .* found 3",
        ),
        ("extends: {a: b}", {}, "scene.yaml:1:10: extends: expected the name of a scene file or a list"),
        (f"extends: [{', '.join(['one.yaml'] * 16)}]", {"one": "fps: 2"}, "extends: more than 16 scenes"),
    ],
)
def test_what_cannot_be_extended_is_told(read, text, others, said):
    with pytest.raises(SceneError, match=said):
        read(f"{text}\nprompts: x", **others)


def test_a_fault_below_is_told_in_its_own_file(read, tmp_path):
    with pytest.raises(SceneError) as caught:
        read("extends: base.yaml\nprompts: x\nfps: 0", base="\ncamera: {fov: 1+}\nseed: many")
    places = [(Path(one.file).name, one.line, one.key) for one in caught.value.problems]
    assert places == [("scene.yaml", 3, "fps"), ("base.yaml", 2, "camera.fov"), ("base.yaml", 3, "seed")]
    with pytest.raises(SceneError, match=r"base.yaml:1:10: extends: goes round in a circle"):
        read("extends: base.yaml\nprompts: x", base="extends: scene.yaml\nprompts: x")


def test_values_from_the_command_line(read):
    loaded = read(
        "prompts: {0: x, 10: y}\nfps: 10\nframes: 30\nguidance: {clip_models: {RN50: 1}}",
        "prompts.10=a lake: at dawn",
        "prompts.2s=[a, 'b:2']",
        "guidance.clip_models.ViT-B/32=0.5",
        "guidance.clamp_max=[0.1]*500+[0.2]*500",
        "camera.fov=0: (40), 10: (50)",
        "camera.angle={0: 1, 4: 5}",
        "seed=3",
        "seed=4",
        "fps=",
    )
    scene = loaded.scene
    assert scene.prompts == {0: "x", 10: "a lake: at dawn", "2s": ["a", "b:2"]}
    assert scene.guidance.clip_models == {"RN50": 1, "ViT-B/32": 0.5}
    assert loaded.timeline.schedules["guidance.clamp_max"][[0, 999]].tolist() == [0.1, 0.2]
    assert loaded.timeline.table["camera.fov"][5] == 45
    assert scene.camera.angle == {0: 1, 4: 5}
    assert (scene.seed, scene.fps) == (4, 12)


def test_paths_are_relative_to_the_file_that_names_them(read, tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    Image.new("RGB", (192, 128)).save(tmp_path / "folder" / "a.png")
    (tmp_path / "folder" / "base.yaml").write_text("prompts: x\ndiffusion: {init_image: a.png}")
    expected = str((tmp_path / "folder" / "a.png").resolve())
    assert read("extends: folder/base.yaml").scene.diffusion.init_image == expected
    monkeypatch.chdir(tmp_path / "folder")
    assert read("prompts: x", "diffusion.init_image=a.png").scene.diffusion.init_image == expected


PICTURES = {
    "a.png": "{folder}/a.png",
    '"a.png:2"': "{folder}/a.png:2",
    '"a.png : -0.5 "': "{folder}/a.png: -0.5 ",
    "[a.png, 'sub/b.png:2']": ["{folder}/a.png", "{folder}/sub/b.png:2"],
    "[{image: a.png, weight: 2, clip_models: [RN50]}]": [
        {"image": "{folder}/a.png", "weight": 2, "clip_models": ["RN50"]}
    ],
    "{0: a.png, 2s: ['b.png:3', {image: c.png}]}": {
        0: "{folder}/a.png",
        "2s": ["{folder}/b.png:3", {"image": "{folder}/c.png"}],
    },
    "'https://x.org/a.png:2'": "https://x.org/a.png:2",
    "[{image: 'HTTP://x.org/a.png'}]": [{"image": "HTTP://x.org/a.png"}],
    "/a.png": "/a.png",
    '""': "",
    "['', ':2', 3]": ["", ":2", 3],
}


def rooted_values(text, folder):
    tree, problems = parse(text, "scene.yaml")
    assert not problems
    return plain(rooted(tree, folder))


@pytest.mark.parametrize(("written", "absolute"), PICTURES.items())
def test_pictures_of_prompts_are_relative_to_their_file(tmp_path, written, absolute):
    def filled(part):
        if isinstance(part, dict):
            return {key: filled(value) for key, value in part.items()}
        if isinstance(part, list):
            return [filled(value) for value in part]
        return part.format(folder=tmp_path.resolve()) if isinstance(part, str) else part

    assert rooted_values(f"image_prompts: {written}", tmp_path) == {"image_prompts": filled(absolute)}


def test_a_fault_in_a_path_that_was_made_absolute_is_placed_at_its_beginning(tmp_path):
    tree, _ = parse("image_prompts: [a.png, 'https://x.org/b.png:2']", "scene.yaml")
    first, second = rooted(tree, tmp_path).value["image_prompts"].value
    assert (first.at(4).column, second.at(4).column) == (17, 29)


@pytest.mark.parametrize(
    ("model", "is_path"),
    [
        ("a.pt", True),
        ("sub/a.SAFETENSORS", True),
        ("a.pth", True),
        ("a.ckpt", True),
        ("pocket", False),
        ("7", False),
    ],
)
def test_a_checkpoint_is_relative_to_its_file(tmp_path, model, is_path):
    found = rooted_values(f"diffusion: {{model: {model}}}", tmp_path)["diffusion"]["model"]
    assert str(found) == (str(tmp_path.resolve() / model) if is_path else model)


def test_an_address_of_an_init_picture_stays(tmp_path):
    text = "diffusion: {init_image: 'https://x.org/a.png'}"
    assert rooted_values(text, tmp_path) == {"diffusion": {"init_image": "https://x.org/a.png"}}


def test_a_byte_order_mark_and_anchors_and_other_line_ends_are_fine(tmp_path):
    path = tmp_path / "scene.yaml"
    path.write_bytes(b"\xef\xbb\xbfprompts: x\r\nframes: &n 4\r\nimages: *n\r\nfps: 1e1\r\n")
    scene = read_scene(path).scene
    assert (scene.frames, scene.images, scene.fps) == (4, 4, 10)


def _started(program: str) -> tuple[float, str]:
    """Return the processor time of a new Python that runs a program, and what it prints."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", program, str(SCENES / "flight.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout.strip()


@pytest.mark.slow
def test_checking_a_scene_is_quick_and_loads_no_network_library():
    """A scene is read in 2.5 times what it takes to import its libraries (1.6 to 2.1 measured)."""
    libraries = "import numpy, pandas, pydantic, jsonschema, ruamel.yaml"
    program = (
        "import sys; from animator.scene.reading import read_scene; read_scene(sys.argv[1]);"
        "print([name for name in ('torch', 'open_clip', 'cv2') if name in sys.modules])"
    )
    assert _started(program)[1] == "[]"  # compiled from now on, as a user's is
    in_turn = [(_started(libraries)[0], _started(program)[0]) for _ in range(4)]
    least, read = (min(seconds) for seconds in zip(*in_turn, strict=True))
    assert read < 2.5 * least


def test_a_scene_from_a_text(tmp_path, monkeypatch):
    loaded = read_text_scene("prompts: x\nseed: 3\nfps: 8\nguidance: {cuts: pulp}", "a/b c.txt", ["fps=9"])
    assert (loaded.scene.fps, loaded.scene.seed, loaded.name) == (9, 3, "b c")
    assert loaded.scene.guidance.cuts.ic_pow == "[12]*500+[10]*500"
    plainly = read_text_scene("prompts: x\nseed: random\nguidance: {cuts: pulp}", "here").scene
    assert (plainly.guidance.cuts, plainly.seed_mode) == (loaded.scene.guidance.cuts, "random")
    with pytest.raises(SceneError, match=r"here:2:6: fps: expected a number from 0.01"):
        read_text_scene("prompts: x\nfps: 0", "here")
    (tmp_path / "a.yaml").write_text("prompts: x")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SceneError, match="here:1:1: extends: unknown key"):
        read_text_scene("extends: a.yaml\nprompts: x", "here")


def test_colours_are_held_but_not_where_something_else_decides_them(tmp_path):
    def strength(text):
        path = tmp_path / "scene.yaml"
        path.write_text(f"prompts: x\nmode: 2d\nframes: 2\n{text}\n")
        return read_scene(path).timeline.table.at[1, "coherence.color_coherence"]

    assert strength("") == 0.6
    assert strength("guidance: {compat: disco-5}") == 0
    assert strength("guidance: {compat: disco-5}\ncoherence: {frames_scale: 3}") == 0
    assert strength("guidance: {compat: disco-5}\ncoherence: {color_coherence: 0.3}") == 0.3


def piped(monkeypatch, data: bytes):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    return read_scene("-", ["fps=9"])


def test_a_scene_from_the_standard_input(tmp_path, monkeypatch):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "base.yaml").write_text("fps: 8\nseed: 3\ndiffusion: {init_image: a.png}\n")
    Image.new("RGB", (192, 128)).save(tmp_path / "below" / "a.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "b.json", "PNG")
    monkeypatch.chdir(tmp_path)
    text = "\ufeffextends: below/base.yaml\nprompts: [夜]\nimage_prompts: b.json\n"
    loaded = piped(monkeypatch, text.encode())
    assert (loaded.name, loaded.scene.seed, loaded.scene.fps) == ("stdin", 3, 9)
    assert loaded.scene.diffusion.init_image == str((tmp_path / "below" / "a.png").resolve())
    assert str((tmp_path / "b.json").resolve()) in str(loaded.scene.image_prompts)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"prompts: x\nfpss: 0", "stdin:2:1: fpss: unknown key"),
        (b"", "stdin:1:1: is empty"),
        (b"prompts: x\n# \xff", "stdin:2:3: the byte 0xFF is not UTF-8"),
        (b"#" * (1 << 20) + b"\n", "stdin: has more than 1048576 bytes"),
        (
            b'{"text_prompts": {}, "steps": 1, "width_height": [1, 1], "cut_overview": 1, "tv_scale": 0}',
            "Disco",
        ),
        (b"extends: none.yaml\nprompts: x", "no such file: none.yaml"),
    ],
)
def test_what_is_wrong_in_the_standard_input_is_told_in_its_name(monkeypatch, data, said):
    with pytest.raises(SceneError) as fault:
        piped(monkeypatch, data)
    assert said in str(fault.value)
    assert str(fault.value).startswith("stdin")
