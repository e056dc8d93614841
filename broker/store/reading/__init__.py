"""Questions about jobs and films, each bounded in what it reads."""
