"""The System Overview, the job pages, the API and the figures for Prometheus: one process."""
