"""Pixels on stable storage: files, named by their content."""
