"""Mixtures: small ones by matrix products, large ones block by block, and stratified ones for posteriors."""
