"""Why films do not print, what a person does, and who is told of it."""
