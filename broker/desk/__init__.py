"""The front desk: what a person is shown of the queue and orders of it, whatever the face."""
