"""Where the time of a training step goes, kernel by kernel, and its memory: `python -m benchmarks.step_profile`."""

import re
import resource
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import tyro

from zoo.commands.quiet import import_tensorflow
from zoo.commands.xla_flags import set_xla_flags

STEPS = 10  # in one program
NOT_KERNELS = re.compile(
    r"^(end: |[A-Z][a-z]+(Thunk|Executor|Pool|Listener|Produce|Iterator)|Executor|Eager|TFE|Kernel|Cpu|Block|Function"
    r"|Iterator|Prefetch|Tensor|Parallel|Thunk|Slinky|Memory|take_steps|while|cond)"
)


@dataclass(frozen=True)
class Settings:
    """Prints the milliseconds of a step for each kind of kernel, of 784 binary pixels through dense 300-300."""

    model: str = "diag_vae"
    """Model of the zoo."""
    latent: int = 40
    """Latent dimensions."""
    batch: int = 100
    """Examples in a batch."""
    calls: int = 20
    """Calls of ten steps."""
    shown: int = 16
    """Kinds to print."""


def main():
    """Prints the table."""
    settings = tyro.cli(Settings)
    set_xla_flags()
    import_tensorflow()
    import zoo  # noqa: F401

    held = {"the imports": resident()}
    take_steps = program(settings)
    held["model, optimizer and data"] = resident()
    take_steps()
    held["tracing, compiling and ten steps"] = resident()
    seconds, counts = kernels(take_steps, settings.calls)
    steps = settings.calls * STEPS
    kinds, launches = Counter(), Counter()
    for name, value in seconds.items():
        if counts[name] >= steps / 2 and not NOT_KERNELS.match(name):
            kind = re.sub(r"(_tfg_inlined_while)?[.\d_]*$", "", name)
            kinds[kind] += value / steps * 1e3
            launches[kind] += counts[name] / steps
    print(f"{'kernels':<34} {'ms a step':>9} {'launches':>9}")
    for kind, milliseconds in kinds.most_common(settings.shown):
        print(f"{kind:<34} {milliseconds:>9.3f} {launches[kind]:>9.0f}")
    print(f"{'all':<34} {sum(kinds.values()):>9.3f} {sum(launches.values()):>9.0f}")
    print("MiB in memory after", *(f"{what}: {mebibytes:,.0f}" for what, mebibytes in held.items()), sep="\n  ")


def resident():
    """Returns the MiB that this process holds in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def program(settings):
    """Returns a function that takes ten steps on noise, as the training loop does."""
    import keras
    import numpy as np
    import tensorflow as tf

    import zoo
    from zoo.model.training.step_loop import compile_steps

    vae = zoo.build(settings.model, (784,), "binary", latent=settings.latent, network="mlp(hidden=(300, 300))")
    vae.compile(keras.optimizers.Adam(1e-3, global_clipnorm=100.0))
    vae.optimizer.build(vae.trainable_variables)
    x = np.random.default_rng(0).integers(0, 2, (2000, 784)).astype("float32")
    vae.adapt(x)
    batches = iter(tf.data.Dataset.from_tensor_slices(x).repeat().batch(settings.batch, drop_remainder=True))
    take_steps = compile_steps(vae.take_step, STEPS, "float32")
    return lambda: take_steps(batches, tf.constant(STEPS))[0].numpy()


def kernels(function, calls):
    """Profiles calls of a function.

    Args:
        function: to be called; it compiles on its first call.
        calls: how often.

    Returns:
        Two dicts by the events' names: their seconds and their number, in all calls.
    """
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    function()
    options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=3, python_tracer_level=0)
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder, options)
        for _ in range(calls):
            function()
        tf.profiler.experimental.stop()
        space = xplane_pb2.XSpace.FromString(next(Path(folder).rglob("*.xplane.pb")).read_bytes())
    seconds, counts = Counter(), Counter()
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            name = plane.event_metadata[event.metadata_id].name
            seconds[name] += event.duration_ps / 1e12
            counts[name] += 1
    return seconds, counts


if __name__ == "__main__":
    main()
