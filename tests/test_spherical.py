"""The metadata of VR180: written, read back by another parser and by ffmpeg, and nothing else changed."""

from __future__ import annotations

import dataclasses
import io
import os
import struct
import subprocess

import pytest

from animator.errors import FilmError
from animator.video import spherical
from animator.video.boxes import Box, box, boxes_between, boxes_of_file, changed, child, children, full_box
from animator.video.ffmpeg import executable
from animator.video.spherical import write_stereo_metadata, write_vr180_metadata
from animator.video.spherical_reader import Apple, Spherical, read_spherical

VR180 = Spherical(
    "left_right", "animator", "equirectangular", (0.0, 0.0, 0.0), (0, 0, 0x3FFFFFFF, 0x3FFFFFFF)
)


def ffmpeg(*arguments):
    done = subprocess.run(
        [executable(), "-hide_banner", "-nostdin", "-y", *map(str, arguments)], capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def make(path, *, sound=True, front=True, codec="libx264", first="v", extra=()):
    inputs = ["-f", "lavfi", "-i", "testsrc2=s=128x64:r=12:d=1"]
    if sound:
        inputs += ["-f", "lavfi", "-i", "sine=440:d=1"]
    maps = ["-map", "0:v"] + (["-map", "1:a"] if sound else [])
    if first == "a":
        maps = maps[2:] + maps[:2]
    flags = ["-movflags", "+faststart"] if front else []
    quick = ["-preset", "ultrafast"] if codec.startswith("lib") else []
    status, _, said = ffmpeg(*inputs, *maps, "-c:v", codec, *quick, *flags, *extra, path)
    assert status == 0, said
    return path


def sums(path):
    """A checksum of every decoded picture and every piece of sound, with its time."""
    status, out, said = ffmpeg("-i", path, "-map", "0", "-f", "framemd5", "-")
    assert status == 0, said
    return [line for line in out.splitlines() if not line.startswith("#")]


def payload(path, kind):
    with path.open("rb") as file:
        (one,) = (one for one in boxes_of_file(file) if one.kind == kind)
        file.seek(one.start + one.header)
        return file.read(one.size - one.header)


def kinds(path):
    with path.open("rb") as file:
        return [one.kind for one in boxes_of_file(file)]


@pytest.mark.parametrize("front", [True, False])
@pytest.mark.parametrize(("sound", "first"), [(False, "v"), (True, "v"), (True, "a")])
def test_players_are_told_and_nothing_else_changes(tmp_path, sound, front, first):
    film = make(tmp_path / "film.mp4", sound=sound, front=front, first=first)
    marked = tmp_path / "marked.mp4"
    before = film.read_bytes()
    assert read_spherical(film) is None
    write_vr180_metadata(film, marked, stereo="left_right")
    assert read_spherical(marked) == VR180
    assert film.read_bytes() == before
    assert sums(marked) == sums(film)
    assert (b"soun" in payload(marked, b"moov")) == sound
    assert kinds(marked) == kinds(film)
    assert (kinds(film).index(b"moov") < kinds(film).index(b"mdat")) == front
    assert payload(marked, b"mdat") == payload(film, b"mdat")
    assert sorted(os.listdir(tmp_path)) == ["film.mp4", "marked.mp4"]


def test_ffmpeg_reads_the_eyes_and_the_projection(tmp_path):
    film = make(tmp_path / "film.mp4")
    write_vr180_metadata(film, film, stereo="left_right")
    _, _, said = ffmpeg("-i", film)
    assert "Stereo 3D: side by side, view: packed" in said
    # Left, top, right, bottom in pixels: of the whole sphere half a picture is missing at each side.
    assert "Spherical Mapping: tiled equirectangular [64, 0, 63, 0]" in said


def test_the_bytes_are_those_of_the_specification(tmp_path):
    film = make(tmp_path / "film.mp4")
    write_vr180_metadata(film, film, stereo="left_right")
    eyes = bytes.fromhex("0000000d 73743364 00000000 02")
    header = bytes.fromhex("00000018 70726864 00000000 00000000 00000000 00000000")
    shape = bytes.fromhex("0000001c 65717569 00000000 00000000 00000000 3fffffff 3fffffff")
    proj = bytes.fromhex("0000003c 70726f6a") + header + shape
    source = bytes.fromhex("00000015 73766864 00000000") + b"animator\0"
    sphere = bytes.fromhex("00000059 73763364") + source + proj
    data = film.read_bytes()
    assert data.count(eyes + sphere) == 1
    track = child(payload(film, b"moov"), b"trak", b"mdia", b"minf", b"stbl")
    ((name, entry),) = children(child(track, b"stsd"), fixed=8)
    assert name == b"avc1"
    assert [kind for kind, _ in children(entry, fixed=78)][-2:] == [b"st3d", b"sv3d"]
    assert b"avcC" in [kind for kind, _ in children(entry, fixed=78)]


def test_top_and_bottom(tmp_path):
    film = make(tmp_path / "film.mp4", sound=False)
    write_vr180_metadata(film, film, stereo="top_bottom")
    assert read_spherical(film).stereo_mode == "top_bottom"
    assert "Stereo 3D: top and bottom" in ffmpeg("-i", film)[2]


def test_what_a_film_said_before_is_replaced(tmp_path):
    film = make(tmp_path / "film.mp4")
    once, twice, flat = (tmp_path / f"{name}.mp4" for name in ("once", "twice", "flat"))
    write_vr180_metadata(film, once, stereo="left_right")
    write_vr180_metadata(film, twice, stereo="top_bottom")
    write_vr180_metadata(twice, twice, stereo="left_right")
    assert twice.read_bytes() == once.read_bytes()
    write_stereo_metadata(twice, flat, stereo="left_right")
    assert read_spherical(flat) == Spherical("left_right")
    assert sums(flat) == sums(film)


def test_the_older_xml_is_left_out(tmp_path):
    film = make(tmp_path / "film.mp4", front=False)
    old = box(b"uuid", spherical.SPHERICAL_V1 + b"<rdf:SphericalVideo/>")
    other = box(b"uuid", bytes(16) + b"kept")

    def add(kind, inside):
        return box(kind, inside + old + other) if kind == b"trak" else None

    moov = payload(film, b"moov")
    data = film.read_bytes()
    film.write_bytes(data[: data.index(b"moov") - 4] + box(b"moov", changed(moov, add)))
    write_vr180_metadata(film, film, stereo="left_right")
    kept = [inside for kind, inside in children(child(payload(film, b"moov"), b"trak")) if kind == b"uuid"]
    assert kept == [bytes(16) + b"kept"]


@pytest.mark.parametrize(("tag", "codec"), [("hvc1", "libx265"), ("mp4v", "mpeg4")])
def test_other_codecs(tmp_path, tag, codec):
    extra = ["-tag:v", tag] + (["-x265-params", "log-level=error"] if tag == "hvc1" else [])
    film = make(tmp_path / "film.mp4", codec=codec, extra=extra)
    marked = tmp_path / "marked.mp4"
    write_vr180_metadata(film, marked, stereo="left_right")
    assert read_spherical(marked) == VR180
    assert sums(marked) == sums(film)
    assert tag.encode() in payload(marked, b"moov")


def test_quicktime_films(tmp_path):
    film = make(tmp_path / "film.mov")
    marked = tmp_path / "marked.mov"
    write_vr180_metadata(film, marked, stereo="left_right")
    assert read_spherical(marked) == VR180
    assert sums(marked) == sums(film)


def test_a_list_that_ends_with_zeros_keeps_its_end():
    entry = bytes(78) + box(b"avcC", b"x") + bytes(4)
    new = full_box(b"st3d", b"\2")
    assert spherical._marked(entry, new) == bytes(78) + box(b"avcC", b"x") + new + bytes(4)


def test_long_boxes(tmp_path):
    film = make(tmp_path / "film.mp4", front=False)
    marked = tmp_path / "marked.mp4"
    data = bytearray(film.read_bytes())
    at = data.index(b"mdat") - 4
    assert data[at - 8 : at] == bytes.fromhex("00000008") + b"free"
    (size,) = struct.unpack_from(">I", data, at)
    data[at - 8 : at + 8] = struct.pack(">I4sQ", 1, b"mdat", size + 8)
    moov = payload(film, b"moov")
    data[data.index(b"moov") - 4 :] = box(b"moov", moov, long=True)
    film.write_bytes(data)
    wanted = sums(film)
    write_vr180_metadata(film, marked, stereo="left_right")
    assert sums(marked) == wanted
    assert read_spherical(marked) == VR180
    with marked.open("rb") as file:
        assert [one.header for one in boxes_of_file(file)] == [8, 16, 16]


def test_a_last_box_without_a_size(tmp_path):
    film = make(tmp_path / "film.mp4", front=True)
    wanted = sums(film)
    data = bytearray(film.read_bytes())
    at = data.index(b"mdat") - 4
    data[at : at + 4] = bytes(4)
    film.write_bytes(data)
    write_vr180_metadata(film, film, stereo="left_right")
    assert sums(film) == wanted


def test_offsets_that_outgrow_32_bits(tmp_path):
    payload_of = payload(make(tmp_path / "film.mp4"), b"moov")
    near = (1 << 32) - 20

    def far(kind, inside):
        if kind in (b"trak", b"mdia", b"minf", b"stbl"):
            return box(kind, changed(inside, far))
        if kind == b"stco":
            count = struct.unpack_from(">I", inside, 4)[0]
            return box(kind, inside[:8] + struct.pack(f">{count}I", *range(near, near + count)))
        return None

    moov = changed(payload_of, far)
    index = Box(b"moov", 32, 8, 32 + 8 + len(moov))
    added = full_box(b"st3d", b"\2")
    new = spherical._grown(moov, index, added)
    grown = len(new) - index.size
    tables = 0
    for kind, track in children(new[8:]):
        if kind == b"trak":
            table = child(track, b"mdia", b"minf", b"stbl", b"co64")
            count = struct.unpack_from(">I", table, 4)[0]
            assert struct.unpack_from(f">{count}Q", table, 8) == tuple(
                range(near + grown, near + grown + count)
            )
            tables += count
    assert grown == len(added) + 4 * tables


def test_the_last_offset_that_32_bits_hold():
    table = bytes(4) + struct.pack(">2I", 1, (1 << 32) - 8)
    assert spherical._offsets(b"stco", table, 0, 7) == box(b"stco", table[:8] + b"\xff" * 4)
    wide = table[:8] + struct.pack(">Q", 1 << 32)
    assert spherical._offsets(b"stco", table, 0, 8) == box(b"co64", wide)


def test_chunks_before_the_index_stay():
    table = bytes(4) + struct.pack(">I3I", 3, 40, 499, 500)
    assert spherical._offsets(b"stco", table, 500, 7) == box(
        b"stco", bytes(4) + struct.pack(">I3I", 3, 40, 499, 507)
    )
    table = bytes(4) + struct.pack(">I1Q", 1, 1 << 40)
    assert spherical._offsets(b"co64", table, 500, 7)[-8:] == struct.pack(">Q", (1 << 40) + 7)


def fragmented(path):
    make(path, extra=["-movflags", "frag_keyframe+empty_moov"])


def sound_only(path):
    assert ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", path)[0] == 0


def cut_off(path):
    make(path)
    path.write_bytes(path.read_bytes()[:-100])


def cut_in_the_table(path):
    data = make(path, front=False).read_bytes()
    path.write_bytes(data.replace(b"stco\0\0\0\0\0\0\0", b"stco\0\0\0\0\0\0\xff"))


FAULTS = [
    (fragmented, "the film is fragmented"),
    (sound_only, "the film has no picture track"),
    (cut_off, "the file is damaged: the box 'mdat' at byte"),
    (cut_in_the_table, "the file is damaged: its table of chunks is cut off"),
    (lambda path: path.write_bytes(b"\x1aE\xdf\xa3 a Matroska file, say"), "the file is damaged"),
    (lambda path: path.write_bytes(box(b"ftyp", b"isom")), "it has no box 'moov'"),
    (lambda path: None, "cannot mark the film as stereo: No such file or directory"),
]


@pytest.mark.parametrize(("spoil", "said"), FAULTS)
def test_what_cannot_be_marked_is_told_and_leaves_nothing(tmp_path, spoil, said):
    film, target = tmp_path / "film.mp4", tmp_path / "target.mp4"
    spoil(film)
    target.write_bytes(b"earlier")
    with pytest.raises(FilmError) as caught:
        write_vr180_metadata(film, target, stereo="left_right")
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{film}: ")
    assert "\n" not in str(caught.value)
    assert target.read_bytes() == b"earlier"
    assert set(os.listdir(tmp_path)) <= {"film.mp4", "target.mp4"}


def test_the_reader_knows_other_projections_and_poses(tmp_path):
    film = make(tmp_path / "film.mp4", front=False, sound=False)
    pose = struct.pack(">3i", 90 << 16, -(45 << 16), 1 << 15)
    proj = box(b"proj", full_box(b"prhd", pose) + full_box(b"cbmp", bytes(8)))
    added = full_box(b"st3d", b"\0") + box(b"sv3d", full_box(b"svhd", b"other\0") + proj)
    spherical._rewrite(film, film, added)
    assert read_spherical(film) == Spherical("mono", "other", "cubemap", (90.0, -45.0, 0.5), None)


def test_the_reader_refuses_what_is_no_film(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"no film at all, but some text")
    with pytest.raises(FilmError, match="not an mp4 or mov file"):
        read_spherical(path)
    with pytest.raises(FilmError, match="cannot read the film: No such file"):
        read_spherical(tmp_path / "none.mp4")


def test_half_a_box_is_told():
    with pytest.raises(FilmError, match="half a box at byte 8"):
        list(boxes_between(io.BytesIO(box(b"free", b"") + b"\0\0\1"), 0, 11))


def test_ffmpeg_reads_apples_boxes(tmp_path):
    film = make(
        tmp_path / "film.mp4", codec="libx265", extra=["-tag:v", "hvc1", "-x265-params", "log-level=error"]
    )
    marked = tmp_path / "marked.mp4"
    write_vr180_metadata(film, marked, stereo="left_right", apple=True)
    _, _, said = ffmpeg("-i", marked)
    assert "side by side" in said
    assert "primary eye: left" in said
    assert "baseline: 63000" in said
    assert "horizontal_field_of_view: 180" in said
    assert "half equirectangular" in said
    assert read_spherical(marked) == dataclasses.replace(
        VR180, apple=Apple(("left", "right"), "left", 63000, "hequ", "side", 180.0)
    )
    assert sums(marked) == sums(film)


def test_apples_boxes_are_replaced_too(tmp_path):
    film = make(tmp_path / "film.mp4", sound=False)
    once, twice = tmp_path / "once.mp4", tmp_path / "twice.mp4"
    write_vr180_metadata(film, once, stereo="top_bottom", apple=True)
    assert read_spherical(once).apple.packing == "over"
    write_vr180_metadata(film, twice, stereo="left_right", apple=True)
    write_vr180_metadata(twice, twice, stereo="top_bottom", apple=True)
    assert twice.read_bytes() == once.read_bytes()
    write_vr180_metadata(twice, twice, stereo="left_right")
    assert read_spherical(twice) == VR180


def test_the_bytes_of_apples_boxes(tmp_path):
    film = make(tmp_path / "film.mp4", sound=False)
    write_vr180_metadata(film, film, stereo="left_right", apple=True)
    eyes = bytes.fromhex("0000000d 73747269 00000000 03 0000000d 6865726f 00000000 01")
    baseline = bytes.fromhex("00000018 63616d73 00000010 626c696e 00000000 0000f618")
    shape = bytes.fromhex("00000018 70726f6a 00000010 70726a69 00000000 68657175")
    packing = bytes.fromhex("00000018 7061636b 00000010 706b696e 00000000 73696465")
    view = bytes.fromhex("0000000c 68666f76 0002bf20")
    usage = box(b"vexu", box(b"eyes", eyes + baseline) + shape + packing)
    assert film.read_bytes().count(usage + view) == 1
