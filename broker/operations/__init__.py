"""What a person is shown of the queue and may order, whatever the face."""
