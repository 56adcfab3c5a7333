from __future__ import annotations

import pytest
import torch
from torch import Tensor

from animator.diffusion import losses
from animator.errors import WeightsError
from tests.golden_files import fill, load_npz


@pytest.mark.parametrize(
    ("name", "loss"),
    [("tv", losses.total_variation), ("range", losses.out_of_range), ("sat", losses.saturation)],
)
def test_golden_picture_losses(name, loss):
    figures = load_npz("losses")
    expected = torch.from_numpy(figures[name]).reshape(-1)
    torch.testing.assert_close(loss(torch.from_numpy(figures["image"])), expected, rtol=1e-5, atol=1e-7)


def test_golden_spherical_distance():
    figures = load_npz("losses")
    embeds, prompts = (torch.from_numpy(figures[name]) for name in ("embeds", "prompts"))
    found = losses.spherical_distance(embeds[:, None], prompts[None])
    torch.testing.assert_close(found, torch.from_numpy(figures["spherical"]), rtol=1e-5, atol=1e-6)


def test_spherical_distance_is_half_the_squared_angle_up_to_its_end():
    angles = torch.tensor([0.0, 0.1, 1.5, torch.pi], requires_grad=True)
    directions = torch.stack([angles.cos(), angles.sin()], dim=-1)
    found = losses.spherical_distance(directions, torch.tensor([3.0, 0.0]))
    torch.testing.assert_close(found, angles.square() / 2, rtol=1e-3, atol=1e-5)
    assert torch.autograd.grad(found[:3].sum(), angles)[0].isfinite().all()


def picture(seed: int, detail: int = 4) -> Tensor:
    """A smooth random picture of good contrast, 1 x 3 x 64 x 96."""
    noise = torch.randn(1, 3, 64 // detail, 96 // detail, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise * 0.5, (64, 96), mode="bicubic").clamp(-1, 1)


def test_pyramid_distance_orders_pictures_as_an_eye_does():
    init, other = picture(1, 16), picture(2, 16)
    shifted = init.roll(2, dims=-1)
    values = [
        losses.pyramid_distance(p, init).item() for p in (init, shifted, 0.5 * init + 0.5 * other, other)
    ]
    assert values[0] == 0
    assert values == sorted(values)
    assert 0.4 < values[3] < 0.9


def test_pyramid_distance_leaves_fine_detail_alone_and_pulls_colours():
    init = picture(1, 16)
    checkers = (torch.arange(64)[:, None] // 2 + torch.arange(96) // 2) % 2 * 0.4 - 0.2
    detailed = losses.pyramid_distance(init + checkers, init).item()
    tinted = losses.pyramid_distance(init + 0.2, init).item()
    assert detailed < 1e-6
    assert tinted > 0.05

    x = (init + 0.3).requires_grad_()
    gradient = torch.autograd.grad(losses.pyramid_distance(x, init).sum(), x)[0]
    assert (gradient.mean(dim=(0, 2, 3)) > 0).all()


def test_pyramid_distance_takes_pictures_smaller_than_its_levels():
    assert losses.pyramid_distance(torch.ones(2, 3, 8, 8), -torch.ones(2, 3, 8, 8)).tolist() == pytest.approx(
        [4 / 4.25] * 2
    )


@pytest.fixture(scope="module")
def features():
    """Return random weights of VGG16's features."""
    from torchvision.models import vgg16

    torch.manual_seed(0)
    with torch.device("meta"):
        features = vgg16(weights=None).features
    return fill(features.to_empty(device="cpu"), 0).state_dict(prefix="features.")


@pytest.fixture
def vgg16(features, tmp_path, monkeypatch):
    """Return random weights of VGG16's features, and the two places where they may lie, both empty."""
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    places = losses.perceptual_files()
    for place in places:
        place.parent.mkdir(parents=True)
    return dict(features), places


@pytest.mark.slow
@pytest.mark.parametrize("place", [0, 1])
def test_lpips_is_used_where_its_weights_lie(vgg16, tmp_path, place):
    state, places = vgg16
    assert [path.relative_to(tmp_path).parts[0] for path in places] == ["cache", "torch"]
    assert losses.perceptual_loss(torch.device("cpu")) is losses.pyramid_distance
    torch.save(state, places[place])
    loss = losses.perceptual_loss(torch.device("cpu"))
    assert loss is not losses.pyramid_distance
    distances = loss(picture(1).expand(3, -1, -1, -1), torch.cat([picture(n) for n in (1, 2, 3)]))
    assert distances.shape == (3,)
    assert distances[0] == 0 < distances[1:].min()


@pytest.mark.slow
def test_lpips_pulls_a_picture_nearer(vgg16):
    state, places = vgg16
    torch.save(state, places[0])
    loss = losses.perceptual_loss(torch.device("cpu"))
    x, y = picture(1).requires_grad_(), picture(2)
    (gradient,) = torch.autograd.grad(loss(x, y).sum(), x)
    nearer = x.detach() - 0.1 * gradient / gradient.std()
    assert loss(nearer, y).item() < loss(x, y).item()


@pytest.mark.slow
def test_a_damaged_or_foreign_vgg16_is_a_line(vgg16):
    state, places = vgg16
    del state["features.7.bias"]
    torch.save(state, places[0])
    with pytest.raises(WeightsError, match=r"VGG16 at .*does not fit its network: 1 missing \(slice2.7.bias"):
        losses.perceptual_loss(torch.device("cpu"))
    places[0].write_bytes(b"<html>no such file</html>")
    with pytest.raises(WeightsError, match=r"cannot be read \(it is a web page\); fetch them again"):
        losses.perceptual_loss(torch.device("cpu"))


def test_asymmetry_is_the_mean_square_of_the_difference_to_the_mirror_image():
    x = torch.zeros(2, 3, 1, 2)
    x[1, :, 0] = torch.tensor([0.25, 0.75])
    assert losses.asymmetry(x, True, False).tolist() == [0, 0.25]
    assert losses.asymmetry(x, False, True).tolist() == [0, 0]
    x = picture(1)
    across, down = losses.asymmetry(x, True, False), losses.asymmetry(x, False, True)
    torch.testing.assert_close(losses.asymmetry(x, True, True), across + down)
    assert losses.asymmetry(x, False, False).tolist() == [0]


def test_asymmetry_pulls_mirrored_pixels_together():
    x = picture(1).requires_grad_()
    (gradient,) = torch.autograd.grad(losses.asymmetry(x, True, False).sum(), x)
    apart = (x - x.flip(-1)).detach()
    torch.testing.assert_close(gradient, apart * 4 / x.numel())


def test_chroma_is_the_distance_from_grey() -> None:
    grey = torch.linspace(-1, 1, 12).view(1, 1, 3, 4).expand(1, 3, 3, 4)
    assert losses.chroma(grey).item() == pytest.approx(0, abs=1e-12)
    red = torch.zeros(1, 3, 2, 2)
    red[:, 0] = 1
    assert losses.chroma(red).item() == pytest.approx((0.701**2 + 2 * 0.299**2) / 3, rel=1e-5)
    torch.testing.assert_close(losses.chroma(torch.cat([red, 2 * red]))[1], 4 * losses.chroma(red)[0])
