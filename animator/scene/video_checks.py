"""Settings of `video` and of the film's sound that contradict one another or their files."""

from __future__ import annotations

from pathlib import Path

from animator.errors import FilmError, Problem, UsageError
from animator.scene.fit import Fit
from animator.settings.base import STILL
from animator.settings.scene import Scene
from animator.system.file_names import file_fault


def check_video(scene: Scene, fit: Fit) -> None:
    """Note a last pass along a flow that the scene does without."""
    name, video = "video.finish", scene.video
    if scene.mode == "video" and video.finish == "flow" and video.flow == "none":
        message = "is flow, but video.flow is none; choose finish: linear, or a flow such as dis"
        fit.report(fit.nodes[name], name, message)


def notice_codec(scene: Scene, fit: Fit) -> list[Problem]:
    """Return a notice of a film that many players refuse."""
    name, output = "output.ten_bits", scene.output
    if not output.ten_bits or output.codec != "h264" or scene.mode == STILL or name not in fit.nodes:
        return []
    message = "H.264 of 10 bits does not play in QuickTime, Firefox and on phones; write output.codec: hevc"
    return [fit.nodes[name].place.problem(name, f"{message}, which plays there, or leave ten_bits out")]


def check_audio(scene: Scene, fit: Fit) -> list[Problem]:
    """Note a sound that cannot be read, and return a notice of one that is not heard as it is."""
    name, audio = "output.audio", scene.output.audio
    if audio is None or scene.mode == STILL or name not in fit.nodes or name in fit.faulty:
        return []
    if file_fault(audio, net=False):  # which `check_scene` reports
        return []
    # Imported here because most scenes have no sound and their check shall be quick.
    from animator.video.sound import heard_in, lasts_to, unheard

    node = fit.nodes[name]
    try:
        heard = heard_in(Path(audio))
    except UsageError as error:
        fit.report(node, name, str(error))
        return []
    except FilmError:  # there is no ffmpeg, which is reported where a film is to be made
        return []
    if heard.stream is None:
        fit.report(node, name, f"{unheard(heard)}; name a sound or a film with one")
        return []
    begins = scene.output.audio_start
    if begins and "output.audio_start" not in fit.faulty and not lasts_to(Path(audio), heard.stream, begins):
        message = f"is {begins:g} s, and the sound of {Path(audio).name} has ended by then; begin earlier"
        fit.report(fit.nodes["output.audio_start"], "output.audio_start", message)
    if not heard.passed:
        return []
    codecs = ", ".join(dict.fromkeys(heard.passed))
    return [node.place.problem(name, f"its first sound ({codecs}) cannot be decoded; the next one is taken")]
