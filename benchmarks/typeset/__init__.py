"""How fast the typesetter is beside named alternatives: ``python -m benchmarks.typeset --data DIR``."""
