"""A printer, what is observed of it, and which job goes to which one."""
