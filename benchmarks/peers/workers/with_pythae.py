"""Training steps and likelihood estimates of pythae, as its trainer and its models compute them."""

import math
import os
from importlib.metadata import version

import numpy as np
import torch
from pythae.models import IWAE, VAE, VAMP, IWAEConfig, VAEConfig, VAMPConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from torch import nn

from benchmarks.peers.workers.protocol import seconds_of, serve
from benchmarks.peers.workers.task import LEARNING_RATE, Task, batches, images


class Encoder(BaseEncoder):
    """The encoder of a task, from x to μ and log σ²."""

    def __init__(self, task):
        super().__init__()
        n, hidden = task.pixels, task.hidden
        self.layers = nn.Sequential(nn.Linear(n, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(hidden, task.latent), nn.Linear(hidden, task.latent)

    def forward(self, x):
        h = self.layers(x.reshape(len(x), -1))
        return ModelOutput(embedding=self.mean(h), log_covariance=self.log_variance(h))


class Decoder(BaseDecoder):
    """The decoder of a task, from z to probabilities."""

    def __init__(self, task):
        super().__init__()
        n, hidden = task.pixels, task.hidden
        layers = [nn.Linear(task.latent, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden, n), nn.Sigmoid())

    def forward(self, z):
        return ModelOutput(reconstruction=self.layers(z))


def model_of(task):
    """Returns pythae's model of a task."""
    options = {"input_dim": (task.pixels,), "latent_dim": task.latent, "reconstruction_loss": "bce"}
    parts = Encoder(task), Decoder(task)
    if task.prior == "vamp":
        return VAMP(VAMPConfig(**options, number_components=task.components, linear_scheduling_steps=0), *parts)
    if task.samples > 1:
        return IWAE(IWAEConfig(**options, number_samples=task.samples), *parts)
    return VAE(VAEConfig(**options), *parts)


def prepare(settings):
    """Builds the model of a task and warms it up.

    Args:
        settings: of a `Task`; and `work`: train or log_likelihood, with the numbers of `scored` images, `draws` and
            draws in a `chunk`.
    """
    torch.manual_seed(0)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    task = Task.of(settings)
    model = model_of(task)
    data = torch.from_numpy(images(task.examples, task.pixels)).float()
    run = trainer(task, model, data) if settings["work"] == "train" else scorer(model, data, settings)
    parameters = sum(weight.numel() for weight in model.parameters())
    return run, {"versions": {"pythae": version("pythae"), "torch": torch.__version__}, "parameters": parameters}


def trainer(task, model, data):
    """Returns a function that takes the steps of a round."""
    optimizer, rng = torch.optim.Adam(model.parameters(), LEARNING_RATE), np.random.default_rng(1)

    def steps():
        model.train()
        for index in batches(task, rng):
            batch = {"data": data[torch.from_numpy(index)]}
            loss = model(batch, epoch=1, dataset_size=task.examples, uses_ddp=False).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if not math.isfinite(loss.item()):  # as pythae's trainer reads it in each step
                raise FloatingPointError("The loss is not finite.")

    steps()
    return lambda: {"seconds": seconds_of(steps, task.steps)}


def scorer(model, data, settings):
    """Returns a function that estimates the log-likelihood of some images."""
    model.eval()
    some = data[: settings["scored"]]

    def score():
        with torch.no_grad():
            model.get_nll(some, n_samples=settings["draws"], batch_size=settings["chunk"])

    seconds_of(lambda: model.get_nll(data[:1], n_samples=settings["draws"], batch_size=settings["chunk"]))
    return lambda: {"seconds": seconds_of(score, settings["scored"])}


if __name__ == "__main__":
    serve(prepare)
