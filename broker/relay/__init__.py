"""Intake of films, dispatch to printers, monitoring of printers, upkeep."""
