"""Closed forms in numpy and scipy, float64: what the tests hold the zoo to."""

from typing import NamedTuple

import numpy as np
from scipy import special, stats


def normal_kl(mean_q, covariance_q, mean_p, covariance_p):
    """KL(N_q ‖ N_p) in nats, by the textbook formula with explicit inverses."""
    d = len(mean_q)
    precision = np.linalg.inv(covariance_p)
    difference = mean_p - mean_q
    trace = np.trace(precision @ covariance_q)
    log_det = np.linalg.slogdet(covariance_p)[1] - np.linalg.slogdet(covariance_q)[1]
    return 0.5 * (trace + difference @ precision @ difference - d + log_det)


def mixture_log_density(z, weights, means, covariances):
    """log Σₘ πₘ N(z; μₘ, Σₘ) for each row of z."""
    densities = [stats.multivariate_normal(m, c).logpdf(z) for m, c in zip(means, covariances, strict=True)]
    return special.logsumexp(np.array(densities).T, axis=-1, b=weights)


def normal_log_densities(z, means, covariances):
    """log N(zₙ; μₘ, Σₘ) [N, M] of points [N, d], many normals at once."""
    root = np.linalg.cholesky(covariances)  # [M, d, d]
    u = np.linalg.solve(root, (z[None] - means[:, None]).transpose(0, 2, 1))  # [M, d, N]
    log_det = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=-1)
    return -0.5 * (u**2).sum(axis=1).T - log_det - 0.5 * z.shape[-1] * np.log(2 * np.pi)


def many_moments(family, params, d):
    """`normal_moments` of each row of params: means [M, d] and covariances [M, d, d]."""
    return tuple(map(np.array, zip(*[normal_moments(family, row, d) for row in params], strict=True)))


def mixture_moments(weights, means, covariances):
    """Mean and covariance of a mixture."""
    mean = sum(w * m for w, m in zip(weights, means, strict=True))
    second = sum(w * (c + np.outer(m, m)) for w, m, c in zip(weights, means, covariances, strict=True))
    return mean, second - np.outer(mean, mean)


def dirichlet_kl(q, p):
    """KL(Dir(q) ‖ Dir(p)) in nats."""
    log_norms = (
        special.gammaln(q.sum()) - special.gammaln(q).sum() - special.gammaln(p.sum()) + special.gammaln(p).sum()
    )
    return log_norms + (q - p) @ (special.digamma(q) - special.digamma(q.sum()))


def positive_inverse(value, floor=1e-4):
    """The raw number whose `positive` is that value."""
    return value - floor + np.log(-np.expm1(floor - value)) - np.log(np.expm1(1 - floor))


def lower_triangle(raw, d):
    """[d, d] from d(d+1)/2 numbers: the diagonal, and what is below it, row by row."""
    lower = np.diag(raw[:d])
    lower[np.tril_indices(d, -1)] = raw[d:]
    return lower


def lower_triangle_inverse(lower):
    """The d(d+1)/2 numbers of a lower triangular matrix."""
    return np.concatenate([np.diag(lower), lower[np.tril_indices(len(lower), -1)]])


def reflections_product(vectors):
    """H₁ ⋯ H_r, Hᵢ = I − 2 vᵢ vᵢᵀ / |vᵢ|², of the rows of vectors [r, d]."""
    product = np.eye(vectors.shape[1])
    for v in vectors:
        product = product @ (np.eye(len(v)) - 2 * np.outer(v, v) / (v @ v))
    return product


def normal_moments(family, params, d):
    """Mean and covariance of a normal family at raw parameters [size], whose number tells rank and reflections."""
    loc, raw = np.split(np.asarray(params, np.float64), [d])
    if family in ("tril", "std_corr"):
        lower = lower_triangle(raw, d)
        scale = positive(np.diag(lower))
        root = np.zeros([d, d])
        for i in range(d):
            row = np.append(lower[i, :i], scale[i] if family == "tril" else 1.0)
            root[i, : i + 1] = row if family == "tril" else scale[i] * row / np.sqrt(np.sum(row**2))
        return loc, root @ root.T
    scale, rest = positive(raw[:d]), raw[d:]
    if family == "orthogonal":
        vectors = rest.reshape(-1, d)
        rotation = reflections_product(vectors / np.sqrt(d) + [np.eye(d)[i % d] for i in range(len(vectors))])
        return loc, rotation @ np.diag(scale**2) @ rotation.T
    spread = scale[:, None] * rest.reshape(d, -1) if family == "low_rank" else np.zeros([d, 1])
    return loc, np.diag(scale**2) + spread @ spread.T


