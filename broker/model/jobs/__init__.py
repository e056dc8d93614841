"""A job: what was asked for, how it is printed again, how it is found."""
