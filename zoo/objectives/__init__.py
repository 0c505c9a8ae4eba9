"""Objectives: functions from the terms of a variational bound to a value for each example."""

from zoo.objectives.elbo import ELBO
from zoo.objectives.importance import IWAE, DReG
from zoo.objectives.mmd import MMD
from zoo.objectives.objective import Objective
from zoo.objectives.terms import Terms
from zoo.objectives.total_correlation import TotalCorrelation

__all__ = ["ELBO", "IWAE", "MMD", "DReG", "Objective", "Terms", "TotalCorrelation"]
