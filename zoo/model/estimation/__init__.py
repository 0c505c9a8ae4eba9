"""Estimates of log p(x) beyond plain importance sampling."""
