"""Regions: how masks are drawn, and what they change."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from animator.errors import SceneError
from animator.film.loop import film, move
from animator.film.regions import along, held_in_place, masks_of, shaped
from animator.film.state import LoopState, Track
from animator.film.turbo import turbo_film
from animator.run.job import shot_of
from animator.run.loop_state import restored, saved_state
from animator.run.sources import Sources, gather
from animator.scene.reading import read_scene
from animator.system.rng import generator
from tests.test_loop import Recorder

SIZE = 64
LEFT = torch.zeros(SIZE, SIZE)
LEFT[:, : SIZE // 2] = 1

BASE = """
version: 1
prompts: a sea
mode: 2d
frames: 4
size: [64, 64]
seed: 7
models: fake
coherence: {color_coherence: 0}
"""


def scene(folder, text, *overrides):
    path = folder / "scene.yaml"
    path.write_text(BASE + text)
    return read_scene(path, overrides)


def shot(loaded):
    return shot_of(loaded, gather(loaded))


def masks(loaded, frame=0, depth=None, moved=None):
    return masks_of(shot(loaded).regions, loaded.timeline.row(frame), depth, moved)


def noise(name):
    return torch.rand(3, SIZE, SIZE, generator=generator(1, 2, name))


def write(path, mask):
    cv2.imwrite(str(path), (np.asarray(mask) * 255).round().astype(np.uint8))


# how masks are drawn


def test_a_formula_reads_the_place_and_the_frame(tmp_path):
    loaded = scene(
        tmp_path, 'regions: {a: {formula: "(x < 0.5) & (t < 2)"}, b: {formula: "y", keep: true}}\n'
    )
    drawn = masks(loaded)
    assert torch.equal(drawn["a"], LEFT)
    assert not masks(loaded, 2)["a"].any()
    assert torch.allclose(drawn["b"][:, 0], (torch.arange(SIZE) + 0.5) / SIZE)


def test_a_picture_is_white_inside_and_its_opaque_part_too(tmp_path):
    write(tmp_path / "left.png", LEFT)
    rgba = np.full((SIZE, SIZE, 4), 90, np.uint8)
    rgba[..., 3] = (LEFT * 255).byte().numpy()
    cv2.imwrite(str(tmp_path / "cut.png"), rgba)
    loaded = scene(
        tmp_path, "regions: {a: {file: left.png}, b: {alpha: cut.png}, c: {file: left.png, invert: true}}\n"
    )
    drawn = masks(loaded)
    assert torch.equal(drawn["a"], LEFT)
    assert torch.allclose(drawn["b"], LEFT, atol=1e-5)
    assert torch.equal(drawn["c"], 1 - LEFT)


def test_a_folder_has_a_mask_for_each_frame(tmp_path):
    (tmp_path / "masks").mkdir()
    for number in range(4):
        write(tmp_path / "masks" / f"{number}.png", torch.full((SIZE, SIZE), number / 3))
    loaded = scene(tmp_path, "regions: {a: {file: masks, keep: true}}\n")
    taken = shot(loaded)
    values = [float(masks_of(taken.regions, loaded.timeline.row(n))["a"].mean()) for n in range(4)]
    assert values == pytest.approx([0, 1 / 3, 2 / 3, 1], abs=0.01)


def test_a_range_of_depths_is_measured_where_the_depth_is_known(tmp_path):
    loaded = scene(tmp_path, 'regions: {near: {depth: "< 3"}, band: {depth: "2..5"}}\n', "mode=3d")
    assert masks(loaded) == {}
    depth = torch.linspace(1, 6, SIZE).expand(SIZE, SIZE)
    drawn = masks(loaded, depth=depth)
    assert torch.equal(drawn["near"], (depth <= 3).float())
    assert torch.equal(drawn["band"], ((depth >= 2) & (depth <= 5)).float())


@pytest.mark.parametrize(("grow", "edge"), [(0, 32), (5, 37), (-5, 27)])
def test_a_mask_grows_and_shrinks_by_pixels(grow, edge):
    assert int(shaped(LEFT, grow, 0)[32].sum()) == edge


def test_an_edge_fades_over_as_many_pixels_half_of_them_inside():
    row = shaped(LEFT, 0, 16)[32]
    soft = ((row > 0) & (row < 1)).nonzero().flatten()
    assert 14 <= len(soft) <= 17
    assert abs(float(soft.float().mean()) - 31.5) < 1
    assert float(row.sum()) == pytest.approx(32, abs=0.01)
    assert (row.diff() <= 0).all()


@pytest.mark.parametrize(("feather", "soft"), [(0, 0), (1, 0), (2, 2), (4, 4), (5, 6), (6, 6), (12, 12)])
def test_a_narrow_edge_fades_over_its_pixels_too(feather, soft):
    row = shaped(LEFT, 0, feather)[32]
    assert int(((row > 1e-4) & (row < 1 - 1e-4)).sum()) == soft
    assert float(row.sum()) == pytest.approx(32, abs=0.01)


def test_a_region_of_no_strength_is_not_there(tmp_path):
    loaded = scene(
        tmp_path, 'regions: {a: {formula: "1", keep: true, strength: "0: (0), 1: (0), 2: (0.5)"}}\n'
    )
    assert masks(loaded, 1) == {}
    assert set(masks(loaded, 2)) == {"a"}


# what they change in what the engine is asked


def asked(tmp_path, text, *overrides, turbo=False):
    loaded = scene(tmp_path, text, *overrides)
    engine, driven = Recorder(0.3), shot(loaded)
    frames = list((turbo_film if turbo else film)(loaded.timeline, driven, engine, None, LoopState()))
    return engine.requests, frames


def test_a_region_says_how_much_is_skipped_there(tmp_path):
    text = """regions:
  a: {formula: "x < 0.5", skip_steps: 90%}
  b: {formula: "y < 0.5", skip_steps: 20%, strength: 0.5}
