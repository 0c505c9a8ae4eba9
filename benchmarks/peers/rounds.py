"""Rounds of a row: its contestants take turns, each in a process of its own, one at a time."""

import time
from statistics import median

from tqdm import tqdm

from benchmarks.peers.contestant import ContestantFailed, Running

PAUSE = 0.1  # seconds between two turns, in which threads of the last one fall asleep
DROPPED = 1.5  # a form of a peer that takes so many times as long as its fastest one is not measured on
OTHER_PROCESSES = ("with_commands", "with_export")  # workers that start other processes, whose memory is not theirs
TRIED = 3  # rounds before that


def measure(row, rounds, threads, quick=False):
    """Measures a row.

    Args:
        row: a `benchmarks.peers.rows.Row`.
        rounds: number of rounds.
        threads: number of processors of each contestant.
        quick: whether to do as little as possible, to see that all works.

    Returns:
        A dict: contestant -> {"seconds": a number for each round, "peak_bytes", "versions", "rounds": all answers}; and
        contestant -> message of those that failed.
    """
    rounds = min(rounds, row.rounds or rounds)
    running, failed = {}, {}
    try:
        with tqdm(total=len(row.contestants) * (rounds + 1), desc=row.name, leave=False) as bar:
            for contestant in row.contestants:
                try:
                    running[contestant.name] = Running(smaller(contestant) if quick else contestant, threads)
                except ContestantFailed as error:
                    failed[contestant.name] = str(error)
                    bar.total -= rounds
                bar.update()
            return _take_turns(running, rounds, bar), failed
    finally:
        for process in running.values():
            process.stop()


def _take_turns(running, rounds, bar):
    answers = {name: [] for name in running}
    for done in range(rounds):
        for name in list(answers):
            if done == TRIED and is_slow(name, answers):
                del answers[name]
                bar.total -= rounds - done
                continue
            time.sleep(PAUSE)
            answers[name].append(running[name].run())
            bar.update()
    return {
        name: {
            "seconds": [answer["seconds"] for answer in each],
            **_memory(running[name], each),
            "parameters": running[name].ready.get("parameters"),
            "versions": running[name].ready["versions"],
            "rounds": each,
        }
        for name, each in answers.items()
    }


def _memory(process, answers):
    if process.contestant.worker in OTHER_PROCESSES:
        return {"peak_bytes": None, "imported_bytes": None}
    return {"peak_bytes": answers[-1]["peak_bytes"], "imported_bytes": process.ready["imported_bytes"]}


def is_slow(name, answers):
    """Returns whether another form of the same library is much faster, so that this one needs no more rounds.

    Args:
        name: contestant; forms of a library have the same first word.
        answers: contestant -> list of answers with `seconds`.
    """
    seconds = {other: median(answer["seconds"] for answer in each) for other, each in answers.items()}
    forms = [seconds[other] for other in answers if other.split()[0] == name.split()[0]]
    return name.split()[0] in ("torch", "jax", "pythae") and seconds[name] > DROPPED * min(forms)


def smaller(contestant):
    """Returns a contestant with as little work as possible."""
    little = {"steps": 10, "examples": 1_000, "validated": 500, "scored": 1, "draws": 100, "points": 100, "epochs": 2}
    little |= {"components": 200} if contestant.settings.get("work") == "density" else {}
    settings = contestant.settings | {key: little[key] for key in little if key in contestant.settings}
    if "command" in settings:
        settings |= {"epochs": 2} if settings["command"] == "train" else {}
    elif contestant.worker != "with_export":
        settings |= {"steps": 10, "examples": 1_000}
    return type(contestant)(contestant.name, contestant.worker, settings, contestant.python)
