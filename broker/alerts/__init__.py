"""Messages to people who are not looking: gathered, delivered, kept until they are."""
