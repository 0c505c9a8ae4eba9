"""The serving signatures, and what they are made of.

A new signature is a function in `table.py`; a new kind of input, an entry in `inputs.py`.
"""
