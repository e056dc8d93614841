"""The composition: the broker's parts put together, its processes, signals and log."""