"""
    requests, _ = asked(tmp_path, text)
    assert requests[0].keep_map is None  # it begins with noise
    kept = requests[1].keep_map
    corners = [float(kept[y, x]) for y, x in ((63, 0), (63, 63), (0, 63), (0, 0))]
    assert corners == pytest.approx([0.9, 0.74, 0.47, 0.55])


def test_without_regions_nothing_is_said_of_them(tmp_path):
    requests, _ = asked(tmp_path, "")
    assert all(one.keep_map is None and not one.regions for one in requests)


def test_what_is_still_does_not_move(tmp_path):
    text = 'camera: {translation_x: 8}\nregions: {sky: {formula: "y < 0.5", still: true}}\n'
    requests, frames = asked(tmp_path, text)
    for request, before in zip(requests[1:], frames, strict=False):
        assert torch.equal(request.init[:, :32], before.picture[:, :32])
        assert torch.allclose(request.init[:, 32:, 8:], before.picture[:, 32:, :-8], atol=1e-5)
        assert not request.uncovered[:32].any()
        assert request.uncovered[32:, :8].all()


def test_noise_and_depth_stay_with_what_is_still():
    still, before, moved = LEFT, noise("before"), Track(noise("moved"), torch.full((SIZE, SIZE), 5.0))
    own = torch.full((SIZE, SIZE), 2.0)
    grid = torch.full((SIZE, SIZE, 2), 0.9)
    uncovered = torch.ones(SIZE, SIZE, dtype=torch.bool)
    track, mask, where = held_in_place(still, before, own, moved, uncovered, grid)
    assert torch.equal(track.picture[:, :, :32], before[:, :, :32])
    assert torch.equal(track.picture[:, :, 32:], moved.picture[:, :, 32:])
    assert torch.equal(track.depth, torch.where(still > 0.5, own, moved.depth))
    assert torch.equal(mask, still <= 0.5)
    assert where[5, 7].tolist() == pytest.approx([15 / 64 - 1, 11 / 64 - 1])
    assert where[5, 40].tolist() == pytest.approx([0.9, 0.9])


@pytest.mark.parametrize("turbo", [False, True])
def test_a_mask_follows_the_picture(tmp_path, turbo):
    text = 'camera: {translation_x: 4}\nregions: {a: {formula: "x < 0.5", follow: true, keep: true}}\n'
    extra = ("turbo={steps: 2, preroll: 0}", "frames=5") if turbo else ()
    requests, frames = asked(tmp_path, text, *extra, turbo=turbo)
    last = requests[-1].keep_map
    moves = requests[-1].frame * 4
    assert int((last[32] == 1).sum()) == 32  # it came in from the left with nothing behind it
    assert (last[32, moves : moves + 32] == 1).all()
    assert torch.equal(frames[-1].state.track.masks["a"], last >= 1) or turbo


def test_a_mask_follows_the_picture_while_it_has_no_strength(tmp_path):
    text = (
        'regions: {a: {formula: "abs(x - 0.3) < 0.1", follow: true, keep: true, strength: STRENGTH}}\n'
        "camera: {translation_x: 4}\n"
    )
    always, _ = asked(tmp_path, text.replace("STRENGTH", "1"))
    at_times, _ = asked(tmp_path, text.replace("STRENGTH", '"0: (1), 1: (0), 2: (0), 3: (1)"'))
    assert at_times[2].keep_map is None
    assert torch.equal(at_times[3].keep_map, always[3].keep_map)
    late = text.replace("STRENGTH", '"0: (0), 2: (0), 3: (1)"')
    assert torch.equal(asked(tmp_path, late)[0][3].keep_map, always[3].keep_map)
    assert inputs(tmp_path, late)[0] != inputs(tmp_path, late.replace("0.3", "0.4"))[0]


def test_a_mask_moves_as_the_picture_does(tmp_path):
    loaded = scene(tmp_path, "camera: {angle: 3, zoom: 1.1}\n")
    driven = shot(loaded)
    picture = LEFT.expand(3, -1, -1)
    track, _ = move(Track(picture, masks={"a": LEFT}), loaded.timeline.row(1), driven, None, _Quiet())
    inside = (slice(16, 48), slice(16, 48))
    assert (track.masks["a"][inside] - track.picture[0][inside]).abs().mean() < 0.02
    assert along({"a": LEFT}, None)["a"] is LEFT


class _Quiet:
    def stage(self, *_):
        pass

    def made(self, *_):
        pass


def test_masks_that_follow_are_part_of_the_state():
    state = LoopState(3, Track(noise("x"), masks={"a": LEFT}))
    tensors, meta = saved_state(state)
    again = restored(tensors, meta, torch.device("cpu"))
    assert torch.equal(again.track.masks["a"], LEFT)


def test_what_a_frame_starts_from_is_pasted_over_it(tmp_path):
    text = 'regions: {a: {formula: "x < 0.5", paste: true, strength: 0.5}}\n'
    requests, frames = asked(tmp_path, text)
    init, painted = requests[1].init, frames[1].picture
    fresh = Recorder(0.3).paint(requests[1])
    assert torch.allclose(painted[:, :, :32], (init + fresh)[:, :, :32] / 2, atol=1e-6)
    assert torch.equal(painted[:, :, 32:], fresh[:, :, 32:])


def test_the_noise_on_an_init_differs_by_region(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((SIZE, SIZE, 3), 128, np.uint8))
    text = """diffusion: {init_image: grey.png, init_noise: 0.02, skip_steps: 50%}
