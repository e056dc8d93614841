"""Plain data and decisions. Standard library only; no clock, no randomness, no input or output."""
