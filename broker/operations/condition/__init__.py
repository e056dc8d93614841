"""What a person is shown of the whole: its state, alarms, readiness, refusals."""
