"""What the bound would gain by another prior, against numpy."""

import numpy as np
import pytest

import zoo
from tests.models.open_vae import open_vae
from tests.shared.reference import mixture_log_density, normal_params
from training.evaluation import information as module

RNG = np.random.default_rng(0)
L = 3


def test_gains_are_those_of_numpy():
    vae = open_vae("diag")
    moments = RNG.normal(size=(400, L)), np.exp(0.3 * RNG.normal(size=(400, L)) - 1)
    x = np.stack([normal_params("diag", m, np.diag(s**2)) for m, s in zip(*moments, strict=True)])
    for name in ("aggregated", "gmm(components=1)"):
        vae.add_sampler(name, np.float32(x[:200]), progress=False)
    gains = module.gains(vae, x[200:], ["aggregated", "gmm"])
    z = vae.encode(np.float32(x[200:])).sample(seed=[0, 0]).numpy()
    mean, scale_tril = vae.samplers.fitted["gmm"].get_weights()[1:]
    log_p = mixture_log_density(z, [1.0], [np.zeros(L)], [np.eye(L)])
    expected = {
        "gmm": mixture_log_density(z, [1.0], mean, scale_tril @ np.swapaxes(scale_tril, 1, 2)) - log_p,
        "aggregated": mixture_log_density(
            z, np.full(200, 1 / 200), moments[0][:200], [np.diag(s**2) for s in moments[1][:200]]
        )
        - log_p,
    }
    for name, values in expected.items():
        assert gains[name].value == pytest.approx(values.mean(), abs=1e-4)
        assert gains[name].standard_error == pytest.approx(values.std(ddof=1) / np.sqrt(200), rel=1e-4)
    flow = zoo.build("diag_vae", (4,), "real", posterior="iaf", latent=2, network="mlp(hidden=(3,))")
    flow.add_sampler("aggregated", np.float32(RNG.normal(size=(20, 4))), progress=False)
    assert module.gains(flow, RNG.normal(size=(5, 4)), ["aggregated"]) == {}
