"""What pages are made of: templates, rows, times, and their regions while they are open."""
