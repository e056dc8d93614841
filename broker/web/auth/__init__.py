"""Signing in to the page: sessions, passwords compared, attempts counted."""
