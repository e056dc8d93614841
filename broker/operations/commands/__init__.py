"""Operator commands: what is asked before, what is recorded, many at once."""
