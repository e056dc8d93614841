"""A film, what it asks of a printer, and what a printer was seen to take."""
