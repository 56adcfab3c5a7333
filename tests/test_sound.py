"""Sound: heard in formulas, measured frame by frame, and under the film where it belongs."""

from __future__ import annotations

import subprocess
import wave

import numpy as np
import pytest

from animator.errors import ExpressionError, UsageError
from animator.keyframes import Clock, compile_value, parse_expression
from animator.sound.envelope import envelopes
from animator.video import mux
from animator.video.ffmpeg import executable
from animator.video.film import FilmWriter
from animator.video.formats import write_codec
from animator.video.mux import with_sound
from animator.video.probe import probe, read_frames
from animator.video.sound import decode, has_sound

RATE = 22050
SOUNDS = {
    "audio": np.array([0.0, 0.5, 1.0, 0.25]),
    "audio_low": np.array([1.0, 0.0, 0.0, 0.0]),
    "audio_high": np.array([0.0, 0.0, 0.0, 1.0]),
}


def wav(path, samples, rate=48000):
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
    return path


def clicks(path, times, seconds, rate=48000):
    """Write a quiet hum with a click of a millisecond at each time."""
    samples = 0.01 * np.sin(np.arange(round(seconds * rate)) * 2 * np.pi * 60 / rate)
    for time in times:
        at = round(time * rate)
        samples[at : at + rate // 1000] = 0.8
    return wav(path, samples, rate)


def onsets(samples, rate):
    """Return the times at which clicks begin."""
    loud = np.flatnonzero(np.abs(samples) > 0.3)
    starts = loud[np.flatnonzero(np.diff(loud, prepend=-rate) > rate // 20)]
    return starts / rate


def film(path, frames=24, fps=12):
    with FilmWriter(path, 32, 16, fps) as writer:
        for frame in range(frames):
            writer.add(np.full((16, 32, 3), 8 * frame, np.uint8))
    return path


# Formulas


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("audio(t)", [0.0, 0.5, 1.0, 0.25]),
        ("audio(t - 2)", [0.0, 0.0, 0.0, 0.5]),
        ("audio(t + 0.5)", [0.25, 0.75, 0.625, 0.0]),
        ("1 + 2*max(audio_low(t), audio_high(t))", [3.0, 1.0, 1.0, 3.0]),
        ("where(audio(t) > 0.4, sin(0*audio(abs(t))), -audio_low(max_f - 3))", [-1.0, 0.0, 0.0, -1.0]),
        ("0: (audio(t)), 2: (7)", [0.0, 0.5, 7.0, 7.0]),
    ],
)
def test_a_formula_hears(text, expected):
    assert compile_value(text, Clock(4, 12), sounds=SOUNDS).values.tolist() == pytest.approx(expected)


def test_a_ramp_leads_to_what_is_heard_at_its_key():
    curve = compile_value("0: (0), 2: (4*audio(t))", Clock(4, 12), sounds=SOUNDS)
    assert curve.values.tolist() == [0, 2, 4, 1]


@pytest.mark.parametrize(
    ("text", "offset", "part"),
    [
        ("1 + audio_low(t)", 4, "the scene names none: set output.audio"),
        ("0: (1), 9: (2*audio(t))", 14, "set output.audio"),
        ("audio", 0, "write audio(...)"),
        ("audio()", 0, "takes 1 argument"),
        ("audio(t, 2)", 0, "takes 1 argument"),
        ("audoi_low(t)", 0, "did you mean 'audio_low'?"),
        ("[audio(3)]*1000", 1, "follows the frames"),
        ("audio(max_f): (1)", 0, "follows the frames"),
    ],
)
def test_what_cannot_be_heard_is_told_at_its_place(text, offset, part):
    with pytest.raises(ExpressionError) as caught:
        compile_value(text, Clock(4, 12), steps=True)
    assert (caught.value.offset, part in caught.value.message) == (offset, True), caught.value.message


def test_unknown_functions_are_told_those_that_hear():
    with pytest.raises(ExpressionError, match="audio, audio_low, audio_high"):
        parse_expression("qqqq(t)")


# Envelopes


def tone(hertz, seconds=2.0, volume=0.5):
    return volume * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


@pytest.mark.parametrize(("hertz", "low", "high"), [(80, 1, 0), (1000, 0, 0), (7000, 0, 1)])
def test_bands_hear_their_own_tones(hertz, low, high):
    got = envelopes(tone(hertz), RATE, 24, 12)
    inside = slice(1, 23)  # where the tone begins or ends there is some of every pitch
    np.testing.assert_allclose(got["audio"][inside], 1, atol=0.01)
    np.testing.assert_allclose(got["audio_low"][inside], low, atol=0.01)
    np.testing.assert_allclose(got["audio_high"][inside], high, atol=0.01)


def test_twenty_decibels_less_are_half():
    loud, soft = tone(440, 1), tone(440, 1, 0.05)
    got = envelopes(np.concatenate([loud, soft, loud * 0]), RATE, 36, 12)["audio"]
    np.testing.assert_allclose([got[6], got[18], got[30]], [1, 0.5, 0], atol=0.005)


def test_a_beat_is_heard_at_its_frame():
    samples = np.zeros(4 * RATE)
    for beat in (0.5, 1.25, 3.0):
        samples[round(beat * RATE) :][:200] = 0.7
    got = envelopes(samples, RATE, 48, 12)["audio"]
    assert np.flatnonzero(got > 0.8).tolist() == [6, 15, 36]
    assert got[[3, 9, 20, 30]].max() == 0


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(RATE), np.full(RATE, 0.4), 1e-6 * tone(500)])
def test_silence_is_nothing(samples):
    got = envelopes(samples, RATE, 20, 24)
    assert {name: values.shape for name, values in got.items()} == dict.fromkeys(SOUNDS, (20,))
    inside = slice(2, 18)  # an offset that is switched on is heard as a click
    assert all((values[inside] == 0).all() for values in got.values())


