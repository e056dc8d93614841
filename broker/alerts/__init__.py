"""Alerts: notices to people by webhook or mail, kept until they are delivered."""
