"""Operator commands from a page or the API, one or many at once."""
