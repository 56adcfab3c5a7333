"""The bundled networks, and how they are trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file

from animator.depth.load import load_depth
from animator.depth.pocket import to_distance
from animator.diffusion.secondary import cosine_time
from animator.settings.depth import DepthOptions
from tests.slowness import within
from tools.pocket.train.naming import ASKED, UNASKED, Questions, naming_loss, stored_answers, truth
from tools.pocket.train.pictures import depth_to_bytes
from tools.pocket.train.secondary import NOISY, drawn_times
from tools.pocket.train.session import Budget, Machine, Session, start_from
from tools.pocket.train.told import known_tokens
from tools.pocket.train.unet import ALPHA_BAR, CLEAR_BELOW, NOISY_ABOVE, RARE, practised
from tools.pocket.train.views import Views, blurred, cut, make_views
from tools.pocket.world.canvas import FAR
from tools.pocket.world.draw import draw
from tools.pocket.world.spec import STYLES, draw_spec

PACKAGE = Path(__file__).parents[1] / "animator" / "pocket"


def test_a_seed_is_a_picture() -> None:
    for seed in (3, 4):
        first, second = draw(draw_spec(seed), 96, 64), draw(draw_spec(seed), 96, 64)
        assert np.array_equal(first[0], second[0])
        assert np.array_equal(first[1], second[1])
    assert not np.array_equal(draw(draw_spec(3), 96, 64)[0], draw(draw_spec(4), 96, 64)[0])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(24))
def test_depth_is_true(seed: int) -> None:
    rgb, depth = draw(draw_spec(seed), 96, 64)
    assert rgb.shape == (64, 96, 3)
    assert rgb.dtype == np.uint8
    assert depth.dtype == np.float32
    assert depth.min() >= 0.2
    assert depth.max() == FAR
    assert rgb.std() > 3
    # The sky is far and the ground at one's feet is nearer than the middle.
    assert np.median(depth[0]) == FAR
    assert np.median(depth[-1]) < 0.6 * FAR
    assert np.median(depth[-1]) <= np.median(depth[len(depth) // 2])


@pytest.mark.slow
def test_the_world_is_drawn_quickly() -> None:
    """Two hundred pictures a second on two cores; twice the time is allowed for a busy machine."""
    seeds = range(500, 620)
    for seed in range(len(STYLES) * 6):  # textures are made once
        draw(draw_spec(seed), 128, 128)
    with within(0.020 * len(seeds)):
        for seed in seeds:
            draw(draw_spec(seed), 128, 128)


def test_a_mirrored_picture_is_as_far() -> None:
    """Up to the order in which two numbers are added."""
    tell = load_depth(DepthOptions(), "cpu")
    frame = world_of(2)[1]
    assert torch.allclose(tell(frame), tell(frame.flip(2)).flip(1), rtol=1e-4)


def test_depth_survives_being_stored() -> None:
    depth = np.geomspace(0.2, 10, 500).astype(np.float32)
    shares = torch.from_numpy(depth_to_bytes(depth)).float() / 255
    assert np.abs(to_distance(shares).numpy() / depth - 1).max() < 0.008


def test_the_weights_are_small_and_described() -> None:
    files = sorted(PACKAGE.glob("*.safetensors"))
    assert [path.stem for path in files] == ["depth", "perceptor", "perceptor_vit", "secondary", "unet"]
    assert sum(path.stat().st_size for path in files) < 40e6
    for path in files:
        assert path.with_suffix(".json").exists()
        with safe_open(path, "pt") as stored:
            kinds = {stored.get_slice(name).get_dtype() for name in stored.keys()}  # noqa: SIM118
        assert kinds <= {"F16", "I64"}


@pytest.mark.slow
def test_prompts_make_different_pictures(tmp_path: Path) -> None:
    """A red sunset over the sea is red; a green forest by day is green; anybody can tell them apart."""
    from animator.diffusion.load import load_engine
    from animator.film.shot import Shot
    from animator.film.stills import stills
    from animator.scene.reading import read_scene

    colours = {}
    for prompt in ("a red sunset over the sea", "a green forest by day"):
        path = tmp_path / "scene.yaml"
        path.write_text(
            f"version: 1\nmode: still\nsize: [128, 64]\nseed: 1\nprompts: {prompt}\n"
            "diffusion: {steps: 15}\nguidance: {cuts: {overview: 4, innercut: 4}}\n"
        )
        loaded = read_scene(path)
        engine = load_engine(loaded.scene.diffusion, loaded.scene.guidance, "cpu")
        shot = Shot("still", 128, 64, 1, seed=1)
        pictures = [one.picture for one in stills(loaded.timeline, shot, engine, [0], {})]
        colours[prompt] = torch.stack(pictures).mean(dim=(0, 2, 3))
    (red, green, _), (forest_red, forest_green, _) = (colour.tolist() for colour in colours.values())
    assert red > green + 0.1
    assert forest_green > forest_red
    assert red - green > forest_red - forest_green + 0.15


def line_of(path: Path, steps: int) -> Session:
    torch.manual_seed(0)
    return Session(torch.nn.Linear(4, 4), Budget(steps, 0.1, 3), path)


def walk(session: Session, until: int) -> None:
    while session.step < until:
        x = torch.randn(8, 4, generator=torch.Generator().manual_seed(session.step))
        session.take((session.network(x) - x).square().mean())


def test_training_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    whole = line_of(tmp_path / "whole.pt", 10)
    walk(whole, 10)
    first = line_of(tmp_path / "cut.pt", 10)
    walk(first, 6)
    first.save()
    second = line_of(tmp_path / "cut.pt", 10)
    assert second.step == 6
    walk(second, 10)
    assert second.done
    for name, value in whole.average.items():
        assert torch.equal(second.average[name], value)
        assert torch.equal(second.network.state_dict()[name], whole.network.state_dict()[name])


def test_a_training_starts_from_what_fits(tmp_path: Path) -> None:
    given = {"0.weight": torch.ones(4, 4).half(), "1.weight": torch.ones(3, 3), "other": torch.ones(1)}
    save_file(given, tmp_path / "earlier.safetensors")
    network = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    start_from(network, tmp_path / "earlier.safetensors")
    after = network.state_dict()
    assert torch.equal(after["0.weight"], torch.ones(4, 4))
    for name in ("0.bias", "1.weight", "1.bias"):
        assert torch.equal(after[name], before[name])


def test_timesteps_where_little_is_learnt_are_rare() -> None:
    drawn = practised(200_000, torch.Generator().manual_seed(0))
    usual = int(((drawn >= CLEAR_BELOW) & (drawn < NOISY_ABOVE)).sum()) / (NOISY_ABOVE - CLEAR_BELOW)
    assert int((drawn < CLEAR_BELOW).sum()) / CLEAR_BELOW == pytest.approx(RARE * usual, rel=0.05)
    assert int((drawn >= NOISY_ABOVE).sum()) / (1000 - NOISY_ABOVE) == pytest.approx(RARE * usual, rel=0.05)


def test_views_follow_from_their_seed() -> None:
    pictures = world_of(6)
    seeds = ((3, 1), (3, 1), (3, 2))
    first, again, other = (make_views(pictures, Views(64), Machine().dice(*seed)) for seed in seeds)
    assert first.shape == (6, 3, 64, 64)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    unspoilt = Views(64, whole=1.0, blur=0.0, tilt=0.0, fine=0.0, coarse=0.0, grey=0.0)
    whole = make_views(pictures, unspoilt, Machine().dice(3, 1))
    # The whole picture lies between two bars of 10 rows, which recolouring keeps of one colour.
    assert float(whole[:, :, :8].std(dim=(2, 3)).max()) < 0.02
    assert float(whole[:, :, 12:52].std(dim=(2, 3)).min()) > 0.02


def world_of(count: int) -> torch.Tensor:
    drawn = np.stack([draw(draw_spec(seed), 192, 128)[0] for seed in range(count)])
    return torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 255


def test_a_view_is_a_part_of_its_picture() -> None:
    """Where nothing is spoilt, a view is found in the picture or its mirror, as it is."""
    pictures = world_of(4)
    plain = Views(64, whole=0.0, tall=1.0, blur=0.0, tilt=0.0)
    views = cut(pictures, plain, Machine().dice(1))
    halves = F.avg_pool2d(pictures, 2)
    for view, half in zip(views, halves, strict=True):
        offsets = range(half.shape[2] - 64 + 1)
        sights = (half, half.flip(2))
        near = torch.stack([(one[..., n : n + 64] - view).abs().mean() for one in sights for n in offsets])
        # Between two places of the half-sized picture, as a rule.
        assert float(near.min()) < 0.5 * float(near.median())


def test_a_blur_is_a_gaussian_of_each_pictures_own() -> None:
    point = torch.zeros(2, 1, 33, 33)
    point[:, :, 16, 16] = 1
    sharp, soft = blurred(point, torch.tensor([0.0, 2.0])[:, None, None, None])
    assert torch.equal(sharp, point[0])
    place = torch.arange(33) - 16.0
    assert float(soft.sum()) == pytest.approx(1, abs=1e-3)
    assert float((soft[0].sum(0) * place.square()).sum()) == pytest.approx(4, rel=0.01)
    flat = torch.full((1, 3, 20, 30), 0.7)
    assert torch.allclose(blurred(flat, torch.full((1, 1, 1, 1), 3.0)), flat)


def test_the_secondary_practises_where_it_answers_alone() -> None:
    times = drawn_times(100_000, torch.Generator().manual_seed(0))
    assert 0 <= float(times.min()) < float(times.max()) <= 1
    alone = cosine_time(float(ALPHA_BAR[NOISY_ABOVE]))
    assert alone > 0.9
    share = 0.5 * (1 - alone) + 0.5 * (1000 - NOISY_ABOVE) / (1000 - NOISY)
    assert float((times > alone).float().mean()) == pytest.approx(share, abs=0.01)


@pytest.mark.slow
def test_questions_are_asked_in_words_of_the_captions() -> None:
    known = set(known_tokens().tolist())
    for name in ("perceptor", "perceptor_vit"):
        with safe_open(PACKAGE / f"{name}.safetensors", "pt") as stored:
            assert stored.get_tensor("token_embedding.rows").tolist() == sorted(known)
    every = [text for phrases in ASKED.values() for some in phrases.values() for text in some]
    every += [text for seed in range(6) for text in Questions(np.random.default_rng(seed)).texts]
    for tokens, text in zip(open_clip.SimpleTokenizer(context_length=40)(every), every, strict=True):
        assert set(tokens.tolist()) <= known, text


def test_answers_are_what_the_picture_shows() -> None:
    questions = Questions(np.random.default_rng(4))
    specs = [draw_spec(seed) for seed in range(300)]
    answers = questions.answers(stored_answers(specs))
    assert answers.shape == (300, len(questions.spans))
    for number, (attribute, phrases) in enumerate(ASKED.items()):
        for spec, answer in zip(specs, answers[:, number].tolist(), strict=True):
            shown = truth(spec).get(attribute)
            if shown in phrases:
                assert questions.texts[questions.spans[number]][answer] in phrases[shown]
            else:
                assert answer == UNASKED
    # Whose colours are asked for has one, in the words of the question; ink has none.
    for span, column in zip(questions.spans[len(ASKED) :], answers[:, len(ASKED) :].T.tolist(), strict=True):
        asked = [spec for spec, answer in zip(specs, column, strict=True) if answer != UNASKED]
        assert asked
        assert len({spec.thing for spec in asked}) == 1
        for spec, answer in zip(specs, column, strict=True):
            if answer != UNASKED:
                words = questions.texts[span][answer].replace("gray", "grey").replace("violet", "purple")
                assert spec.paint in words


def test_naming_is_learnt_from_what_can_be_asked() -> None:
    told, spans = torch.eye(4), [slice(0, 2), slice(2, 4)]
    seen = torch.stack([told[0] + told[3], told[1]]) / 2**0.5
    right, wrong = torch.tensor([[0, 1], [1, UNASKED]]), torch.tensor([[1, 0], [0, UNASKED]])
    scale = torch.tensor(20.0)
    assert naming_loss(seen, told, spans, right, scale) < 1e-4
    assert naming_loss(seen, told, spans, wrong, scale) > 5
    nothing = torch.full((2, 2), UNASKED)
    assert naming_loss(seen, told, spans, nothing, scale) == 0
