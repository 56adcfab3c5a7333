"""Guidance: what bends a diffusion towards the prompts, as a wrapper of the shape of any `Denoise`.

The gradient is Disco Diffusion's. The perceptors look at a blend of the clean estimate and the noisy
state; their losses and those on the colours are differentiated down to the state, and the gradient's size
is limited. Several pictures may be guided at once: each has its own random numbers and its own limit, so
that it becomes what it would have become alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from animator.diffusion import losses
from animator.diffusion.cutouts import Cut, make_cuts
from animator.diffusion.kept import Last
from animator.diffusion.looked import looked_at
from animator.diffusion.memory_saving import Places
from animator.diffusion.noise_schedule import NoiseSchedule
from animator.diffusion.notes import Notes
from animator.diffusion.prediction import Denoise, Hold, Prediction, denoised_from_eps, held_at
from animator.diffusion.squares import CutSettings
from animator.diffusion.step_values import StepValues
from animator.diffusion.stiff import greying, mirroring, smoothing
from animator.diffusion.target import Target
from animator.system.convert import signed_to_unit

Gradient = Callable[[Tensor, int, Prediction], Tensor]
"""Given the state ``x`` (N x 3 x H x W), an index of the schedule and the prediction there, returns which
way and how far to go: the gradient of the log likelihood of what is wanted, of the shape of ``x``."""

FARTHEST = 2.0
"""Largest value, in [-1, 1]'s units, of a held network's estimate that the range loss looks at: what lies
farther is the network's error at that noise and not a colour."""


LEAST_SHARE = 1e-4
"""Mean share of a region in the cuts below which they count less than in full."""

SETTLING = ("tv", "sat", "symmetry")
"""The losses whose gradient each step asks for, see `Guide.settling`."""


def guided(
    denoise: Denoise,
    schedule: NoiseSchedule,
    gradient: Gradient,
    *,
    through: Callable[[int], bool] = lambda index: False,
    hold: Hold | None = None,
) -> Denoise:
    """Bend a denoiser by a gradient: ``eps' = eps - sqrt(1 - alpha_bar) * gradient``.

    Dhariwal & Nichol 2021, algorithm 2; the clean estimate follows from the new noise.

    Args:
        denoise: what is bent.
        schedule: what the indices mean.
        gradient: which way; called once for each call of the result, with the prediction as it is.
        through: whether ``gradient`` differentiates the prediction at an index. Then ``x`` requires a
            gradient and the denoiser's activations are kept until ``gradient`` returns; else it runs without.
        hold: holds the clean estimate before it is bent, and what comes of it: where alpha_bar is small, the
            slightest gradient would push the estimate far out of the range again.

    Returns:
        A denoiser whose answers carry no graph.
    """

    def bent(x: Tensor, index: int) -> Prediction:
        x = x.detach()
        differentiated = through(index)
        with torch.set_grad_enabled(differentiated):
            state = x.clone().requires_grad_(differentiated)
            prediction = denoise(state, index)
        direction = gradient(state, index, prediction).detach()
        plain = Prediction(prediction.denoised.detach(), prediction.eps.detach())
        alpha_bar = float(schedule.alpha_bar[index])
        eps = held_at(plain, x, schedule, index, hold).eps - math.sqrt(1 - alpha_bar) * direction
        return held_at(Prediction(denoised_from_eps(x, eps, alpha_bar), eps), x, schedule, index, hold)

    return bent