def normal_params(family, mean, covariance):
    """Raw parameters of the normal of that family with those moments: `normal_moments` backwards."""
    if family == "diag":
        return np.concatenate([mean, positive_inverse(np.sqrt(np.diag(covariance)))])
    if family == "orthogonal":
        variances, rotation = np.linalg.eigh(covariance)
        raw = np.sqrt(len(mean)) * (householder_vectors(rotation) - np.eye(len(mean)))
        return np.concatenate([mean, positive_inverse(np.sqrt(variances)), raw.ravel()])
    root = np.linalg.cholesky(covariance)
    scale = np.diag(root)
    if family == "std_corr":
        scale = np.sqrt(np.diag(covariance))
        root = root / np.diag(root)[:, None]
    raw = np.tril(root, -1) + np.diag(positive_inverse(scale))
    return np.concatenate([mean, lower_triangle_inverse(raw)])


def householder_vectors(rotation):
    """Rows whose reflections' product is an orthogonal matrix, but for the signs of its columns."""
    rest, vectors = rotation.copy(), []
    for i in range(len(rotation)):
        v = np.zeros(len(rotation))
        v[i:] = rest[i:, i]
        v[i] += np.copysign(np.linalg.norm(v), v[i])
        vectors.append(v / np.linalg.norm(v))
        rest -= 2 * np.outer(vectors[-1], vectors[-1] @ rest)
    return np.array(vectors)


def continuous_bernoulli_log_density(x, logits):
    """log C(λ) + x log λ + (1 − x) log(1 − λ), C by numerical integration of the rest over [0, 1]."""
    grid = np.linspace(0, 1, 200_001)
    log_norm = np.log(np.trapezoid(np.exp(grid * logits - np.logaddexp(0, logits)), grid))
    return x * logits - np.logaddexp(0, logits) - log_norm


class LinearGaussian(NamedTuple):
    """z ~ N(0, I), x = W z + b + σ ε: all that a VAE approximates is known here.

    Args:
        W: [D, L].
        b: [D].
        sigma: σ.
    """

    W: np.ndarray
    b: np.ndarray
    sigma: float

    def sample(self, n, rng):
        """n draws of x [n, D]."""
        z = rng.normal(size=(n, self.W.shape[1]))
        return z @ self.W.T + self.b + self.sigma * rng.normal(size=(n, len(self.b)))

    def log_density(self, x):
        """log p(x) [n]."""
        covariance = self.W @ self.W.T + self.sigma**2 * np.eye(len(self.b))
        return stats.multivariate_normal(self.b, covariance).logpdf(x)

    @property
    def posterior_covariance(self):
        """Covariance of p(z|x) [L, L], the same for every x."""
        return np.linalg.inv(np.eye(self.W.shape[1]) + self.W.T @ self.W / self.sigma**2)

    @property
    def posterior_map(self):
        """A [L, D] of the posterior's mean A (x − b)."""
        return self.posterior_covariance @ self.W.T / self.sigma**2

    @property
    def mean_field_gap(self):
        """The least KL from a diagonal normal to the posterior: ½ (Σ log Λᵢᵢ − log det Λ), Λ the precision."""
        precision = np.linalg.inv(self.posterior_covariance)
        return 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])


def assert_mean(samples, expected, sigmas=5):
    """The mean of samples [n, ...] is as expected; with five standard errors it fails by chance once in two million."""
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    assert np.all(np.abs(samples.mean(axis=0) - expected) <= sigmas * error + 1e-12)


