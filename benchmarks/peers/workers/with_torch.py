"""Training steps in PyTorch: eager, with fused Adam, or compiled with fused Adam."""

import math
import os

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.peers.workers.protocol import seconds_of, serve
from benchmarks.peers.workers.task import LEARNING_RATE, SCALE_FLOOR, SHIFT, Task, batches, images


class Gated(nn.Module):
    """A gated dense layer, (A h + a) ⊙ sigmoid(B h + b), with one matrix product for A and B."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.dense = nn.Linear(inputs, 2 * outputs)

    def forward(self, h):
        linear, gate = self.dense(h).chunk(2, dim=-1)
        return linear * torch.sigmoid(gate)


class VAE(nn.Module):
    """The model of a task; `forward` is minus the mean of its bound."""

    def __init__(self, task):
        super().__init__()
        self.task, d = task, task.latent
        self.encoder, features = encoder(task)
        self.decoder = decoder(task)
        if task.posterior == "hierarchical":
            top = d // 2
            self.upper, self.lower = nn.Linear(features, 2 * top), nn.Linear(300, 2 * (d - top))
            self.gated = Gated(features + top, 300)
            self.prior = nn.Sequential(Gated(top, 300), Gated(300, 300), nn.Linear(300, 2 * (d - top)))
        else:
            self.params = nn.Linear(features, task.params_size)
        if task.posterior == "tril":
            rows, columns = np.tril_indices(d, -1)
            self.register_buffer("below", torch.from_numpy(rows * d + columns))
        if task.prior == "vamp":
            self.pseudo_inputs = nn.Parameter(torch.rand(task.components, task.pixels))

    def forward(self, x):
        h = self.encoder(x)
        if self.task.posterior == "hierarchical":
            return self.two_layers(h, x)
        if self.task.posterior == "tril":
            return self.full_covariance(h, x)
        mean, raw = self.params(h).chunk(2, dim=-1)
        scale = positive(raw)
        if self.task.samples > 1:
            return self.importance_weighted(mean, scale, x)
        noise = torch.randn_like(mean)
        z = mean + scale * noise
        if self.task.prior == "vamp":
            log_qz = log_normal(noise, scale)
            return (reconstruction(self.decoder(z), x) + log_qz - self.log_vamp(z)).mean()
        kl = 0.5 * (scale**2 + mean**2 - 1).sum(-1) - scale.log().sum(-1)
        return (reconstruction(self.decoder(z), x) + kl).mean()

    def full_covariance(self, h, x):
        """Returns the loss with q(z|x) = N(μ, L Lᵀ)."""
        d = self.task.latent
        mean, raw, below = self.params(h).split([d, d, d * (d - 1) // 2], dim=-1)
        scale = positive(raw)
        lower = below.new_zeros(len(h), d * d).index_copy(1, self.below, below).view(-1, d, d)
        noise = torch.randn_like(mean)
        z = mean + scale * noise + torch.bmm(lower, noise[..., None])[..., 0]
        kl = 0.5 * ((scale**2 + mean**2 - 1).sum(-1) + (below**2).sum(-1)) - scale.log().sum(-1)
        return (reconstruction(self.decoder(z), x) + kl).mean()

    def importance_weighted(self, mean, scale, x):
        """Returns the loss of IWAE."""
        noise = torch.randn(self.task.samples, *mean.shape)  # [K, B, L]
        z = mean + scale * noise
        logits = self.decoder(z.flatten(0, 1)).view(self.task.samples, *x.shape)
        log_px = -F.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum(-1)
        log_pz = -0.5 * (z**2).sum(-1) - 0.5 * self.task.latent * math.log(2 * math.pi)
        log_w = log_px + log_pz - log_normal(noise, scale)
        return -(torch.logsumexp(log_w, 0) - math.log(self.task.samples)).mean()

    def log_vamp(self, z):
        """Returns log p(z) of the VampPrior [B], by matrix products."""
        mean, raw = self.params(self.encoder(self.pseudo_inputs)).chunk(2, dim=-1)
        scale = positive(raw)
        inverse = scale**-2  # [M, L]
        offset = 0.5 * (mean**2 * inverse).sum(-1) + scale.log().sum(-1) + math.log(self.task.components)
        log_p = -0.5 * (z**2) @ inverse.T + z @ (mean * inverse).T - offset
        return torch.logsumexp(log_p, -1) - 0.5 * self.task.latent * math.log(2 * math.pi)

    def two_layers(self, h, x):
        """Returns the loss of a model with two stochastic layers."""
        mean, raw = self.upper(h).chunk(2, dim=-1)
        scale, noise = positive(raw), torch.randn_like(mean)
        z2 = mean + scale * noise
        log_qz, log_pz = log_normal(noise, scale), log_normal(z2, torch.ones_like(z2))
        mean, raw = self.lower(self.gated(torch.cat([h, z2], -1))).chunk(2, dim=-1)
        scale, noise = positive(raw), torch.randn_like(mean)
        z1 = mean + scale * noise
        prior_mean, prior_raw = self.prior(z2).chunk(2, dim=-1)
        prior_scale = positive(prior_raw)
        log_qz = log_qz + log_normal(noise, scale)
        log_pz = log_pz + log_normal((z1 - prior_mean) / prior_scale, prior_scale)
        return (reconstruction(self.decoder(torch.cat([z2, z1], -1)), x) + log_qz - log_pz).mean()


def encoder(task):
    """Returns the encoder, and the number of its outputs."""
    n, hidden = task.pixels, task.hidden
    if task.network == "conv":
        quarter = -(-task.side // 4)
        convolutions = [nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU(), nn.Flatten()]
        shape = nn.Unflatten(-1, (1, task.side, task.side))
        return nn.Sequential(shape, *convolutions, nn.Linear(64 * quarter**2, 256), nn.ReLU()), 256
    if task.network == "gated_mlp":
        return nn.Sequential(Gated(n, hidden), Gated(hidden, hidden)), hidden
    return nn.Sequential(nn.Linear(n, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()), hidden


def decoder(task):
    """Returns the decoder from z [B, L] to logits [B, pixels]."""
    d, hidden = task.latent, task.hidden
    if task.network == "conv":
        quarter = -(-task.side // 4)
        dense = [nn.Linear(d, 64 * quarter**2), nn.ReLU(), nn.Unflatten(-1, (64, quarter, quarter))]
        up = [nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(32, 32, 4, 2, 1), nn.ReLU()]
        return nn.Sequential(*dense, *up, nn.Conv2d(32, 1, 1), nn.Flatten())
    if task.network == "gated_mlp":
        return nn.Sequential(Gated(d, hidden), Gated(hidden, hidden), nn.Linear(hidden, task.pixels))
    layers = [nn.Linear(d, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden, task.pixels))


def positive(raw):
    """Returns standard deviations."""
    return F.softplus(raw + SHIFT) + SCALE_FLOOR


def log_normal(noise, scale):
    """Returns the log density of a draw μ + σ ε, summed over the last axis."""
    return -0.5 * (noise**2).sum(-1) - scale.log().sum(-1) - 0.5 * noise.shape[-1] * math.log(2 * math.pi)


def reconstruction(logits, x):
    """Returns −log p(x|z) [B]."""
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)


def prepare(settings):
    """Builds the model of a task and warms it up.

    Args:
        settings: of a `Task`; and `form`: eager, fused or compiled.
    """
    torch.manual_seed(0)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    task, form = Task.of(settings), settings["form"]
    model = VAE(task)
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, **({} if form == "eager" else {"fused": True}))
    loss_of = torch.compile(model) if form == "compiled" else model
    data, rng = torch.from_numpy(images(task.examples, task.pixels)).float(), np.random.default_rng(1)

    def steps():
        for index in batches(task, rng):
            loss = loss_of(data[torch.from_numpy(index)])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            if task.prior == "vamp":
                with torch.no_grad():
                    model.pseudo_inputs.clamp_(0, 1)
        if not math.isfinite(value := loss.item()):
            raise FloatingPointError(f"The loss is {value}.")

    steps()
    parameters = sum(weight.numel() for weight in model.parameters())
    facts = {"versions": {"torch": torch.__version__}, "parameters": parameters}
    return lambda: {"seconds": seconds_of(steps, task.steps)}, facts


if __name__ == "__main__":
    serve(prepare)
