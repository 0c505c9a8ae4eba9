"""The rows of the benchmark: what is timed, against whom, and the goals."""

from dataclasses import dataclass
from functools import partial

from benchmarks.peers.contestant import Contestant
from benchmarks.peers.contestants import JAX, TORCH, density_layers, floor_of, ours, peers, products, pythae
from benchmarks.peers.goals import Goal
from benchmarks.peers.workers.task import Task

MATRIX_PRODUCTS = "the matrix products"
REST = "random numbers, log-densities, biases and activations, norms for clipping and the guard, beside the floor"
LOOP = "the loop over rows, which a session takes step by step"
IMPORTS = "TensorFlow's libraries, which are loaded before a model is made; above them, mostly XLA's compiler"
FLOORS = {"diag": {}, "tril": {"posterior": "tril"}, "mixture": {"samples": 3}}  # settings of the products and Adam
HELD_BY = {
    "tril": f"{MATRIX_PRODUCTS} and Adam of the layer that gives d(d + 3)/2 parameters; above them, the triangles",
    "mixture": "three passes through the decoder, one for each component",
}
GATED = Task(network="gated_mlp")
STATIC_MNIST = {"examples": 50_000, "validated": 10_000}


@dataclass(frozen=True)
class Row:
    """Contestants that take turns, and the goals that they are measured for.

    Args:
        name: of the row, for `--rows`.
        title: what is timed, for the table.
        unit: of the seconds, such as "step".
        contestants: in the order of their turns.
        goals: the comparisons.
        rounds: the most rounds, for work that takes long; None for as many as the command asks for.
    """

    name: str
    title: str
    unit: str
    contestants: tuple[Contestant, ...]
    goals: tuple[Goal, ...]
    rounds: int | None = None


def trained(name, title, settings, *, jax, torch, floor, with_pythae=None):
    """Returns the row of a training step of a plain network beside all peers.

    Args:
        name: of the row.
        title: of the row.
        settings: of the task.
        jax: goal of the ratio to jax.
        torch: goal of the ratio to torch.
        floor: goal of the ratio to the matrix products and Adam.
        with_pythae: goal of the ratio to pythae; None if it has no such model.
    """
    contestants = [ours(settings), *peers(settings), floor_of("floor", settings)]
    held = {"floor": ("floor",), "held_by": f"{MATRIX_PRODUCTS} and Adam", "rest": REST}
    goals = [
        Goal(f"{title}, ours ÷ jax", "zoo", JAX, jax, **held),
        Goal(f"{title}, ours ÷ torch", "zoo", TORCH, torch, **held),
        Goal(f"{title}, ours ÷ matrix products and Adam alone", "zoo", ("floor",), floor, **held),
    ]
    if with_pythae:
        contestants.append(pythae(settings))
        goals.append(Goal(f"{title}, ours ÷ pythae", "zoo", ("pythae",), with_pythae, **held))
    goals.append(memory(title))
    return Row(name, title, "step", tuple(contestants), tuple(goals))


def memory(title):
    """Returns the goal of a training row's peak memory."""
    return Goal(f"{title}, peak memory, ours ÷ torch", "zoo", TORCH, 1.2, kind="memory", held_by=IMPORTS)


def network(name, title, settings):
    """Returns the row of a training step of another network, beside the faster of torch and jax."""
    of_faster = Goal(f"{title}, ours ÷ the faster of torch and jax", "zoo", TORCH + JAX, 1.1, held_by=MATRIX_PRODUCTS)
    goals = (of_faster, memory(title))
    return Row(name, title, "step", (ours(settings), *peers(settings)), goals)


def posteriors(latent, goals):
    """Returns the row of training steps of other posteriors beside the diagonal one.

    Args:
        latent: d.
        goals: posterior -> goal of the ratio.
    """
    names = ("diag", *goals)
    priors = {"dirichlet": "dirichlet"}
    contestants = [
        ours({"posterior": name, "prior": priors.get(name, "standard"), "latent": latent}, name) for name in names
    ]
    contestants += [floor_of(f"floor of {name}", FLOORS[name] | {"latent": latent}) for name in names if name in FLOORS]
    comparisons = [
        Goal(f"step, d = {latent}, {name} ÷ diag", name, ("diag",), most, **held(name)) for name, most in goals.items()
    ]
    return Row(f"posteriors-{latent}", f"step, d = {latent}", "step", tuple(contestants), tuple(comparisons))


def held(posterior):
    """Returns the floor of a posterior's step beside the diagonal one, and what holds it there, if known."""
    if posterior not in HELD_BY:
        return {}
    return {"floor": (f"floor of {posterior}", "floor of diag"), "held_by": HELD_BY[posterior]}


def log_likelihood(name, settings, least):
    """Returns the row of log-likelihoods of 5,000 draws beside pythae's, with draws in chunks of 100 and of 5,000."""
    settings = settings | {"draws": 5_000}
    chunks = [100, 5_000]
    theirs = [
        Contestant(f"pythae by {chunk:,}", "with_pythae", values, "peers")
        for chunk in chunks
        for values in [settings | {"work": "log_likelihood", "scored": 3, "chunk": chunk}]
    ]
    goal = Goal(
        f"log-likelihood, 5,000 draws, {name}: images/s, ours ÷ pythae's",
        "zoo",
        tuple(contestant.name for contestant in theirs),
        least=least,
        kind="rate",
        floor=("floor",),
        held_by=f"{MATRIX_PRODUCTS} of the decoder",
        rest="draws of z and the log-probability of each pixel, beside the floor",
    )
    task = Task.of(settings)
    floor = products(5_000, task.decoder_layers + density_layers(task) if task.prior == "vamp" else task.decoder_layers)
    contestants = (ours(settings | {"scored": 40}, work="log_likelihood"), *theirs, floor)
    return Row(f"log-likelihood-{name}", f"log-likelihood, {name}", "image", contestants, (goal,))