def assert_fractions(draws, centers, weights):
    """The draws [n, d] come from components at those centers [M, d], far apart, in the fractions of the weights."""
    nearest = np.argmin(np.linalg.norm(draws[:, None] - centers, axis=-1), axis=-1)
    assert_mean(np.eye(len(centers))[nearest], weights)
    assert np.all(np.isin(np.arange(len(centers)), nearest))


class NaiveVAE(NamedTuple):
    """A VAE of a tanh encoder and a linear decoder, one draw of one example at a time; complex weights will do.

    Args:
        weights: part ↦ its arrays: "encoder" and "posterior" [kernel, bias], "decoder" and "likelihood" too,
            "prior" [] for N(0, I), or [logits, loc, raw_scale] for a mixture of diagonal normals.
        latent: L.
        sigma: the likelihood's scale.
        positions: where the raw parameters go in the posterior's triangular scale [L, L]; None for a diagonal one.
    """

    weights: dict
    latent: int
    sigma: float
    positions: np.ndarray | None = None

    def posterior(self, x):
        """μ [L] and the triangular scale [L, L] of one x."""
        (kernel, bias), (to_params, params_bias) = self.weights["encoder"], self.weights["posterior"]
        params = np.tanh(x @ kernel + bias) @ to_params + params_bias
        loc, raw = params[: self.latent], params[self.latent :]
        if self.positions is None:
            return loc, np.diag(positive(raw))
        raw = raw[self.positions]
        return loc, np.tril(raw, -1) + np.diag(positive(np.diag(raw)))

    def log_px(self, x, z):
        """log p(x|z) of one x and one z."""
        (kernel, bias), (to_loc, loc_bias) = self.weights["decoder"], self.weights["likelihood"]
        loc = (z @ kernel + bias) @ to_loc + loc_bias
        return log_normal(x, loc, self.sigma * np.eye(len(x)))

    def log_pz(self, z):
        """log p(z) of one z."""
        if not self.weights["prior"]:
            return log_normal(z, np.zeros(self.latent), np.eye(self.latent))
        logits, locs, raw_scales = self.weights["prior"]
        components = [log_normal(z, loc, np.diag(positive(raw))) for loc, raw in zip(locs, raw_scales, strict=True)]
        return log_sum_exp(logits + np.array(components)) - log_sum_exp(logits)

    def log_qz(self, x, z):
        """log q(z|x) of one x and one z."""
        return log_normal(z, *self.posterior(x))

    def draw(self, x, noise):
        """z = μ(x) + L(x) ε."""
        loc, scale = self.posterior(x)
        return loc + scale @ noise

    def noise(self, x, z):
        """The ε that `draw` makes z of."""
        loc, scale = self.posterior(x)
        return np.linalg.solve(scale, z - loc)

    def gradient(self, function, *parts):
        """The gradient of a real function of such a model in the weights of some parts, by the complex step.

        f(w + ih) = f(w) + ih f′(w) + O(h²): with no difference taken, nothing cancels (Squire & Trapp, 1998).
        """
        step, gradients = 1e-30, []
        for part in parts:
            for i, array in enumerate(self.weights[part]):
                gradient = np.empty(array.shape)
                for index in np.ndindex(array.shape):
                    moved = [np.array(a, complex) for a in self.weights[part]]
                    moved[i][index] += 1j * step
                    gradient[index] = np.imag(function(self._replace(weights=self.weights | {part: moved}))) / step
                gradients.append(gradient)
        return gradients


def positive(raw, floor=1e-4):
    """softplus(raw + c) + floor, 1 at 0."""
    return np.log(1 + np.exp(raw + np.log(np.expm1(1 - floor)))) + floor


def log_normal(z, loc, scale):
    """log N(z; μ, L Lᵀ) of one z, with complex numbers too."""
    u = np.linalg.solve(scale, z - loc)
    return -0.5 * u @ u - np.log(np.diag(scale)).sum() - 0.5 * len(z) * np.log(2 * np.pi)


def log_sum_exp(values):
    """log Σ exp, with complex numbers too."""
    largest = np.real(values).max()
    return largest + np.log(np.exp(values - largest).sum())
