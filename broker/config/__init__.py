"""The configuration: one TOML file, checked whole, and what it names on this machine."""