@dataclass(frozen=True)
class Guide:
    """The gradient of all losses of guidance; a `Gradient` for `guided`.

    Attributes:
        schedule: what the indices mean.
        targets: what the perceptors are to see.
        values: the settings at an index.
        generators: where the random cuts of each picture come from; CPU generators.
        secondary: a smaller denoiser to be asked and differentiated instead of the prediction where the
            settings say so, or None.
        hold: how clean estimates are held before the perceptors look, or None.
        init: pictures to stay near, N x 3 x H x W in [-1, 1], or None.
        free: where nothing stays near them, bool, N x 1 x H x W, or None: nowhere.
        perceptual: how far from ``init`` is measured.
        mirrors: whether the symmetry loss is of left and right, and of above and below.
        disco: whether to repeat Disco Diffusion 5, where the range loss does not reach the picture (it is a
            loss of the clean estimate, but only what depends on the blend is differentiated) and the
            saturation loss is one of values beyond the range only, not of strong colours.
        cut: makes the cuts that the perceptors look at.
        notes: what is written down on the way.
        together: whether a perceptor looks at the cuts of all batches of a step at once.
        parts: passes in which it looks at what it looks at; one holds the activations of its cuts only.
        places: where networks are while others work.
        last: the gradient that later steps may take, see `StepValues.every`, or None: each asks for its own.
    """

    schedule: NoiseSchedule
    targets: Sequence[Target]
    values: Callable[[int], StepValues]
    generators: Sequence[torch.Generator]
    secondary: Denoise | None = None
    hold: Hold | None = None
    init: Tensor | None = None
    free: Tensor | None = None
    perceptual: losses.PerceptualLoss = losses.pyramid_distance
    mirrors: tuple[bool, bool] = (True, False)
    disco: bool = False
    cut: Cut = make_cuts
    notes: Notes = field(default_factory=Notes)
    together: bool = False
    parts: int = 1
    places: Places = field(default_factory=Places)
    last: Last | None = None

    def through(self, index: int) -> bool:
        """Return whether the prediction itself is differentiated at an index, see `guided`."""
        values = self.values(index)
        return (self.secondary is None or not values.secondary) and self.held(index, values) is None

    def held(self, index: int, values: StepValues) -> Tensor | None:
        """Return the gradient of an earlier step that an index takes, or None where it asks for its own."""
        return None if self.last is None else self.last.serves(index, values.every)

    def __call__(self, x: Tensor, index: int, prediction: Prediction) -> Tensor:
        """Return the limited gradient, the shape of ``x``. See `Gradient`."""
        values = self.values(index)
        self.notes.estimates.append(prediction.denoised.detach())
        self._forget(all_losses=self.held(index, values) is None)
        gradient = self.unlimited(x, index, prediction, values)
        finite = gradient.isfinite().flatten(1).all(dim=1)
        self.notes.finite.append(finite)
        return limited(torch.where(finite.view(-1, 1, 1, 1), gradient, 0.0), values.clamp_max)

    def unlimited(self, x: Tensor, index: int, prediction: Prediction, values: StepValues) -> Tensor:
        """Return the gradient before its size is limited."""
        settled = None
        if not self.disco and (values.tv_scale or values.sat_scale or values.symmetry_loss_scale):
            estimate = prediction.denoised.detach()
            settled = self.settling(estimate if self.hold is None else self.hold(estimate), index, values)
        descent = self.held(index, values)
        if descent is None:
            descent = self.descent(x, index, prediction, values)
            if self.last is not None:
                self.last.put(descent, index)
        return -descent if settled is None else -descent - settled

    def descent(self, x: Tensor, index: int, prediction: Prediction, values: StepValues) -> Tensor:
        """Return the gradient of the losses that are differentiated down to the state, of its shape."""
        with torch.enable_grad():
            if self.secondary is not None and values.secondary:
                x = x.detach().requires_grad_()
                prediction = self.secondary(x, index)
            shown = prediction.denoised if self.hold is None else self.hold(prediction.denoised)
            share = math.sqrt(1 - float(self.schedule.alpha_bar[index]))
            seen = shown * share + x * (1 - share)
            with self.places.looking():
                outputs, pulls = [seen], [self.gradient_on(seen.detach(), values)]
            if not self.disco and values.range_scale:
                loss = self.range_loss(prediction.denoised, values.range_scale)
                outputs.append(loss)
                pulls.append(torch.ones_like(loss))
            (descent,) = torch.autograd.grad(outputs, x, pulls)
        return descent

    def gradient_on(self, seen: Tensor, values: StepValues) -> Tensor:
        """Return the gradient of every loss of the picture that the perceptors see, of its shape."""
        seen = seen.requires_grad_()
        total = torch.zeros_like(seen)
        pulls: dict[str, Tensor] = {}
        for target, scale, batches in self._looks(values):
            name, loss = f"clip {target.name}", scale * self.prompt_loss(seen, target, values, batches)
            self._noted(name, loss)
            gradient = torch.autograd.grad(loss.sum(), seen)[0]
            total += gradient
            pulls[name] = gradient if name not in pulls else pulls[name] + gradient
        parts = {name: self._noted(name, loss) for name, loss in self._picture_losses(seen, values)}
        if parts:
            alone = len(parts) == 1
            if not alone:
                for name, loss in parts.items():
                    pulls[name] = torch.autograd.grad(loss.sum(), seen, retain_graph=True)[0]
            gradient = torch.autograd.grad(torch.stack(list(parts.values())).sum(), seen)[0]
            total += gradient
            if alone:
                pulls[next(iter(parts))] = gradient
        for name, pull in pulls.items():
            self._pulled(name, pull)
        return total

    def settling(self, estimate: Tensor, index: int, values: StepValues) -> Tensor:
        """Return the gradient of the losses of a clean estimate that are squares, of its shape.

        It is that of the estimate itself, not of the state: through the blend with the noise that the
        perceptors see, such a loss smooths the noise, which leaves its imprint on the estimate, and through
        the network it comes back rough. It is the one at the end of the step (`animator.diffusion.stiff`): an
        estimate moves by ``(1 - alpha_bar) / sqrt(alpha_bar)`` times its gradient, see `guided`.
        """
        alpha_bar = float(self.schedule.alpha_bar[index])
        step, total = (1 - alpha_bar) / math.sqrt(alpha_bar), torch.zeros_like(estimate)
        if values.tv_scale:
            self._noted("tv", values.tv_scale * losses.total_variation(estimate))
            total += self._pulled("tv", smoothing(estimate, values.tv_scale, step))
        if values.sat_scale:
            self._noted("sat", values.sat_scale * losses.chroma(estimate))
            total += self._pulled("sat", greying(estimate, values.sat_scale, step))
        if values.symmetry_loss_scale:
            self._noted("symmetry", values.symmetry_loss_scale * losses.asymmetry(estimate, *self.mirrors))
            pull = mirroring(estimate, values.symmetry_loss_scale, step, *self.mirrors)
            total += self._pulled("symmetry", pull)
        return total

    def prompt_loss(self, seen: Tensor, target: Target, values: StepValues, batches: int = 1) -> Tensor:
        """Return how far each picture is from the prompts in one perceptor's eyes.

        The distances (`Target.distance`) averaged over the cuts of a batch, summed over the batches; shape
        (N,), differentiable in ``seen``. Prompts of a region pull at its pixels alone, and each cut counts as
        much as it shows of it.
        """
        pictures = signed_to_unit(seen)
        if target.where is not None:
            pictures = torch.lerp(pictures.detach(), pictures, target.where)
        drawn, shares = [], []
        for _ in range(batches):
            before = [one.get_state() for one in self.generators]
            drawn.append(self._cut(pictures, target, values.cuts))
            if target.where is not None:
                shares.append(self._covered(target, values.cuts, before))
        cuts, each = torch.cat(drawn, dim=1), drawn[0].shape[1]
        counts = torch.cat(shares, dim=1) if shares else torch.ones(cuts.shape[:2], device=cuts.device)
        if self.notes.keep_cuts:
            self.notes.cuts[target.name] = drawn[-1].detach()
        with self.places.visit(target.name):
            parts = zip(cuts.detach().chunk(self.parts, 1), counts.chunk(self.parts, 1), strict=True)
            looks = [self._look(part, count, target, values) for part, count in parts]
        loss = torch.stack([distance for distance, _ in looks]).sum(dim=0) / each
        slope = torch.cat([gradient for _, gradient in looks], dim=1) / each
        return _known(loss, slope, cuts)

    def _cut(self, pictures: Tensor, target: Target, settings: CutSettings) -> Tensor:
        """Return one batch of cuts of each picture, N x K x 3 x size x size."""
        if self.notes.keep_cuts:
            height, width = pictures.shape[-2:]
            looked = looked_at((height, width), target.size, settings, self.generators)
            before = self.notes.looked.get(target.name)
            self.notes.looked[target.name] = looked if before is None else before + looked
        return torch.stack(
            [
                self.cut(pictures[n : n + 1], target.size, settings, generator)
                for n, generator in enumerate(self.generators)
            ]
        )

    def _covered(self, target: Target, settings: CutSettings, states: Sequence[Tensor]) -> Tensor:
        """Return how much each cut of a batch counts for a region: by its share in it, 1 on average, N x K.

        Args:
            target: whose region it is.
            settings: of the cuts.
            states: of the generators before the cuts were drawn.
        """
        assert target.where is not None
        plain, found = replace(settings, skip_augs=True), []
        for mask, state in zip(target.where, states, strict=True):
            again = torch.Generator()
            again.set_state(state)
            cuts = self.cut(mask.expand(1, 3, -1, -1), target.size, plain, again)
            found.append(cuts.mean(dim=(1, 2, 3)).clamp(min=0))
        shares = torch.stack(found)
        return shares / shares.mean(dim=1, keepdim=True).clamp(min=LEAST_SHARE)

    def _look(
        self, cuts: Tensor, counts: Tensor, target: Target, values: StepValues
    ) -> tuple[Tensor, Tensor]:
        """Return the distances of some cuts, summed, shape (N,), and their gradient, of the cuts' shape.

        Each cut counts as much as ``counts`` says, N x K.

        The gradient is taken at once, so that the perceptor's activations are gone when the next part comes.
        """
        with torch.enable_grad():
            cuts = cuts.requires_grad_()
            embeds = target.encode(cuts.flatten(0, 1)).unflatten(0, cuts.shape[:2])
            distance = (target.distance(embeds, values.rand_mag, values.position) * counts).sum(dim=1)
            (gradient,) = torch.autograd.grad(distance.sum(), cuts)
        return distance.detach(), gradient

    def range_loss(self, denoised: Tensor, scale: float) -> Tensor:
        """Return the loss on values of the network's own estimates beyond the range of a picture, summed."""
        within = denoised if self.hold is None else denoised.clamp(-FARTHEST, FARTHEST)
        far = (within - within.clamp(-1, 1)).detach()
        self._pulled("range", torch.where(within == denoised, 2 * scale / far[0].numel() * far, 0.0))
        return self._noted("range", scale * losses.out_of_range(within)).sum()

    def _picture_losses(self, seen: Tensor, values: StepValues) -> Iterator[tuple[str, Tensor]]:
        """Yield the other losses of what is seen, but those of the prompts, by name: shape (N,)."""
        if self.disco and values.tv_scale:
            yield "tv", values.tv_scale * losses.total_variation(seen)
        if self.disco and values.sat_scale:
            yield "sat", values.sat_scale * losses.saturation(seen)
        if self.disco and values.symmetry_loss_scale:
            yield "symmetry", values.symmetry_loss_scale * losses.asymmetry(seen, *self.mirrors)
        if self.init is not None and values.init_scale:
            # What is free is compared with itself, which is no distance.
            init = self.init if self.free is None else torch.where(self.free, seen.detach(), self.init)
            yield "init", values.init_scale * self.perceptual(seen, init)

    def _forget(self, *, all_losses: bool) -> None:
        """Take the losses of the step before out of the notes, or those only that each step asks for."""
        settling = () if self.disco else SETTLING
        for name in list(self.notes.losses) if all_losses else settling:
            self.notes.losses.pop(name, None)
            self.notes.pulls.pop(name, None)

    def _pulled(self, name: str, gradient: Tensor) -> Tensor:
        """Note the size of a loss's gradient on the picture; return the gradient."""
        self.notes.pulls[name] = gradient.detach().square().mean(dim=(1, 2, 3)).sqrt()
        return gradient

    def _noted(self, name: str, loss: Tensor) -> Tensor:
        """Add a loss to the notes; return it."""
        known = self.notes.losses.get(name)
        self.notes.losses[name] = loss.detach() if known is None else known + loss.detach()
        return loss

    def _looks(self, values: StepValues) -> list[tuple[Target, float, int]]:
        """Return each look of this step at the picture: the factor of its loss, and the batches of cuts."""
        batches = values.cutn_batches
        scale = values.clip_guidance_scale / batches
        weights = {name: weight for name, weight in values.clip_models.items() if weight and scale}
        if values.cuts.overview + values.cuts.innercut == 0:
            return []
        times, at_once = (1, batches) if self.together else (batches, 1)
        seeing = [target for target in self.targets if target.name in weights]
        return [(target, scale * weights[target.name], at_once) for target in seeing for _ in range(times)]


def _known(value: Tensor, slope: Tensor, at: Tensor) -> Tensor:
    """Return a ``value`` (N,) that is differentiable in ``at`` (N x ...), with a gradient known already."""
    return value + (slope * (at - at.detach())).flatten(1).sum(dim=1)


def limited(gradient: Tensor, largest: float) -> Tensor:
    """Scale each picture's gradient down to a root-mean-square of ``largest`` where it is larger."""
    size = gradient.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return gradient * (largest / size.clamp(min=torch.finfo(size.dtype).tiny)).clamp(max=1)
