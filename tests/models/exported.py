"""Small models, exported, and what their signatures should give by the model's own methods in Python."""

import numpy as np
import tensorflow as tf

import zoo
from export.signatures import concrete
from export.signatures.entry import TABLE
from export.signatures.inputs import probe_rows

COMPONENTS, SAMPLES = 12, 10
NETWORKS = {"conv": "conv(filters=(3,), kernel=3)", "gated_mlp": "gated_mlp(hidden=(9,))"}


def small(name, event_shape=(6, 6, 1), support="unit", **overrides):
    """A catalogue's model on small data, with a small network and an aggregated posterior of 30 examples."""
    recipe = zoo.recipe(name, **overrides)
    overrides = {"latent": 4, "network": NETWORKS.get(recipe.network, recipe.network)} | overrides
    vae = zoo.build(name, event_shape, support, seed=1, **overrides)
    data = probe_rows(vae, 30)["x"]
    vae.adapt(data)
    # Far from the initial weights, at which posteriors are all alike.
    rng = np.random.default_rng(0)
    for weight in (*vae.encoder.trainable_variables, *vae.decoder.trainable_variables):
        weight.assign_add(rng.normal(0, 0.3, weight.shape))
    vae.add_sampler("aggregated", data, progress=False)
    return vae


def only(monkeypatch, *names):
    """Leaves these signatures in the table, where the others have nothing to do with what is tested."""
    monkeypatch.setattr(concrete, "TABLE", {name: TABLE[name] for name in names})


def alone(function, *rows):
    """A function of batches, of one row at a time."""
    return np.concatenate([np.asarray(function(*(row[i : i + 1] for row in rows))) for i in range(len(rows[0]))])


def expected(vae, rows):
    """What the model's methods in Python make of rows: signature -> name -> array, some of the outputs."""
    x, y, z, seed = (rows[name] for name in ("x", "y", "z", "seed"))
    prior, aggregated = vae.latent_distribution("prior"), vae.samplers.fitted["aggregated"].compress(COMPONENTS)()
    drawn, drawn_from_all = (np.stack([p.sample(seed=s).numpy() for s in seed]) for p in (prior, aggregated))
    found = {
        "reconstruct": {"mean": alone(vae.reconstruct, x)},
        "encode": {"loc": alone(lambda x: vae.encode(x).mean(), x)},
        "encode_covariance": {"covariance": alone(lambda x: vae.encode(x).covariance(), x)},
        "encode_sample": {"z": alone(lambda x, seed: vae.encode(x).sample(seed=seed[0]), x, seed)},
        "decode": {"mean": vae.decode(z).mean().numpy()},
        "sample_prior": {"z": drawn, "mean": vae.decode(drawn).mean().numpy()},
        "sample_aggregated": {"z": drawn_from_all, "mean": vae.decode(drawn_from_all).mean().numpy()},
        "interpolate": {"mean": _interpolated(vae, x, y, rows["t"])},
    }
    if "image_bytes" in rows and zoo.data.support.get(vae.support).white:
        # The first image is brought to the model's size by Pillow's own code elsewhere; here, ones of that size.
        levels = np.random.default_rng(1).integers(0, 256, (len(x), *vae.event_shape), dtype=np.uint8)
        rows["image_bytes"] = np.array([tf.io.encode_png(image).numpy() for image in levels] + [None], object)[:-1]
        white = zoo.data.support.get(vae.support).white
        data = np.float32(levels > 127 if vae.support == "binary" else levels * np.float32(white / 255))
        found["reconstruct_bytes"] = {"mean": alone(vae.reconstruct, data)}
        found["encode_bytes"] = {"loc": alone(lambda x: vae.encode(x).mean(), data)}
    return found


def _interpolated(vae, x, y, t):
    start, end = (alone(lambda data: vae.encode(data).mean(), data) for data in (x, y))
    return vae.decode((1 - t[:, None]) * start + t[:, None] * end).mean().numpy()
