"""Parts that do not fit each other are refused with those that do."""

import pytest

import zoo


@pytest.mark.parametrize("posterior", ["iaf", "mixture", "hierarchical"])
def test_tc_refuses_posteriors_that_are_not_normal(posterior):
    normals = "diag, low_rank, orthogonal, std_corr, tril"
    with pytest.raises(ValueError, match=rf"tc.* is incompatible with .*{posterior}.*elbo.*posteriors? {normals}\.$"):
        zoo.build("diag_vae", (6,), "unit", latent=4, posterior=posterior, objective="tc")


@pytest.mark.parametrize(
    ("parts", "refused", "fitting"),
    [
        (("dirichlet", "standard"), "prior", ["dirichlet", "vamp"]),
        (("diag", "dirichlet"), "prior", ["standard", "vamp", "mixture"]),
        (("iaf", "vamp"), "prior", ["standard", "maf"]),
        (("diag", "hierarchical(prior='vamp')"), "prior", ["standard", "vamp"]),
    ],
)
def test_pairs_that_do_not_fit_are_refused_with_those_that_do(parts, refused, fitting):
    posterior, prior = parts
    with pytest.raises(ValueError, match=f"The {refused} .* is incompatible with the posterior .*{posterior}") as error:
        zoo.build("diag_vae", (6,), "unit", latent=4, posterior=posterior, prior=prior)
    message = str(error.value)
    named, keeping = message.split(f"keep that {refused}")
    assert all(part in named.split("use one of")[1] for part in fitting)
    assert message.count(". ") == 0
    assert message.endswith(".")
    # What it names can be built.
    for name in names_in(named.split(f"{refused}s")[1]):
        zoo.build("diag_vae", (6,), "unit", latent=4, posterior=posterior, prior=name)
    for name in names_in(keeping.split("posteriors")[1]):
        zoo.build("diag_vae", (6,), "unit", latent=4, posterior=name, prior=prior)


def names_in(text):
    return [name.strip(" .") for name in text.replace(" or ", ",").split(",") if name.strip(" .")]
