"""How commands show tables, times, progress and pictures."""
