"""The verbs: taking films in, sending them out, watching the printers, keeping house."""
