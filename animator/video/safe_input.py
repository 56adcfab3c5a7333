"""Films and sounds of strangers as inputs of ffmpeg: one file is opened, and nothing that it refers to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ffmpeg

from animator.video.ffmpeg import named

FILMS = (
    "mov matroska avi mpeg mpegts mpegvideo m4v h261 h263 h264 hevc vvc av1 obu ivf flv asf ogg mxf nut rm "
    "dv yuv4mpegpipe mjpeg mpjpeg wtv gxf vc1 vc1test dnxhd cavsvideo dirac swf nsv roq smk bink flic nuv kux"
)
SOUNDS = (
    "wav w64 flac mp3 aac ac3 ac4 eac3 dts dtshd truehd mlp aiff au caf amr amrnb amrwb ape wv tta tak mpc "
    "mpc8 loas latm voc oma rso sox spdif"
)
PICTURES = "gif apng webp_anim png_pipe jpeg_pipe webp_pipe bmp_pipe tiff_pipe"
FORMATS = ",".join(f"{FILMS} {SOUNDS} {PICTURES}".split())
"""Containers that are read. Not among them are those that name other files or addresses (playlists such as
HLS, DASH, concat and IMF, sequences of pictures, SDP, VobSub) and those that make pictures of any text."""

NOT_ALLOWED = "not on whitelist"
"""What ffmpeg prints of a container that is not among `FORMATS`."""

EXPLAINED = (
    "a playlist or a rare kind of file, which is not opened; name the film or sound itself, such as an .mp4"
)


def safe_input(path: Path, **options: Any) -> Any:
    """Return a film or sound as an input of a graph.

    Args:
        path: the file. However it is called, it is opened as a file: never as an address, a pattern or an
            option.
        options: of ffmpeg, more of them.
    """
    return ffmpeg.input(
        named(path), protocol_whitelist="file,crypto,data", format_whitelist=FORMATS, **options
    )