def test_a_single_bang_does_not_make_all_else_quiet():
    samples = tone(440, 40, 0.1)
    samples[RATE : RATE + 400] *= 9.9
    got = envelopes(samples, RATE, 480, 12)["audio"]
    assert np.median(got) > 0.97


def test_what_a_codec_leaves_in_an_empty_band_is_not_heard():
    got = envelopes(tone(100) + tone(6000, volume=1e-4), RATE, 24, 12)
    assert got["audio_low"][12] == pytest.approx(1, abs=0.01)
    assert not got["audio_high"][1:23].any()


def test_after_the_sound_there_is_silence():
    got = envelopes(tone(300, 1), RATE, 1000, 25)["audio"]
    assert got[10] > 0.99
    assert not got[30:].any()


# Files


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["wav", "m4a", "mp3", "flac", "mkv"])
def test_a_file_is_decoded_in_its_own_time(tmp_path, ending):
    source = clicks(tmp_path / "clicks.wav", [0.2, 0.9, 1.7], 2)
    path = tmp_path / f"sound.{ending}"
    subprocess.run([executable(), "-v", "error", "-y", "-i", source, path], check=True)
    np.testing.assert_allclose(onsets(decode(path), RATE), [0.2, 0.9, 1.7], atol=0.005)
    part = decode(path, start_at=0.5, seconds=0.75)
    assert part.dtype == np.float32
    assert len(part) == pytest.approx(0.75 * RATE, abs=1)
    np.testing.assert_allclose(onsets(part, RATE), [0.4], atol=0.005)
    assert len(decode(path, start_at=9)) == 0


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_sound_that_begins_after_the_pictures_stays_there(tmp_path, ending):
    pictures, sound = film(tmp_path / "film.mp4"), clicks(tmp_path / "clicks.wav", [0.3, 1.0], 1.5)
    path = tmp_path / f"late.{ending}"
    late = ["-i", pictures, "-itsoffset", "0.4", "-i", sound, "-map", "0", "-map", "1", "-c:v", "copy"]
    subprocess.run([executable(), "-v", "error", *late, path], check=True)
    np.testing.assert_allclose(onsets(decode(path), RATE), [0.7, 1.4], atol=0.005)
    assert with_sound(pictures, path, tmp_path / "target.mp4", start_at=0.5, seconds=2)
    np.testing.assert_allclose(
        onsets(decode(tmp_path / "target.mp4", rate=48000), 48000), [0.2, 0.9], atol=0.005
    )


