"""The films of a run: the one that grows with the frames, and those that are made of them at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

import numpy as np

from animator.film.stylise import followed
from animator.flow.load import load_flow
from animator.run.footage import clip_of
from animator.run.job import Job
from animator.run.persist import EYES
from animator.runs import RunFolder
from animator.runs.png import encode_png
from animator.runs.read_frames import read_frames
from animator.scene.footage_reading import open_footage_of
from animator.scene.reading import LoadedScene
from animator.settings.scene import Scene
from animator.video.film import FilmWriter, frame_rate
from animator.video.finishing import finished_film
from animator.video.formats import SUFFIX, write_codec, write_gif, write_webp
from animator.video.interpolate import between, by_ffmpeg
from animator.video.mux import with_sound
from animator.video.stereo_film import Encoding, pack, write_packed, write_vr180

if TYPE_CHECKING:
    from torch import Tensor

    from animator.types import Flow

Tell = Callable[[str], None]
"""Is told the name of each film before it is made."""

BOX_FOV = 90.0
"""Degrees before the eye that a picture of Disco's box space fills, which has no angle of its own."""


class GrowingFilms:
    """The films that grow with every frame of a run; none for stills.

    As a context manager it ends them whatever happens inside the block.

    Args:
        run: where they go.
        loaded: the scene.
    """

    def __init__(self, run: RunFolder, loaded: LoadedScene) -> None:
        scene = loaded.scene
        self.path = film_path(run, loaded)
        self._every = {self.path: 1} if scene.mode != "still" else {}
        if self._every and scene.output.film_every > 1:
            count = scene.output.film_every
            self._every[beside(self.path, f"every{count}")] = count
        self._scene = scene
        self._stack = ExitStack()
        self._writers: list[tuple[FilmWriter, int]] = []

    def add(self, frame: int, pixels: np.ndarray) -> None:
        """Append a frame, H x W x 3, to each film in which it is."""
        for writer, every in self._writers:
            if frame % every == 0:
                writer.add(pixels)

    def finish(self) -> None:
        """End the films: all frames are in them."""
        self._stack.close()

    def __enter__(self) -> GrowingFilms:
        """Start the encoders."""
        scene, output = self._scene, self._scene.output
        with ExitStack() as stack:
            for path, every in self._every.items():
                film = FilmWriter(
                    path,
                    *scene.size,
                    frame_rate(scene.fps),
                    crf=output.crf,
                    preset=output.preset,
                    ten_bits=output.ten_bits,
                )
                self._writers.append((stack.enter_context(film), every))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the films, or after an exception abort them."""
        self._stack.__exit__(kind, error, trace)


def film_path(run: RunFolder, loaded: LoadedScene) -> Path:
    """Return where the film of a run is."""
    return run.film_file(loaded.scene.output.film or loaded.name)


def shows_frames(loaded: LoadedScene) -> bool:
    """Tell whether the finished film of a scene shows the frames as they are, not blended."""
    return loaded.scene.mode != "video" or loaded.scene.video.finish == "none"


def beside(film: Path, word: str, suffix: str | None = None) -> Path:
    """Return the path of a film that is made beside another.

    >>> beside(Path("sea.mp4"), "60fps").name
    'sea-60fps.mp4'
    """
    return film.with_name(f"{film.stem}-{word}{suffix or film.suffix}")


def make_outputs(job: Job, tell: Tell) -> Path:
    """Make the films that a scene asks for besides the one that grew, and put sound under all of them.

    Args:
        job: the scene, all of whose frames are finished.
        tell: told of each.

    Returns:
        The film that a user will want to open.
    """
    scene, film = job.loaded.scene, film_path(job.run, job.loaded)
    output, fps = scene.output, frame_rate(scene.fps)
    frames = _Frames(job)
    made = [film]
    if not shows_frames(job.loaded):
        tell(film.name)
        write_codec(film, frames(), fps, "h264", crf=output.crf, preset=output.preset)
    if output.interpolate_to is not None:
        smooth = beside(film, f"{output.interpolate_to:g}fps")
        tell(smooth.name)
        _interpolate(job, frames, film, smooth)
        made.append(smooth)
    for wanted, suffix, write in ((output.gif, ".gif", write_gif), (output.webp, ".webp", write_webp)):
        if wanted:
            tell(film.with_suffix(suffix).name)
            write(film.with_suffix(suffix), frames(), fps)
    if output.codec != "h264":
        main = film.with_suffix(SUFFIX[output.codec])
        tell(main.name)
        write_codec(main, frames(), fps, output.codec, crf=output.crf, preset=output.preset)
        made.insert(0, main)
    for path in dict.fromkeys(made):
        _put_sound(job, path)
    if scene.vr.enabled:
        _make_stereo(job, film, tell)
    return made[0]


class _Frames:
    """The frames of a run as its film shows them, from the first on, each time they are asked for.

    Args:
        job: the scene, all of whose frames are finished.
    """

    def __init__(self, job: Job) -> None:
        self._job = job

    def __call__(self) -> Iterator[np.ndarray]:
        job, video = self._job, self._job.loaded.scene.video
        kept = read_frames(job.run, range(job.shot.pictures), deep=True)
        if shows_frames(job.loaded):
            yield from kept
            return
        with clip_of(job) as clip:

            def back(number: int) -> tuple[Flow, Tensor | None]:
                flows = clip.flows
                assert flows is not None
                forward, backward = flows(number, clip.frame(number - 1), clip.frame(number))
                return backward, followed(forward, backward, clip.trust)

            followed_flow = video.finish == "flow" and clip.flows is not None
            how: Literal["linear", "flow"] = "flow" if followed_flow else "linear"
            yield from finished_film(kept, how, video.finish_blend, back, clip.cuts)


def _interpolate(job: Job, frames: _Frames, film: Path, smooth: Path) -> None:
    output, fps = job.loaded.scene.output, frame_rate(job.loaded.scene.fps)
    assert output.interpolate_to is not None
    target = frame_rate(output.interpolate_to)
    if output.interpolate_by == "ffmpeg":
        by_ffmpeg(film, smooth, target, crf=output.crf, preset=output.preset)
        return
    flow = job.tools.flow or load_flow("dis")
    pictures = between(frames(), fps, target, flow)
    write_codec(smooth, pictures, target, "h264", crf=output.crf, preset=output.preset)


def sound_of(scene: Scene) -> tuple[Path, float, float] | None:
    """Return the sound of a scene, at which second of it the film begins, and how much faster it goes."""
    if scene.output.audio is not None:
        return Path(scene.output.audio), scene.output.audio_start, 1.0
    if scene.mode != "video" or not scene.video.sound:
        return None
    footage = open_footage_of(scene)
    change = float(frame_rate(scene.fps) / footage.fps)
    return (footage.path, footage.start, change) if footage.sound else None


def _put_sound(job: Job, film: Path) -> None:
    sound, scene = sound_of(job.loaded.scene), job.loaded.scene
    if sound is None:
        return
    path, start_at, change = sound
    seconds = job.shot.pictures / frame_rate(scene.fps)
    with_sound(film, path, film, start_at=start_at, seconds=float(seconds), rate_change=change)


def _make_stereo(job: Job, film: Path, tell: Tell) -> None:
    """Make the films for two eyes."""
    scene, run = job.loaded.scene, job.run
    vr, output = scene.vr, scene.output
    numbers = range(job.shot.pictures)
    sound = sound_of(scene)
    encoding = Encoding(
        fps=frame_rate(scene.fps),
        codec=vr.vr180_codec,
        crf=output.crf,
        preset=output.preset,
        audio=sound[0] if sound else None,
        audio_start=sound[1] if sound else 0.0,
        rate_change=sound[2] if sound else 1.0,
    )

    def eye(name: str) -> Iterator[np.ndarray]:
        return read_frames(run, numbers, name)

    for layout in dict.fromkeys(vr.layouts):
        if layout == "left_right":
            for name in EYES:
                path = beside(film, name)
                tell(path.name)
                write_codec(path, eye(name), encoding.fps, "h264", crf=output.crf, preset=output.preset)
                _put_sound(job, path)
            continue
        pairs = zip(*map(eye, EYES), strict=True)
        path = beside(film, "180_LR" if layout == "vr180" else layout.replace("_", "-"))
        tell(path.name)
        if layout != "vr180":
            write_packed(path, pairs, layout, encoding)
            continue
        boxed = scene.warp.projection == "disco"
        rows = map(job.loaded.timeline.row, numbers)
        fovs = (vr.vr180_fov or (BOX_FOV if boxed else row["camera.fov"]) for row in rows)
        write_vr180(path, pairs, encoding, fovs=fovs, size=vr.vr180_size, edge=vr.vr180_edge)


def make_still_pairs(job: Job, numbers: Iterable[int]) -> None:
    """Write what two eyes see of each still in one picture, in a folder for each layout that is a picture."""
    vr, run = job.loaded.scene.vr, job.run
    for layout in dict.fromkeys(vr.layouts) if vr.enabled else ():
        if layout == "left_right" or layout == "vr180":
            continue
        for number in numbers:
            left, right = (run.read_frame(number, name) for name in EYES)
            packed = encode_png(pack(left, right, layout), {})
            run.write(f"{layout}/{run.frame_file(number).name}", packed)