def commands():
    """Returns rows of the seconds that commands take."""
    worker = partial(Contestant, worker="with_commands")
    names = "import zoo", "import tensorflow", "import tfp"
    imports = [worker(name, settings={"command": name}) for name in names]
    held = {
        "floor": ("import tfp", "import tensorflow"),
        "held_by": "TensorFlow Probability's own import, and tf-keras's",
    }
    start = (
        Goal("`python -m training.train --help`", "help", most=1.0, kind="seconds"),
        Goal(
            "`import zoo` beyond `import tensorflow`",
            "import zoo",
            ("import tensorflow",),
            0.5,
            kind="difference",
            **held,
        ),
    )
    held_by = "4,200 steps, 300 validations, the imports, compiling, evaluation and report, in this order"
    train = Goal(
        "`make train MODEL=tril_vae` after the installation", "train", most=20.0, kind="seconds", held_by=held_by
    )
    return (
        Row("start", "start of a command", "command", (worker("help", settings={"command": "help"}), *imports), start),
        Row("command", "a command", "command", (worker("train", settings={"command": "train"}),), (train,), rounds=3),
    )


VAMP, IWAE = {"prior": "vamp", "components": 500}, {"samples": 5}
DENSITY = {"work": "density", "components": 50_000, "latent": 40}
POINTS = 200  # of one matrix product of the density's floor
SERVED = {"rows": 64, "draws": 100}

ROWS = (
    trained("diag", "train diag", {}, jax=1.1, torch=0.6, floor=1.15, with_pythae=0.5),
    trained("tril", "train tril", {"posterior": "tril"}, jax=1.1, torch=0.6, floor=1.15),
    trained("vamp", "train VampPrior-500", VAMP, jax=1.1, torch=0.6, floor=1.05, with_pythae=0.2),
    trained("iwae", "train iwae-5", IWAE, jax=1.1, torch=0.5, floor=1.05, with_pythae=0.5),
    network("gated", "train gated 300-300", {"network": "gated_mlp"}),
    network("conv", "train conv", {"network": "conv", "steps": 20}),
    network(
        "hierarchical",
        "train hierarchical",
        {"network": "gated_mlp", "posterior": "hierarchical", "prior": "hierarchical"},
    ),
    Row(
        "fit",
        "vae.fit",
        "step",
        (ours({"steps_per_execution": 10}, "fit", "fit"), ours({}, "loop")),
        (
            Goal(
                "`vae.fit` (steps_per_execution 10) ÷ our loop",
                "fit",
                ("loop",),
                1.1,
                held_by="the flags of XLA that our commands set, and programs that call `fit` may",
            ),
        ),
    ),
    Row(
        "epoch",
        "an epoch of static MNIST's size",
        "epoch",
        (
            ours(STATIC_MNIST | {"network": "gated_mlp"}, "epoch", "epoch"),
            ours(STATIC_MNIST | {"network": "gated_mlp", "whole": True}, "its steps"),
            products(STATIC_MNIST["validated"], GATED.encoder_layers + GATED.decoder_layers),
        ),
        (
            Goal(
                "an epoch of static MNIST beside its steps",
                "epoch",
                ("its steps",),
                0.1,
                kind="difference",
                floor=("floor",),
                held_by=f"{MATRIX_PRODUCTS} of 10,000 validation images, once an epoch",
            ),
        ),
    ),
    log_likelihood("diag", {}, least=8.0),
    log_likelihood("vamp", VAMP, least=25.0),
    Row(
        "density",
        "log-density of q(z)",
        "point",
        (
            Contestant("zoo", "with_zoo", DENSITY | {"points": 10_000}),
            Contestant("TFP under XLA", "with_tensorflow", DENSITY | {"points": 1_000, "chunk": 100}),
            products(POINTS, density_layers(Task.of(DENSITY)), POINTS),
        ),
        (
            Goal(
                "log-density of q(z), N = 50,000, 10,000 points: points/s, ours ÷ TFP's under XLA",
                "zoo",
                ("TFP under XLA",),
                least=10.0,
                kind="rate",
                floor=("floor",),
                held_by=f"{MATRIX_PRODUCTS} of points and components",
                rest="an exponential for each point and component, and their sums, beside the floor",
            ),
        ),
    ),
    posteriors(40, {"tril": 1.25}),
    posteriors(128, {"tril": 1.8, "mixture": 2.0, "dirichlet": 2.0}),
    *commands(),
    Row(
        "served",
        "served score, 64 rows, 100 draws",
        "call",
        (
            Contestant("C++ loader", "with_export", SERVED | {"work": "served"}),
            Contestant("signature in Python", "with_export", SERVED | {"work": "signature"}),
            Contestant("vae.score", "with_export", SERVED | {"work": "score"}),
        ),
        (
            Goal(
                "served `score`, 64 rows, 100 draws ÷ the signature in Python",
                "C++ loader",
                ("signature in Python",),
                1.0,
                held_by=LOOP,
            ),
            Goal("served `score`, 64 rows, 100 draws ÷ `vae.score`", "C++ loader", ("vae.score",), 1.0, held_by=LOOP),
        ),
    ),
)


def row(name):
    """Returns a row by name.

    Args:
        name: one of the rows'.

    Raises:
        KeyError: no such row; the message lists them.
    """
    for candidate in ROWS:
        if candidate.name == name:
            return candidate
    raise KeyError(f"No row '{name}'. Known: {', '.join(candidate.name for candidate in ROWS)}.")