def test_files_without_sound(tmp_path):
    silent, no_film = film(tmp_path / "film.mp4"), tmp_path / "sound.mp3"
    no_film.write_text("no sound")
    assert not has_sound(silent)
    with pytest.raises(UsageError, match="has no sound; name"):
        decode(silent)
    for path in (no_film, tmp_path / "absent.wav"):
        with pytest.raises(UsageError, match="cannot be read as sound") as caught:
            decode(path)
        assert "\n" not in str(caught.value)


# Under the film


@pytest.mark.vital
@pytest.mark.slow
@pytest.mark.parametrize(("codec", "ending"), [("h264", "mp4"), ("hevc", "mp4"), ("prores", "mov")])
def test_sound_is_in_time(tmp_path, codec, ending):
    plain, target = tmp_path / f"film.{ending}", tmp_path / f"with.{ending}"
    frames = [np.full((32, 64, 3), 8 * frame, np.uint8) for frame in range(24)]
    write_codec(plain, frames, 12, codec, preset="ultrafast")
    sound = clicks(tmp_path / "clicks.wav", [0.1, 0.8, 1.6, 2.4, 3.3], 4)
    assert with_sound(plain, sound, target, start_at=0.7, seconds=2)
    samples = decode(target, rate=48000)
    np.testing.assert_allclose(onsets(samples, 48000), [0.1, 0.9, 1.7], atol=0.005)
    assert len(samples) == 96000
    assert probe(target) == probe(plain)
    for before, after in zip(read_frames(plain), read_frames(target), strict=True):
        np.testing.assert_array_equal(before, after)
    assert {file.name for file in tmp_path.iterdir()} == {plain.name, target.name, sound.name}


@pytest.mark.slow
def test_short_sound_ends_in_silence(tmp_path):
    path, sound = film(tmp_path / "film.mp4"), clicks(tmp_path / "clicks.wav", [0.3], 0.5)
    for start_at, expected in ((0.0, [0.3]), (0.1, [0.2]), (3.0, [])):
        target = tmp_path / "target.mp4"
        assert with_sound(path, sound, target, start_at=start_at, seconds=2)
        samples = decode(target, rate=48000)
        assert len(samples) == 96000
        np.testing.assert_allclose(onsets(samples, 48000), expected, atol=0.005)


@pytest.mark.slow
def test_many_channels_become_two_and_one_stays_one(tmp_path):
    path = film(tmp_path / "film.mp4")
    for channels, told in ((1, "mono"), (2, "stereo"), (6, "stereo")):
        sound = wav(tmp_path / "sound.wav", np.full((4800, channels), 0.1))
        with_sound(path, sound, tmp_path / "target.mp4", start_at=0, seconds=2)
        say = [executable(), "-hide_banner", "-i", tmp_path / "target.mp4"]
        assert f"48000 Hz, {told}" in subprocess.run(say, capture_output=True, text=True).stderr


@pytest.mark.parametrize("change", [2.0, 0.25])
def test_sound_keeps_up_with_a_faster_or_slower_film(tmp_path, change):
    path, target = film(tmp_path / "film.mp4", frames=24), tmp_path / "target.mp4"
    times = change * np.array([0.5, 1.5])
    samples = np.zeros(round(2 * change * 48000))
    for time in times:
        at = round(time * 48000)
        samples[at : at + 4800] = 0.8 * np.sin(np.arange(4800) * 0.1)[: len(samples) - at]
    sound = wav(tmp_path / "sound.wav", samples)
    assert with_sound(path, sound, target, start_at=0, seconds=2, rate_change=change)
    got = decode(target, rate=48000)
    assert len(got) == 96000
    loud, late = np.flatnonzero(np.abs(got) > 0.3) / 48000, 0.03 / min(change, 1)
    assert loud.min() == pytest.approx(0.5, abs=late)
    assert loud[loud > 1].min() == pytest.approx(1.5, abs=late)


@pytest.mark.slow
def test_two_runs_give_the_same_bytes_and_a_film_can_be_replaced(tmp_path):
    sound = clicks(tmp_path / "clicks.wav", [0.3, 1.1], 3)
    one, two = (film(tmp_path / name) for name in ("one.mp4", "two.mp4"))
    for path in (one, two):
        assert with_sound(path, sound, path, start_at=0.2, seconds=2)
    assert one.read_bytes() == two.read_bytes()
    assert has_sound(one)
    assert b"Lav" not in one.read_bytes()  # no version of a program, which another one would change
    assert one.read_bytes().index(b"moov") < one.read_bytes().index(b"mdat")