regions: {a: {formula: "x < 0.5", init_noise: 0.1, skip_steps: 10%}}
"""
    requests, _ = asked(tmp_path, text)
    init = requests[0].init
    assert float(init[:, :, :32].std()) == pytest.approx(0.1, rel=0.1)
    assert float(init[:, :, 32:].std()) == pytest.approx(0.02, rel=0.1)
    assert float(requests[0].keep_map[0, 0]) == pytest.approx(0.1)
    assert float(requests[0].keep_map[0, 63]) == pytest.approx(0.5)


# what is refused, and what is noticed


def faults(tmp_path, text, *overrides):
    with pytest.raises(SceneError) as caught:
        scene(tmp_path, text, *overrides)
    return [(one.line, f"{one.key}: {one.message}") for one in caught.value.problems]


@pytest.mark.parametrize(
    ("region", "told"),
    [
        ("{keep: true}", "regions.a: has no mask; write one of"),
        ('{file: a.png, formula: "x"}', "regions.a: has file and formula; write one of"),
        ("{file: none.png}", "regions.a.file: no such file"),
        ('{formula: "x <"}', "regions.a.formula: "),
        ('{formula: "foo(x)"}', "regions.a.formula: unknown function 'foo'"),
        ('{depth: "3 metres"}', 'a range of depths is written "< 3"'),
        ('{depth: "< 3"}', "regions.a.depth: is known in mode 3d alone"),
        ('{formula: "1", keep: true, skip_steps: 20%}', "regions.a.skip_steps: is given beside keep"),
        ('{formula: "1", strength: 2}', "regions.a.strength: expected a number from 0 to 1"),
        (
            '{formula: "1", strength: "0: (2)"}',
            "regions.a.strength: expected a number from 0 to 1",
        ),
        ('{formula: "1", skip_steps: 150%}', "regions.a.skip_steps: expected a number from 0 to 100"),
        ('{formula: "1", colour: red}', "regions.a.colour"),
    ],
)
def test_a_fault_is_named_at_its_place(tmp_path, region, told):
    found = faults(tmp_path, f"regions:\n  a: {region}\n")
    assert any(told in message for _, message in found), found
    assert all(line == 11 for line, _ in found)


def test_a_film_of_masks_that_is_too_short_is_refused(tmp_path):
    (tmp_path / "masks").mkdir()
    write(tmp_path / "masks" / "0.png", LEFT)
    found = faults(tmp_path, "regions: {a: {file: masks, keep: true}}\n")
    assert "has 1 frames, the scene 4" in found[0][1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('regions: {a: {formula: "1"}}\n', "regions.a: changes nothing"),
        ('mode: still\nregions: {a: {formula: "1", keep: true}}\n', "regions.a.keep: has no effect without"),
        (
            'mode: still\nregions: {a: {formula: "1", still: true}}\n',
            "a.still: has no effect in mode",
        ),
        ('regions: {a: {formula: "1", init_noise: 0.1}}\n', "regions.a.init_noise: has no effect without"),
        (
            'regions: {a: {formula: "1", follow: true, still: true}}\n',
            "a.still: has no effect beside",
        ),
    ],
)
def test_what_has_no_effect_is_noticed(tmp_path, text, told):
    body = BASE.replace("mode: 2d\n", "") if "mode:" in text else BASE
    path = tmp_path / "scene.yaml"
    path.write_text(body + text)
    told_of = [f"{one.key}: {one.message}" for one in read_scene(path).notices]
    assert any(told in one for one in told_of), told_of


@pytest.mark.parametrize(
    ("region", "told"),
    [
        ("{file: black.png, keep: true}", "regions.a.file: has no effect: the mask is empty, nothing is"),
        ("{file: blacks, keep: true}", "regions.a.file: has no effect: the mask is empty, nothing is"),
        ("{file: white.png, invert: true, keep: true}", "the mask is empty, all of it is inside, and"),
        ("{alpha: black.png, keep: true}", "regions.a.alpha: has no transparent part"),
        ('{formula: "x > 2", keep: true}', "regions.a.formula: has no effect: the mask is empty"),
        ('{formula: "log(x - 1)", keep: true}', "regions.a.formula: has no effect: the mask is empty"),
        ("{file: left.png, keep: true}", ""),
        ("{file: white.png, keep: true}", ""),
        ('{formula: "x > 3 - t", keep: true}', ""),
    ],
)
def test_an_empty_mask_is_noticed(tmp_path, region, told):
    for name, mask in (("black", 0 * LEFT), ("white", 0 * LEFT + 1), ("left", LEFT)):
        write(tmp_path / f"{name}.png", mask)
    (tmp_path / "blacks").mkdir()
    for frame in range(4):
        write(tmp_path / "blacks" / f"{frame}.png", 0 * LEFT)
    loaded = scene(tmp_path, f"regions: {{a: {region}}}\n")
    told_of = [f"{one.key}: {one.message}" for one in loaded.notices if one.key.startswith("regions.")]
    assert len(told_of) == bool(told)
    assert all(told in one for one in told_of), told_of


def test_stills_that_begin_with_pictures_have_something_to_keep(tmp_path):
    write(tmp_path / "m.png", LEFT)
    text = 'pictures: {0: m.png}\nregions: {a: {formula: "x < 0.5", keep: true, init_noise: 0.2}}\n'
    loaded = scene(tmp_path, text, "mode=still", "diffusion.skip_steps=50%")
    assert not [one for one in loaded.notices if one.key.startswith("regions.")]


# which frames they change


def inputs(tmp_path, text):
    from animator.run.fingerprint import hash_inputs

    loaded = scene(tmp_path, text)
    return hash_inputs(loaded, gather(loaded), {})


def test_a_region_changes_the_frames_from_where_it_has_strength_on(tmp_path):
    write(tmp_path / "m.png", LEFT)
    plain = inputs(tmp_path, "")
    late = 'regions: {a: {file: m.png, keep: true, strength: "0: (0), 1: (0), 2: (1)"}}\n'
    first = inputs(tmp_path, late)
    assert [one == other for one, other in zip(plain, first, strict=True)] == [True, True, False, False]
    write(tmp_path / "m.png", 1 - LEFT)
    assert inputs(tmp_path, late)[2:] != first[2:]
    assert inputs(tmp_path, late.replace("keep", "paste"))[2:] != first[2:]
    assert inputs(tmp_path, late)[:2] == plain[:2]


def test_a_formula_of_the_length_or_the_seed_changes_frames_with_them(tmp_path):
    def first(formula, *overrides):
        from animator.run.fingerprint import hash_inputs

        region = f'regions: {{a: {{formula: "{formula}", keep: true}}}}\n'
        loaded = scene(tmp_path, region, "mode=still", "images=2", "seed=[7, 8]", *overrides)
        return hash_inputs(loaded, gather(loaded), {})

    assert first("x > 1 / max_f")[0] != first("x > 1 / max_f", "images=3", "seed=[7, 8, 9]")[0]
    assert first("x > t")[0] == first("x > t", "images=3", "seed=[7, 8, 9]")[0]
    assert first("x > s / 9")[1] != first("x > s / 9", "seed=[6, 8]")[1]


def test_a_region_of_formulas_needs_no_files(tmp_path):
    loaded = scene(tmp_path, 'regions: {a: {formula: "x", keep: true}}\n')
    assert gather(loaded) == Sources({})


def test_a_draft_has_edges_of_its_own_size(tmp_path):
    from animator.scene.draft import draft_of

    text = 'regions: {a: {formula: "x", feather: 8, grow: "0: (0), 2: (4)", skip_steps: 20}}\n'
    drafted = draft_of(scene(tmp_path, text, "size=[256, 256]"))
    assert drafted.scene.size == (128, 128)
    assert drafted.timeline.row(1)["regions.a.feather"] == 4
    assert drafted.timeline.row(2)["regions.a.grow"] == 2
    assert drafted.timeline.row(2)["regions.a.skip_steps"] == pytest.approx(0.4)


TWO_OF_THEM = 'regions: {a: {formula: "x < 0.5", keep: true}, b: {formula: "y", skip_steps: 9%}}\n'


def test_a_kept_region_is_kept_in_the_larger_painting_too(tmp_path):
    from animator.film.larger import Larger, larger_request

    loaded = scene(
        tmp_path, 'regions: {a: {formula: "x < 0.5", keep: true}, b: {formula: "y", skip_steps: 9%}}\n'
    )
    request = larger_request(loaded.timeline.row(1), shot(loaded), Larger(128, 128, 0.7), noise("large"))
    assert request.keep_map.shape == (128, 128)
    assert float(request.keep_map[64, 10]) == 1
    assert float(request.keep_map[64, 118]) == pytest.approx(0.7)


def test_colours_that_are_held_do_not_reach_what_is_kept(tmp_path):
    text = 'regions: {a: {formula: "x < 0.5", keep: true}}\n'
    requests, frames = asked(tmp_path, text, "coherence.color_coherence=1", "camera.translation_y=0")
    before = frames[1].picture
    assert torch.equal(requests[2].init[:, :, :32], before[:, :, :32])
    assert not torch.equal(requests[2].init[:, :, 32:], before[:, :, 32:])


# finishing


def graded_in(tmp_path, region, *overrides):
    from animator.run.graded import grade_of
    from animator.run.regions import mask_digest

    text = f"grade: {{brightness: 0.5, region: a}}\nregions: {{a: {region}}}\n"
    loaded = scene(tmp_path, text, *overrides)
    sources = gather(loaded)
    return grade_of(loaded, shot(loaded).regions, mask_digest(loaded.scene, "a", sources))


def test_the_look_is_laid_over_its_region_alone(tmp_path):
    grade = graded_in(tmp_path, '{formula: "(x < 0.5) & (t < 2)"}')
    for size in (SIZE, 2 * SIZE):
        pixels = np.full((size, size, 3), 60, np.uint8)
        made = grade.one(pixels, 1)
        assert made.dtype == np.uint8
        assert (made[:, : size // 2 - 1] > 180).all()
        assert (made[:, size // 2 + 1 :] == 60).all()
        assert np.array_equal(grade.one(pixels, 3), pixels)


def test_the_strength_of_a_region_is_that_of_its_look(tmp_path):
    grade = graded_in(tmp_path, '{formula: "1", strength: "0: (0), 2: (1)"}')
    deep = np.full((SIZE, SIZE, 3), 10000, np.uint16)
    levels = [int(grade.one(deep, number)[0, 0, 0]) for number in range(3)]
    assert levels[0] == 10000
    assert levels[2] == pytest.approx(10000 + 32768, abs=2)
    assert levels[1] == pytest.approx((levels[0] + levels[2]) / 2, abs=2)


def test_films_are_made_again_where_the_region_of_their_look_changes(tmp_path):
    write(tmp_path / "m.png", LEFT)
    first = graded_in(tmp_path, "{file: m.png}").settings
    write(tmp_path / "m.png", 1 - LEFT)
    assert graded_in(tmp_path, "{file: m.png}").settings != first
    assert graded_in(tmp_path, "{file: m.png, feather: 9}").settings != first
    assert graded_in(tmp_path, '{formula: "x"}').settings != graded_in(tmp_path, '{formula: "y"}').settings


@pytest.mark.parametrize(
    ("region", "told"),
    [
        ('{formula: "1", follow: true}', "it moves with the picture"),
        ('{depth: "< 3"}', "it follows from the depth"),
    ],
)
def test_a_look_needs_a_region_that_is_drawn(tmp_path, region, told):
    found = faults(tmp_path, f"grade: {{region: a}}\nregions: {{a: {region}}}\n", "mode=3d")
    assert any(f"grade.region: 'a' is not drawn at each frame: {told}" in one for _, one in found)
    found = faults(tmp_path, "grade: {region: b}\n")
    assert "'b' is no region; there are none" in found[0][1]
