"""The disk, and whether database, spool and clock can be believed."""
