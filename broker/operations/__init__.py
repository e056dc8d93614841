"""What a person is shown of the queue, and the commands that an operator may give."""
