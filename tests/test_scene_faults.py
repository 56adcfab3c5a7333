"""Every fault of a scene is told in one line, with its place; nothing ends in a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from animator.errors import SceneError
from animator.scene.reading import read_scene
from animator.scene.source import MAX_BYTES

PLANTED = Path(__file__).parent / "scenes" / "planted.yaml"

EXPECTED = """
2:10: version: expected 1, the format that this program reads, found 2
3:7: mode: expected one of still, 2d, 3d, video, found '4d'
4:7: size: expected a list of 2 values, each a whole number from 64 to 4096, found a list of 1
5:6: fps: expected a number from 0.01 to 1000, found true
6:7: seed: expected a whole number from 0 to 4294967295, a list of them, a mapping such as {0
7:6: bpm: expected a number above 0 and up to 1000, found 'off', which is a text in YAML 1.2
9:1: tv_scale: unknown key here; it belongs under 'guidance'
10:8: turbo: expected settings such as key: value, found 'fast'
11:16: interpolation: expected one of linear, quadratic, cubic, pchip, step, found 'bezier'
12:15: prompt_blend: expected a number from 0 to 100000, or a length such as 2s or 4b, found .nan
14:23: prompts.0.1: expected a text or a mapping {text: ..., weight: ..., clip_models: ..., region: ...
15:3: prompts.-1: the position -1 is before the first frame
16:7: prompts.12: the weights of the prompts at 12 sum to 0
18:40: camera.translation_z: unknown function 'sine'; did you mean 'sin'?
19:18: camera.rotation_3d_y: expected a number or keyframes such as "0: (1), 10: (2)", found a list of 2
20:8: camera.fov: expected a number from 1 to 179 everywhere, is 200 at frame 0
23:5: camera.zoom.0: given twice, first in line 22; keep one of them
24:3: camera.angel: unknown key; did you mean 'angle'?
25:23: depth.midas_weight: expected a number from 0 to 1, found '12:30'
26:7: warp: expected settings such as key: value, found 'reflect'
27:32: coherence.frames_skip_steps: expected a number from 0 to 100 everywhere, is 130 at frame 0
29:10: diffusion.model: 512x512_diffusion paints one of ImageNet's classes; name it, or its number
30:10: diffusion.steps: expected a whole number from 1 to 1000, found 'many'
31:15: diffusion.skip_steps: is '200%', must be at most 100%
32:15: diffusion.init_image: no such file:
34:3: guidance.clip_guidence_scale: unknown key; did you mean 'clip_guidance_scale'?
35:18: guidance.clamp_max: this '(' is never closed
36:27: guidance.clip_models.ViT-B-32: the pieces make 400 values, 1000 are needed
37:17: guidance.cutn_batches: expected a number from 1 to 256,
38:14: guidance.skip_augs: expected true or false, keyframes such as
39:15: guidance.sat_scale: a number has no _ in it: write 1000
41:8: output.crf: expected a whole number from 0 to 51, found 1e2
42:11: output.preset: a scene has no tags such as !!str, write the value plainly
43:10: output.audio: no such file:
"""


def lines(path: str | os.PathLike[str], *overrides: str) -> list[str]:
    """Return the problems of a scene file, without its name, a line each."""
    with pytest.raises(SceneError) as caught:
        read_scene(path, overrides)
    return [str(problem).removeprefix(f"{os.fspath(path)}:").strip() for problem in caught.value.problems]


@pytest.fixture
def faults(tmp_path):
    """Return the problems of a text as a scene file."""

    def of(text: str | bytes) -> list[str]:
        path = tmp_path / "scene.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return lines(path)

    return of


def test_every_planted_mistake_is_told_at_its_place():
    found = lines(PLANTED)
    expected = EXPECTED.strip("\n").split("\n")
    assert len(expected) > 20
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(start)
        assert "\n" not in line


def test_the_file_is_named_as_it_was_given():
    with pytest.raises(SceneError) as caught:
        read_scene(PLANTED)
    assert str(caught.value).startswith(f"{PLANTED}:2:10: version: ")
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 'x", "1:4: not YAML: a quotation mark is never closed"),
        ("mode: 2d\nsize: [64, 64\nfps: 3", "2:7: not YAML: a list that begins with [ is not closed"),
        ("warp: {a: 1\nfps: 3", "1:7: not YAML: a mapping that begins with { is not closed"),
        ("camera:\n\tzoom: 1", "2:1: not YAML: there is a tab here"),
        ("camera:\n  zoom: 1\n fov: 3", "3:2: not YAML: does not fit the lines above"),
        ("camera: zoom: 1", "1:13: not YAML: a colon does not fit here"),
        ("zoom: 0: (1), 10: (2)", "1:8: not YAML: a colon does not fit here"),
        ("prompts: @x", "1:10: not YAML: a value cannot begin with @; put it in quotes"),
        ("prompts: 'it's'", "1:14: not YAML: text follows a value that is complete"),
        ("clamp_max: [1]*400+[2]*600", "1:15: not YAML: text follows a value that is complete"),
        ('prompts: "\\q"', "1:12: not YAML: there is no escape \\q"),
        ("prompts: x\nseed", "2:5: not YAML: a key without a colon"),
        ("prompts: x}\n]", "2:1: not YAML: "),
        ("%YAML 2.0\n---\nprompts: x", "1:1: not YAML: this YAML version is not known"),
        ("prompts: *a", "1:10: no anchor &a before the alias *a"),
        ("a: &a [*a]", "1:8: no anchor &a before the alias *a"),
        ("prompts: x\n---\nprompts: y", "2:1: a second document begins here"),
        ("prompts: " + "[" * 50_000, "1:33: nested more than 24 levels deep"),
        (
            "\n"
            + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10) if i else 'x'}]\n" for i in range(9)),
            "7:5: more than",
        ),
        ("- prompts", "1:1: a scene is a mapping such as prompts: a sea, found a list of 1"),
        ("a lighthouse", "1:1: a scene is a mapping such as prompts: a sea, found 'a lighthouse'"),
        ("", "1:1: is empty"),
        ("# only this\n", "1:1: is empty"),
        ("\n{}", "2:1: is empty"),
        ("prompts: x\n\x07", "2:1: the character U+0007 is not allowed in a text file"),
        ("\x89PNG\r\n\x1a\n\0\0", "1:1: the character U+0089 is not allowed"),
        (b"\x89PNG\r\n\x1a\n\0\0", "1:1: the byte 0x89 is not UTF-8"),
        ("prompts: x\nmode: é".encode("latin-1"), "2:7: the byte 0xE9 is not UTF-8"),
        ("prompts: x".encode("utf-16")[:-1], "is no whole UTF-16 text; save the scene as UTF-8 text"),
        ('prompts: "\\ud800"', "1:10: an escape in this text makes a character that is not allowed"),
        ('prompts: "\\UFFFFFFFF"', "an escape \\U in a quoted text names no character"),
        (b"#" * (MAX_BYTES + 1), f"has {MAX_BYTES + 1} bytes, a scene file may have {MAX_BYTES}"),
    ],
)
def test_what_is_not_a_scene_is_told_alone(faults, text, expected):
    (only,) = faults(text)
    assert only.startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prompts:", "1:1: prompts: missing"),
        ("fps: 3", "1:1: prompts: missing"),
        ("prompts: []", "1:10: prompts: has no prompt; write a list"),
        ("prompts: {}", "1:10: prompts: there are no prompts"),
        ("prompts: 3", "1:10: prompts: expected texts such as"),
        ("prompts: {0: [x], 1s: ['']}", "1:24: prompts.1s.0: the prompt has no text"),
        ("prompts: {0: x, 4b: y}", "1:17: prompts.4b: 4b counts beats: the scene must say its bpm"),
        ("prompts: {0: x, true: y}", "1:17: prompts.true: a key must be a name or a number, found true"),
        (
            "prompts: {0: x, [1]: y}",
            "1:17: prompts.: a key must be a name or a number, found a list or nothing",
        ),
        (
            "prompts: x\nvr: {ipd: far}",
            "2:11: vr.ipd: unknown name 'far'; the variables are t, max_f, s, pi, e",
        ),
        ("prompts: x\nvr: {bulge: far}", "2:13: vr.bulge: expected a number from "),
        ("prompts: x\nimage_prompts: {0: a.png}", "2:20: image_prompts.0: no such file: "),
        ("prompts: [{text: x, wieght: 2}]", "1:21: prompts.0.wieght: unknown key; did you mean 'weight'?"),
        ("prompts: {4: [y, {weight: 2}]}", "1:18: prompts.4.1: has no 'text'; its parts are text, weight"),
        (
            "prompts: [{text: x, weight: heavy}]",
            "1:29: prompts.0.weight: expected a number or a schedule over the diffusion, "
            "\"[1]*500+[4]*500\", found 'heavy'",
        ),
        ("prompts: [{text: x, clip_models: RN50}]", "1:34: prompts.0.clip_models: expected a list, each a"),
        ("prompts: [{text: x, clip_models: [5]}]", "1:35: prompts.0.clip_models.0: expected a text, found 5"),
        (
            "prompts: {0: {text: x}}",
            "1:14: prompts.0: expected a text or a list, each a text or a mapping {t",
        ),
        (
            "prompts: {text: x}",
            "1:11: prompts.text: unknown name 'text'; the variables are max_f, pi, e; a prompt with",
        ),
        ("prompts: [{text: x, image: a.png}]", "1:21: prompts.0.image: unknown key"),
        ("prompts: {0: x, 1: y, 2: [], 3: z}", "1:26: prompts.2: has no prompt; write a list"),
        ("prompts: x\nseed: []", "2:7: seed: expected a whole number from 0 to 4294967295, a list of them"),
        ("prompts: x\nmode: still\nseed: [1, -1]", "3:11: seed.1: expected a whole number from 0 to 429"),
        (
            "prompts: x\noutput: {intermediates: [3, 0]}",
            "2:29: output.intermediates.1: expected a whole numb",
        ),
        ("prompts: x\ntext_prompts: y", "2:1: text_prompts: unknown key; here it is called 'prompts'"),
        ("prompts: x\n12: y", "2:1: 12: unknown key"),
        ("prompts: x\nwarp: {fps: 3}", "2:8: warp.fps: unknown key here; it belongs at the top"),
        ("prompts: x\n<<: {fps: 3}", "2:1: <<: YAML 1.2 has no merge key <<"),
        (
            "prompts: x\nseed: !!python/object:os.system 3",
            "2:7: seed: a scene has no tags such as !!python/object",
        ),
        ("prompts: x\nframes: 2.5", "2:9: frames: expected a whole number from 1 to 100000, or a length"),
        ("prompts: x\nframes: 2x", "2:9: frames: expected a whole number from 1 to 100000, or a length"),
        ("prompts: x\nframes: 0s", "2:9: frames: 0s at 12 frames a second is 0 frames, expected 1 to"),
        ("prompts: x\nfps: .inf", "2:6: fps: expected a number from 0.01 to 1000, found .inf"),
        ("prompts: x\nfps: 1e999", "2:6: fps: expected a number from 0.01 to 1000, found 1e999"),
        (
            "prompts: x\nseed: " + "9" * 5000,
            "2:7: seed: expected a whole number from 0 to 4294967295, a list of them, a mapping such as {0",
        ),
        ("prompts: x\nsize: [640, 63]", "2:13: size.1: expected a whole number from 64 to 4096, found 63"),
        ("prompts: x\ncamera: {fov: true}", "2:15: camera.fov: expected a number from 1 to 179 or keyframes"),
        ("prompts: x\ncamera: {fov: on}", "2:15: camera.fov: expected a number from 1 to 179 or keyframes"),
        ("prompts: x\ncamera: {fov: .nan}", "2:15: camera.fov: expected a number from 1 to 179 or keyframes"),
        (
            "prompts: x\ncamera: {fov: {0: [4]}}",
            "2:19: camera.fov.0: expected a number or a text, found a list of 1",
        ),
        (
            "prompts: x\ncamera: {fov: {0: 4, 3: 1+*2}}",
            "2:27: camera.fov.3: expected a number, a name or '('",
        ),
        ("prompts: x\ncamera: {fov: {0: 4, -3: 5}}", "2:22: camera.fov.-3: the position -3 is before"),
        (
            "prompts: x\ncamera: {fov: '0: (30), 24: (400)'}",
            "2:15: camera.fov: expected a number from 1 to 179",
        ),
        (
            "prompts: x\ncamera: {far_plane: 100}",
            "2:21: camera.far_plane: far_plane must be greater than near_plane",
        ),
        (
            "prompts: x\ndiffusion: {steps: 1e-3}",
            "2:20: diffusion.steps: expected a whole number from 1 to 1000, found 1e-3",
        ),
        (
            "prompts: x\ncoherence: {frames_skip_steps: 251}",
            "2:32: coherence.frames_skip_steps: expected a number from 0 to 50",
        ),
        ("prompts: x\nguidance: {clip_models: {}}", "2:25: guidance.clip_models: is empty"),
        (
            "prompts: x\nguidance: {clip_models: {RN50: 1, RN50/openai: 2}}",
            "2:35: guidance.clip_models.RN50/openai: is the same",
        ),
        (
            "prompts: x\nguidance: {cuts: {overview: '[300]*1000'}}",
            "2:29: guidance.cuts.overview: expected a number from 0 to 256 everywhere, is 300 at 0 of 1000",
        ),
        ("prompts: x\noutput: {film: ../x}", "2:16: output.film: expected a file name"),
        (
            "prompts: x\nextends: 3",
            "2:10: extends: expected the name of a scene file or a list of names, found 3",
        ),
        ("prompts: x\nextends: none.yaml", "2:10: extends: no such file"),
        (
            "prompts: x\nextends: scene.yaml",
            "2:10: extends: goes round in a circle: scene.yaml -> scene.yaml",
        ),
    ],
)
def test_one_fault_is_told_once_and_at_its_place(faults, text, expected):
    (only,) = faults(text)
    assert only.startswith(expected)


def test_a_fault_behind_an_alias_is_told_where_it_is_written(faults):
    assert faults("prompts: x\ncamera: {zoom: &v many, angle: *v}") == [
        "2:16: camera.angle: unknown name 'many'; the variables are t, max_f, s, pi, e",
        "2:16: camera.zoom: unknown name 'many'; the variables are t, max_f, s, pi, e",
    ]


def test_a_yes_that_is_no_truth_in_yaml_is_told(faults):
    (only,) = faults("prompts: x\nguidance: {skip_augs: yes}")
    assert only.endswith("found 'yes', which is a text in YAML 1.2")


def test_faults_beyond_a_hundred_are_not_listed(faults):
    found = faults("prompts: x\n" + "".join(f"key{i}: 1\n" for i in range(1_000)))
    assert len(found) == 101
    assert found[-1].endswith("100 faults so far, the rest was not looked at")


def test_no_file_and_a_folder_and_a_pipe(tmp_path):
    assert lines(tmp_path / "none.yaml") == ["no such file"]
    assert lines(tmp_path) == ["is a folder, expected a scene file"]
    assert lines(tmp_path / ("x" * 5000)) == ["no such file"]
    os.mkfifo(tmp_path / "pipe")
    assert lines(tmp_path / "pipe") == ["is not a regular file"]


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("seed", "--set: expected key.path=value, found 'seed'"),
        ("=3", "--set: expected key.path=value, found '=3'"),
        ("camera..zoom=3", "--set: expected key.path=value, found 'camera..zoom=3'"),
        (
            "seed=many",
            "--set: seed: expected a whole number from 0 to 4294967295, a list of them, a mapping such as {0",
        ),
        ("camera.zoom=0: (1", "--set: camera.zoom: this '(' is never closed"),
        ("camera.angel=1", "--set: camera.angel: unknown key; did you mean 'angle'?"),
        (
            "seed=[1",
            "--set: seed: expected a whole number from 0 to 4294967295, a list of them, a mapping such as {0",
        ),
        ("seed=1\n---\n2", "--set: seed: a second document begins here"),
        (
            "seed.deeper=1",
            "--set: seed: unknown name 'deeper'",
        ),
        ("fps=true", "--set: fps: expected a number from 0.01 to 1000, found true"),
    ],
)
def test_a_fault_on_the_command_line_names_its_key(tmp_path, override, expected):
    path = tmp_path / "scene.yaml"
    path.write_text("prompts: x")
    (only,) = lines(path, override)
    assert only.startswith(expected)


SEASONING = st.sampled_from(
    [
        "\t",
        ": ",
        "\n",
        "- ",
        "? ",
        "&a ",
        "*a",
        "[",
        "]",
        "{",
        "}",
        "'",
        '"',
        "|\n",
        "!!x ",
        "---\n",
        "<<: ",
        ".nan",
    ]
    + [
        "null",
        "true",
        "60%",
        "0: (1)",
        "(",
        "[1]*1000",
        "9" * 50,
        "\u2028",
        "\ufeff",
        '"\\x00"',
        "extends: .\n",
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_no_file_at_all_raises_anything_but_a_scene_error(tmp_path, data):
    path = tmp_path / "scene.yaml"
    path.write_bytes(data)
    with pytest.raises(SceneError):
        read_scene(path)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 12), SEASONING | st.text(max_size=5)), max_size=6)
)
def test_a_damaged_scene_raises_nothing_but_a_scene_error(tmp_path, damage):
    text = (
        PLANTED.read_text()
        if len(damage) % 2
        else (PLANTED.parents[2] / "scenes" / "flight.yaml").read_text()
    )
    for place, length, filling in damage:
        text = text[:place] + filling + text[place + length :]
    path = tmp_path / "scene.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    problems = _problems(path)
    assert not [problem for problem in problems if "\n" in problem]


def _problems(path: Path) -> list[str]:
    try:
        read_scene(path)
    except SceneError as error:
        return [str(problem) for problem in error.problems] or ["an error without a problem\n"]
    return []


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("prompts: ['it's a sea']", "needs double quotes"),
        ("prompts: {0: a cat: 2}", "needs double quotes"),
        ("prompts: [*sea*]", "a text that begins with * must be in quotes"),
        (
            'video: {init: "C:\\bilder\\a.mp4"}',
            "for a path write / between folders, or put it in single quotes",
        ),
    ],
)
def test_a_text_that_yaml_takes_apart_is_to_be_quoted(faults, text, hint):
    (line,) = faults(text)
    assert hint in line


@pytest.mark.parametrize(
    ("text", "only"),
    [
        ("prompts: a\nprompts: b", "2:1: prompts: given twice, first in line 1; keep one of them"),
        ("prompts: x\nimage_prompts: a.png\nimage_prompts: {}", "3:1: image_prompts: given twice"),
        ("prompts:\n  - !sea", "2:5: prompts.0: a scene has no tags such as !sea"),
        ("prompts: x\nframes: !int many", "2:9: frames: a scene has no tags such as !int"),
        ("prompts: [a sea #one, b]", "1:10: not YAML: a list that begins with ["),
        (
            "prompts: {0: \u201ca cat, sitting\u201d}",
            "1:22: prompts.sitting\u201d: a mapping is split at commas",
        ),
        (
            "prompts: [{text: \u201ca cat, sitting\u201d}]",
            "1:26: prompts.0.sitting\u201d: a mapping is split",
        ),
    ],
)
def test_one_fault_is_one_line(faults, text, only):
    (line,) = [one for one in faults(text) if "no such file" not in one]
    assert line.startswith(only)


def test_a_hashtag_in_a_list_that_seems_unclosed_is_named(faults):
    (line,) = faults("prompts: [a sea #one, b]")
    assert line.endswith("'#one, b]' is a comment, for # after a blank begins one")
