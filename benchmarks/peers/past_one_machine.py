"""What a step would cost on a GPU and over several machines: computed from measurements, not measured.

`python -m benchmarks.peers.past_one_machine` reads what `make bench` and `python -m benchmarks.peers.growth` wrote.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import tyro

from benchmarks.peers import table
from benchmarks.peers.growth import LINES, PAGE
from benchmarks.peers.rows import ROWS
from benchmarks.peers.workers.task import Task

ADAM = 28  # bytes of memory a parameter: reads w, g, m and v, writes w, m and v
LAYER_PASSES = 12  # bytes an activation: written once, read twice, forward and backward
MODELS = ("diag", "tril", "vamp", "iwae", "gated")
WORKERS, LINKS = (2, 4, 8), (1, 10, 100)  # and Gbit/s


@dataclass(frozen=True)
class Device:
    """A device by its published peaks.

    Args:
        name: as its maker calls it.
        operations: float32 operations a second, without tensor cores.
        bandwidth: bytes a second of its memory.
    """

    name: str
    operations: float
    bandwidth: float


GPU = Device("NVIDIA A100 40GB", 19.5e12, 1.555e12)


@dataclass(frozen=True)
class Settings:
    """Computes what a step costs on a GPU and over several workers."""

    results: Path = Path("runs/bench/results.json")
    """File that `make bench` wrote."""
    growth: Path = Path("runs/bench/growth.json")
    """File that `python -m benchmarks.peers.growth` wrote."""
    docs: bool = False
    """Write the tables into docs/performance.md."""


def main():
    """Prints the tables."""
    settings = tyro.cli(Settings)
    results, growth = (json.loads(path.read_text()) for path in (settings.results, settings.growth))
    text = "\n\n".join([steps_table(results), workers_table(growth)])
    print(text)
    if settings.docs:
        PAGE.write_text(table.between_marks(PAGE.read_text(), "past one machine", text))


def task_of(name):
    """Returns the task of a row of training steps."""
    row = next(row for row in ROWS if row.name == name)
    return Task.of(row.contestants[0].settings)


def steps_table(results):
    """Returns the table of parameters, operations, bytes and times of a step.

    Args:
        results: row -> what was measured.
    """
    lines = [
        f"| step | parameters | operations | here | here, GFLOP/s | {GPU.name}, at the best | bound by |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in MODELS:
        if "zoo" not in results.get(name, {}).get("contestants", {}):
            continue
        task, seconds = task_of(name), median(results[name]["contestants"]["zoo"]["seconds"])
        computing, moving = roofline(task, GPU)
        lines.append(
            f"| {name} | {task.parameters / 1e6:.2f} M | {task.operations / 1e9:.2f} G | {1e3 * seconds:.2f} ms "
            f"| {task.operations / seconds / 1e9:.0f} | {1e6 * max(computing, moving):.0f} µs "
            f"| {'operations' if computing > moving else 'memory'} |"
        )
    return "\n".join(lines)


def roofline(task, device):
    """Returns the least seconds of a step on a device for its operations, and for its memory.

    Args:
        task: a `Task`.
        device: a `Device`.
    """
    activations = task.batch * sum(outputs for _, outputs in task.encoder_layers)
    activations += task.samples * task.batch * sum(outputs for _, outputs in task.decoder_layers)
    if task.prior == "vamp":
        activations += task.components * sum(outputs for _, outputs in task.encoder_layers)
    moved = ADAM * task.parameters + 8 * task.parameters + LAYER_PASSES * activations  # weights: read twice
    return task.operations / device.operations, moved / device.bandwidth


def exchanged_bytes(parameters, workers):
    """Returns the bytes that each worker sends in a step's ring all-reduce of float32 gradients.

    Args:
        parameters: number of them.
        workers: n.
    """
    return 2 * (workers - 1) / workers * 4 * parameters


def workers_table(growth):
    """Returns the table of speedups of n workers over one at the same batch, by the speed of their network.

    Args:
        growth: what `growth` wrote; its times over the batch are used.
    """
    (line,) = (i for i, line in enumerate(LINES) if line.key == "batch")
    times = {point["size"]: point["seconds"] for point in growth["points"] if point["line"] == line}
    parameters = Task.of(LINES[line].settings).parameters
    lines = [f"| batch, of all | workers | each sends | {' | '.join(f'{link} Gbit/s' for link in LINKS)} |"]
    lines.append("|---" * (3 + len(LINKS)) + "|")
    for batch in sorted(times)[1:]:
        for workers in WORKERS:
            sent = exchanged_bytes(parameters, workers)
            cells = [f"{speedup(times, batch, workers, 8 * sent / (link * 1e9)):.2f}" for link in LINKS]
            lines.append(f"| {batch:,} | {workers} | {sent / 2**20:.1f} MiB | {' | '.join(cells)} |")
    return "\n".join(lines)


def speedup(times, batch, workers, exchange):
    """Returns how many times as fast n workers are, if nothing of the exchange is hidden behind the computation.

    Args:
        times: batch -> seconds of a step on one worker.
        batch: of all workers.
        workers: n.
        exchange: seconds of the all-reduce.
    """
    return times[batch] / (interpolated(times, batch / workers) + exchange)


def interpolated(times, batch):
    """Returns the seconds of a step at a batch between those that were measured, linear in the logarithms.

    Args:
        times: batch -> seconds.
        batch: a number; below the smallest batch, its time is returned.
    """
    sizes = sorted(times)
    if batch <= sizes[0]:
        return times[sizes[0]]
    high = next(size for size in sizes if size >= batch)
    low = max(size for size in sizes if size <= batch)
    if low == high:
        return times[low]
    share = math.log(batch / low) / math.log(high / low)
    return math.exp((1 - share) * math.log(times[low]) + share * math.log(times[high]))


if __name__ == "__main__":
    main()
