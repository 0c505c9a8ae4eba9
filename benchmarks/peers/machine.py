"""The machine that measures."""

import datetime
import os
import platform
import time
from pathlib import Path


def description(threads):
    """Returns what there is to say of the machine, by name.

    Args:
        threads: processors of each contestant.
    """
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = [line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith("model name")]
    flags = next((line for line in info.splitlines() if line.startswith("flags")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": models[0] if models else platform.processor(),
        "processors": os.cpu_count(),
        "used": min(threads, len(os.sched_getaffinity(0))),
        "vectors": "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "",
        "memory_gib": round(memory),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "date": datetime.date.today().isoformat(),
    }


def busy_processors(seconds=1.0):
    """Returns how many processors other processes keep busy, of which a quiet machine has none; 0 where unknown.

    Args:
        seconds: to watch for.
    """
    if not Path("/proc/stat").exists():
        return 0.0
    before = _ticks()
    time.sleep(seconds)
    busy, all_ticks = (b - a for a, b in zip(before, _ticks(), strict=True))
    return os.cpu_count() * busy / max(1, all_ticks)


def _ticks():
    """Returns the busy and all clock ticks of all processors since the start of the system."""
    numbers = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return sum(numbers) - numbers[3] - numbers[4], sum(numbers)  # the fourth is idle, the fifth waits for a disk


def sentence(results):
    """Returns a paragraph on the machines, the dates and the versions of a run.

    Args:
        results: row -> {"machine", "contestants"}.
    """
    machines = {}
    for name, result in results.items():
        machines.setdefault(tuple(result["machine"].items()), []).append(name)
    versions = {}
    for result in results.values():
        for values in result["contestants"].values():
            versions |= values["versions"]
    lines = [_machine(dict(key), rows, len(machines) > 1) for key, rows in machines.items()]
    names = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    return "\n".join([*lines, f"Versions: {names}."])


def _machine(values, rows, several):
    which = f"{', '.join(rows)}: " if several else ""
    return (
        f"{which}{values['date']}, {values['processor']} ({values['vectors']}), {values['used']} of its "
        f"{values['processors']} processors, {values['memory_gib']} GiB, {values['system']}."
    )
