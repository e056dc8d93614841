"""What a person is shown of jobs, one by one and in lists."""
