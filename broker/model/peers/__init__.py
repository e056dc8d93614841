"""Who calls, from where, and why some are refused."""
