"""Mixtures: small ones in matrix products, large ones in blocks, and those of a posterior in strata."""
