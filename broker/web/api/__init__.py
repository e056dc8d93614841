"""The API: the page's data and commands for programs, described for machines and people."""
