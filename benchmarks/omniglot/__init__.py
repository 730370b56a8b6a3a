"""Omniglot's twenty one-shot runs: distances that learn nothing, and networks that saw five alphabets."""
