"""The queue and its pixels: copied beside a running broker, brought back, and checked."""
