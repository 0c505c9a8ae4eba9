"""Learning-rate schedules, held to loops over epochs and steps, and what is refused of them."""

import math
from itertools import pairwise

import numpy as np
import pytest

from training.config import Config
from training.data import load_dataset
from training.loop.optimizer import LearningRate, make_optimizer
from training.schedules import SCHEDULES
from training.train import main

RATE, EPOCHS, STEPS = 0.002, 12, 5


def rates(spec):
    """The learning rate of each step."""
    rate = LearningRate(Config(lr_schedule=spec, learning_rate=RATE, epochs=EPOCHS), STEPS)
    return [rate.at(step) for step in range(EPOCHS * STEPS)]


def cosine(t):
    return (1 + math.cos(math.pi * t)) / 2


def warm_cosine(t, warmup=3, final=0.1):
    """That of t epochs."""
    late = (t - warmup) / (EPOCHS - warmup)
    return t / warmup if t < warmup else final + (1 - final) * cosine(late)


EXPECTED = {
    "constant": lambda t: 1.0,
    "cosine": lambda t: cosine(t / EPOCHS),
    "cosine(warmup=3, final=0.1)": warm_cosine,
    "exponential": lambda t: 0.01 ** (t / EPOCHS),
    "exponential(final=0.5)": lambda t: 0.5 ** (t / EPOCHS),
    "steps(at=(2, 7), factor=0.5)": lambda t: 0.5 ** (int(t >= 2) + int(t >= 7)),
    "steps(at=[11])": lambda t: 0.1 ** int(t >= 11),
}


@pytest.mark.parametrize("spec", EXPECTED)
def test_each_step_has_the_rate_of_its_time(spec):
    times = [epoch + step / STEPS for epoch in range(EPOCHS) for step in range(STEPS)]
    np.testing.assert_allclose(rates(spec), [RATE * EXPECTED[spec](t) for t in times], rtol=1e-5, atol=1e-10)


@pytest.mark.parametrize("epochs", [1, 4, 5, 130, 3280])
def test_burda_s_rates_last_three_times_as_long_each(epochs):
    rate = LearningRate(Config(lr_schedule="burda", learning_rate=RATE, epochs=epochs), STEPS)
    changes = [0, 1, 4, 13, 40, 121, 364, 1093, 3280]
    for i, (first, end) in enumerate(pairwise(changes)):
        for step in (first * STEPS, end * STEPS - 1):
            if step < epochs * STEPS:
                assert rate.at(step) == pytest.approx(RATE * 10 ** (-i / 7)), step


def test_the_optimizer_follows_the_number_of_its_steps():
    config = Config(lr_schedule="cosine", learning_rate=RATE, epochs=EPOCHS)
    rate = LearningRate(config, STEPS)
    adam = make_optimizer(config, rate)
    adam.iterations.assign(17)
    assert float(adam.learning_rate) == pytest.approx(rate.at(17))
    assert rate.at(-1) == rate.at(0)  # where all steps were skipped


WRONG = {
    "linear": "to be one of constant, cosine",
    "cosine(": "to be one of constant, cosine",
    "": "to be one of constant, cosine",
    "cosine(epochs=3)": "cosine has no option 'epochs'. It has: warmup, final",
    "constant(rate=1)": "constant has no option 'rate'. It has: none",
    "cosine(warmup=12)": "the warmup of --lr-schedule cosine to be a whole number, from 0 to 11, got 12",
    "cosine(warmup=0.5)": "the warmup of --lr-schedule cosine to be a whole number",
    "cosine(final=2)": "the final of --lr-schedule cosine to be a finite number, from 0 to 1, got 2",
    "exponential(final=0)": "the final of --lr-schedule exponential to be a finite number",
    "steps": r"to be epochs, such as at=\(60, 80\), got \(\)",
    "steps(at=3)": r"to be epochs, such as at=\(60, 80\), got 3",
    "steps(at=(3, 3))": r"to increase, got \[3, 3\]",
    "steps(at=(0, 3))": "each at of --lr-schedule steps to be a whole number, from 1 to 11, got 0",
    "steps(at=(3, 12))": "each at of --lr-schedule steps to be a whole number, from 1 to 11, got 12",
    "steps(at=(3,), factor=0)": "the factor of --lr-schedule steps to be a finite number",
}


@pytest.mark.parametrize("spec", WRONG)
def test_what_is_no_schedule_is_refused(spec):
    with pytest.raises(ValueError, match=WRONG[spec]):
        Config(lr_schedule=spec, epochs=EPOCHS)


def test_the_refusal_lists_all_that_there_are():
    with pytest.raises(ValueError) as error:
        Config(lr_schedule="linear")
    assert all(name in str(error.value) for name in SCHEDULES)


def test_a_schedule_that_does_not_fit_the_data_set_s_epochs_is_refused():
    config = Config(lr_schedule="cosine(warmup=300)")  # the number of epochs comes with the data
    with pytest.raises(ValueError, match="from 0 to 299, got 300"):
        config.resolved(load_dataset("digits"))


@pytest.mark.parametrize("momentum", [-0.1, 1.0, 1.5, math.nan])
def test_what_is_no_momentum_is_refused(momentum):
    with pytest.raises(ValueError, match=r"Expected --ema to be 0 or more and less than 1, such as 0\.999, got"):
        Config(ema=momentum)


def test_the_command_refuses_it_before_anything_is_written(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--lr-schedule", "linear", "--out", str(tmp_path / "run")])
    assert "Expected --lr-schedule to be one of constant" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
