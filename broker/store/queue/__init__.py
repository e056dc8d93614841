"""What changes the queue: submission, claims, commands, recovery, retention."""
