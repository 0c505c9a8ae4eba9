"""No part is left out: every public class is registered, every registered one is tested, documented and importable."""

import inspect

import pytest

import zoo
from tests.contract import test_shapes, test_training_step
from tests.contract.parts import ROLES as MODEL_ROLES
from tests.contract.parts import all_parts, combinations
from zoo import registry
from zoo.model import estimation

ROLES = {
    "posterior": zoo.posteriors,
    "prior": zoo.priors,
    "likelihood": zoo.likelihoods,
    "network": zoo.networks,
    "objective": zoo.objectives,
    "normal": zoo.parameterizations,
    "sampler": zoo.samplers,
    "log-likelihood method": estimation,
}
NO_PARTS = {
    "GatedDense",
    "Likelihood",
    "StandardizedLikelihood",
    "Objective",
    "Posterior",
    "Prior",
    "Sampler",
    "Terms",
    "kl_divergence",
}


def test_every_role_is_known_here():
    assert set(registry.kinds()) == set(ROLES)


@pytest.mark.parametrize("kind", ["posterior", "prior", "likelihood", "network", "objective"])
def test_every_public_class_is_registered(kind):
    registered = {registry.get(kind, name).__name__ for name in zoo.names(kind)}
    assert registered == set(ROLES[kind].__all__) - NO_PARTS


def test_every_registered_part_is_in_the_contract_tests():
    tested = {(kind, registry.parse(spec)[0]) for kind, spec in all_parts()}
    for kind in set(registry.kinds()) - {
        "normal",
        "sampler",
        "log-likelihood method",
    }:  # with contract files of their own
        assert {name for k, name in tested if k == kind} == set(zoo.names(kind))


def test_every_part_is_in_a_combination():
    assert {pair for parts in combinations() for pair in parts.items()} >= set(all_parts())


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in registry.kinds() for name in zoo.names(kind)])
def test_every_part_says_what_it_is(kind, name):
    part = registry.get(kind, name)
    assert len((part.__doc__ or "").splitlines()[0]) > 10
    required = [
        p.name
        for p in inspect.signature(part).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
    assert required in ([], ["event_shape"])  # a part can be made from its event shape alone


def test_public_names_exist():
    assert all(hasattr(zoo, name) for name in zoo.api.__all__)


PUBLIC = [getattr(zoo, name) for name in zoo.api.__all__ if callable(getattr(zoo, name))]


def public_methods(cls):
    """The public methods that a class names first, and not Keras or TFP."""
    others = [base for base in cls.__mro__[1:] if not base.__module__.startswith("zoo.")]
    inherited = {name for base in others for name in vars(base)} | {"call", "build", "get_config"}
    named = {name: member for name, member in vars(cls).items() if not name.startswith("_") and name not in inherited}
    return [member for member in named.values() if inspect.isfunction(member)]


def public_functions():
    """The public functions of the zoo, and the methods of its public classes."""
    for thing in PUBLIC:
        yield from public_methods(thing) if inspect.isclass(thing) else [thing]


@pytest.mark.parametrize("function", public_functions(), ids=lambda function: function.__qualname__)
def test_public_functions_are_typed(function):
    parameters = [p for name, p in inspect.signature(function).parameters.items() if name != "self"]
    assert all(p.annotation is not p.empty for p in parameters)
    assert inspect.signature(function).return_annotation is not inspect.Signature.empty


@pytest.mark.parametrize("cls", [cls for cls in PUBLIC if inspect.isclass(cls)], ids=lambda cls: cls.__name__)
def test_public_methods_are_documented(cls):
    for name, member in vars(cls).items():
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
            inherited = [vars(base)[name] for base in cls.__mro__[1:] if name in vars(base)]
            assert member.__doc__ or inherited, f"{cls.__name__}.{name} has no docstring"


def test_every_part_occurs_in_the_fast_tests():
    """`make check` leaves out what is marked slow: not these contracts, which all parts are in."""
    for module, function in (
        (test_training_step, "test_every_weight_gets_a_gradient"),
        (test_shapes, "test_posterior"),
    ):
        marks = [*getattr(module, "pytestmark", []), *getattr(getattr(module, function), "pytestmark", [])]
        assert "slow" not in {mark.name for mark in marks}
    there = {(kind, registry.parse(spec)[0]) for kind, spec in all_parts()}
    assert {(kind, name) for kind in MODEL_ROLES for name in zoo.names(kind)} <= there