def test_a_source_without_sound_leaves_the_film_as_it_was(tmp_path):
    path, other = film(tmp_path / "film.mp4"), film(tmp_path / "other.mp4", frames=2)
    before = path.read_bytes()
    assert not with_sound(path, other, path, start_at=0, seconds=2)
    assert not with_sound(path, other, tmp_path / "target.mp4", start_at=0, seconds=2)
    assert before == path.read_bytes() == (tmp_path / "target.mp4").read_bytes()


# Scenes


SCENE = """\
mode: 3d
size: [64, 64]
frames: 24
fps: 12
prompts: [a lighthouse]
camera:
  translation_z: 10 + 40*audio_low(t)
output:
  audio: beat.wav
  audio_start: 0.5
"""


def beat(folder):
    """Write two seconds of silence with a bass note from 1 s to 1.5 s."""
    samples = np.zeros(96000)
    samples[48000:72000] = 0.5 * np.sin(np.arange(24000) * 2 * np.pi * 80 / 48000)
    wav(folder / "beat.wav", samples)


@pytest.mark.slow
def test_a_camera_moves_with_the_sound(read, tmp_path):
    beat(tmp_path)
    values = read(SCENE).timeline.table["camera.translation_z"].to_numpy()
    assert values.shape == (24,)
    np.testing.assert_allclose(values[7:11], 50, atol=0.5)  # 1 s of the sound is half a second of the film
    np.testing.assert_allclose(values[[0, 1, 2, 3, 14, 18, 23]], 10, atol=0.01)


def test_faults_of_sounds_in_scenes(fault, tmp_path):
    assert fault(SCENE) == "9:10: output.audio: no such file: beat.wav"
    (tmp_path / "beat.wav").write_text("nothing")
    assert fault(SCENE).startswith("9:10: output.audio: beat.wav: cannot be read as sound")
    film(tmp_path / "beat.wav.mp4")
    (tmp_path / "beat.wav.mp4").replace(tmp_path / "beat.wav")
    assert fault(SCENE).startswith("9:10: output.audio: beat.wav: has no sound")
    without = SCENE[: SCENE.index("output:")]
    place, _, message = fault(without).partition(": audio_low() ")
    assert place == "7:26: camera.translation_z"
    assert message == "needs a sound, and the scene names none: set output.audio"


def test_a_sound_that_nothing_hears_is_not_read(read, tmp_path, monkeypatch):
    beat(tmp_path)
    monkeypatch.setenv("ANIMATOR_FFMPEG", "no-such-program")
    scene = SCENE.replace("10 + 40*audio_low(t)", "10 + t")
    assert read(scene).timeline.table["camera.translation_z"][23] == 33


def test_a_film_is_not_lost_to_its_sound(tmp_path, monkeypatch, caplog):
    """What fails when the frames are finished leaves them a silent film, and is reported."""
    source, plain, target = tmp_path / "tone.wav", tmp_path / "film.mp4", tmp_path / "out.mp4"
    wav(source, np.zeros(48000))
    film(plain)
    monkeypatch.setattr(mux, "_tempos", lambda change: [1000.0])
    assert not with_sound(plain, source, target, start_at=0, seconds=1)
    assert target.read_bytes() == plain.read_bytes()
    assert "has no sound: that of" in caplog.text
    assert str(source) in caplog.text


@pytest.mark.slow
def test_sound_more_than_a_hundred_times_as_fast(tmp_path):
    source, plain, target = tmp_path / "tone.wav", tmp_path / "film.mp4", tmp_path / "out.mp4"
    wav(source, 0.5 * np.sin(np.arange(480000) * 2 * np.pi * 440 / 48000))
    film(plain)
    assert with_sound(plain, source, target, start_at=0, seconds=1, rate_change=120)
    assert probe(target).frames == probe(plain).frames
    assert len(decode(target, rate=48000)) == pytest.approx(48000, abs=2100)
