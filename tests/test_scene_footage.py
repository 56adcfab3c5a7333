"""What `check` says of footage and sound that are not read as they are, each in one line that helps."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from animator.errors import SceneError
from animator.run.job import shot_of
from animator.run.sources import gather
from animator.scene.footage_reading import open_footage_of
from animator.scene.reading import LoadedScene, read_text_scene
from animator.scene.resolved import resolved_text
from animator.video.footage_notes import notes_of
from animator.video.sound import Heard, decode, heard_in
from tests.test_footage import X264, ffmpeg, steps
from tests.test_footage_colours import high_range
from tests.test_footage_kinds import screen

SCENE = "prompts: x\nmode: video\nsize: [128, 128]\n"
TONE = ("-f", "lavfi", "-i", "sine=d=1.2:frequency=440", "-c:a", "aac")


def told(loaded: LoadedScene) -> list[str]:
    return [f"{one.line}:{one.column}: {one.key}: {one.message}" for one in loaded.notices]


def test_ordinary_footage_needs_no_word(read, tmp_path):
    ffmpeg(*steps("64x64", frames=12), *TONE, *X264, tmp_path / "plain.mp4")
    assert told(read(f"{SCENE}video: {{init: plain.mp4}}")) == []
    assert told(read(f"{SCENE}fps: 10\nvideo: {{init: plain.mp4}}")) == []


def test_high_dynamic_range_is_told(read, tmp_path):
    import numpy as np

    for curve in ("pq", "hlg"):
        high_range(tmp_path / f"{curve}.mov", np.ones((2, 3)), curve)
        (line,) = told(read(f"{SCENE}video: {{init: {curve}.mov}}"))
        assert line.startswith(f"4:15: video.init: is HDR ({curve.upper()}): its colours are converted for")


def test_a_variable_rate_is_told_and_another_can_be_chosen(read, tmp_path):
    screen(tmp_path / "screen.mp4")
    loaded = read(f"{SCENE}video: {{init: screen.mp4}}")
    assert (loaded.scene.fps, loaded.scene.frames) == (30, 72)
    assert told(loaded) == [
        "4:15: video.init: has no constant rate: 12 pictures in 2.4 s; it is read at 30 a second, which "
        "shows each; write video.fps for another rate"
    ]
    loaded = read(f"{SCENE}video: {{init: screen.mp4, fps: 5}}")
    assert (loaded.scene.fps, loaded.scene.frames) == (5, 12)
    assert told(loaded) == [
        "4:15: video.init: has no constant rate: 12 pictures in 2.4 s; read at 5 a second, 9 of its 12 "
        "pictures are not shown; write a higher video.fps to see more"
    ]
    again = read_text_scene(resolved_text(loaded.scene), "again.yaml")
    assert (again.scene, len(again.notices)) == (loaded.scene, 1)
    assert open_footage_of(again.scene).fps == 5


def test_rates_of_footage(read, fault, tmp_path):
    ffmpeg(*steps("64x64", rate="30", frames=30), *X264, tmp_path / "plain.mkv")
    loaded = read(f"{SCENE}video: {{init: plain.mkv, fps: 15000/1001}}")
    assert (loaded.scene.frames, loaded.scene.fps) == (15, pytest.approx(15000 / 1001))
    (tmp_path / "shots").mkdir()
    ffmpeg("-i", tmp_path / "plain.mkv", "-frames:v", "6", tmp_path / "shots" / "%d.png")
    folder = read(f"{SCENE}video: {{init: shots, fps: 24, extract_nth_frame: 2}}").scene
    assert (folder.frames, folder.fps) == (3, 12)
    for wrong in ("0/1", "1/0", "5000/1"):
        message = fault(f"{SCENE}video: {{init: plain.mkv, fps: {wrong}}}")
        assert message == f"4:31: video.fps: expected a rate from 0.01 to 1000, found '{wrong}'"
    for wrong in ("0", "-1", "fast", "1001", "1/2/3"):
        message = fault(f"{SCENE}video: {{init: plain.mkv, fps: {wrong}}}")
        assert message.startswith("4:31: video.fps: expected a number from 0.01 to 1000, or a fraction such")


@pytest.mark.parametrize(
    ("fps", "more", "speed"),
    [
        ("20", "", "2 times as fast as it; leave fps out, or write video.fps: 20,"),
        ("5", "", "0.5 times"),
        ("20", ", extract_nth_frame: 2", "4 times as fast as it; leave fps out, or write video.fps: 40,"),
    ],
)
def test_a_rate_that_changes_the_speed_is_told(read, tmp_path, fps, more, speed):
    ffmpeg(*steps("64x64", frames=12), *X264, tmp_path / "plain.mp4")
    (line,) = told(read(f"{SCENE}fps: {fps}\nvideo: {{init: plain.mp4{more}}}"))
    assert line.startswith("4:6: fps: the footage gives ")
    assert f", so the film runs {speed}" in line
    kept = read(f"{SCENE}fps: 20\nvideo: {{init: plain.mp4, fps: 40, extract_nth_frame: 2}}")
    assert told(kept) == []
    assert float(open_footage_of(kept.scene).fps) == kept.scene.fps


def spatial(path: Path, *sounds: str) -> Path:
    """Make a film with sounds, those called ``apac`` under the name of a codec that nobody decodes."""
    words: list[str | Path] = [*steps("64x64", frames=12)]
    for frequency in range(440, 440 * (len(sounds) + 1), 440):
        words += ["-f", "lavfi", "-i", f"sine=d=1.2:frequency={frequency}"]
    maps = [word for number in range(len(sounds) + 1) for word in ("-map", str(number))]
    ffmpeg(*words, *maps, *X264, "-c:a", "aac", path)
    data = path.read_bytes()
    for number, name in enumerate(sounds):
        if name == "apac":
            place = -1
            for _ in range(sounds[:number].count("aac") + 1):
                place = data.index(b"mp4a", place + 1)
            data = data[:place] + b"apac" + data[place + 4 :]
            place = data.index(b"esds", place)
            data = data[:place] + b"dapa" + data[place + 4 :]
    path.write_bytes(data)
    return path


@pytest.mark.slow
def test_sound_that_cannot_be_decoded_is_told_and_the_next_is_taken(read, tmp_path):
    first, only = (
        spatial(tmp_path / name, *sounds)
        for name, sounds in (("a.mp4", ("apac", "aac")), ("b.mp4", ("apac",)))
    )
    assert (heard_in(first), heard_in(only)) == (Heard(1, ("apple_apac",)), Heard(None, ("apple_apac",)))
    assert abs(decode(first)).max() > 0.05
    assert heard_in(spatial(tmp_path / "c.mp4", "aac", "apac")) == Heard(0)
    next_one = (
        "its first sound (apple_apac) cannot be decoded; the next one is taken, or name one as output.audio"
    )
    silent = "its sound (apple_apac) cannot be decoded, so the film is silent; name another as output.audio"
    for name, line in (("a", next_one), ("b", silent)):
        loaded = read(f"{SCENE}video: {{init: {name}.mp4}}")
        assert told(loaded) == [f"4:15: video.init: {line}"]
        assert open_footage_of(loaded.scene).sound == (name == "a")
        assert told(read(f"{SCENE}video: {{init: {name}.mp4, sound: false}}")) == []
    film = "prompts: x\nsize: [128, 128]\noutput: {audio: "
    with pytest.raises(SceneError) as fault:
        read(f"{film}b.mp4}}")
    message = "its sound (apple_apac) cannot be decoded; name a sound or a film with one"
    assert [one.message for one in fault.value.problems] == [message]
    assert told(read(f"{film}a.mp4}}")) == [
        "3:17: output.audio: its first sound (apple_apac) cannot be decoded; the next one is taken"
    ]


def test_a_file_that_is_no_sound_is_found_before_the_film_is_made(fault, tmp_path):
    (tmp_path / "notes.mp3").write_text("no sound")
    message = fault("prompts: x\nsize: [128, 128]\noutput: {audio: notes.mp3}")
    assert message.startswith("3:17: output.audio: notes.mp3: cannot be read as sound; name a sound or film")


@pytest.mark.slow
def test_sound_of_a_time_lapse_is_left_out_and_told(read, tmp_path):
    ffmpeg(*steps("64x64", rate="30", frames=240), *TONE, *X264, tmp_path / "long.mp4")
    loaded = read(f"{SCENE}fps: 30\nvideo: {{init: long.mp4, extract_nth_frame: 120}}")
    lines = told(loaded)
    assert lines[-1] == (
        "5:15: video.sound: the film runs 120 times as fast as the footage, whose sound is left out; name "
        "another as output.audio"
    )
    assert notes_of(open_footage_of(loaded.scene)) == []


def test_ten_bits_of_h264_are_told(read):
    film = "prompts: x\nsize: [128, 128]\noutput: {ten_bits: true"
    assert told(read(f"{film}}}")) == [
        "3:20: output.ten_bits: H.264 of 10 bits does not play in QuickTime, Firefox and on phones; write "
        "output.codec: hevc, which plays there, or leave ten_bits out"
    ]
    for more in (", codec: hevc}", ", codec: prores}", "}\nmode: still"):
        assert [line for line in told(read(f"{film}{more}")) if "H.264" in line] == []


def test_backgrounds(read, fault, tmp_path):
    Image.new("RGBA", (64, 64), (200, 30, 30, 0)).save(tmp_path / "glass.png")
    base = "prompts: x\nsize: [128, 128]\ndiffusion: {init_image: glass.png}\n"
    for word, expected in (
        ("", (0, 0, 0)),
        ("background: white", (1, 1, 1)),
        ('background: "#00ff33"', (0, 1, 0.2)),
        ("background: grey", (128 / 255,) * 3),
    ):
        loaded = read(f"{base}{word}")
        assert loaded.scene.ground == pytest.approx(expected)
        shot = shot_of(loaded, gather(loaded))
        assert shot.init.picture.mean(dim=(1, 2)).tolist() == pytest.approx(expected, abs=1e-3)
    message = fault(f"{base}background: mauve")
    assert message.startswith("4:13: background: expected black, white, grey, or a colour in quotes such as")
    (line,) = told(read("prompts: x\nsize: [128, 128]\nbackground: white"))
    assert line == "3:1: background: has no effect without video.init or init_image"
