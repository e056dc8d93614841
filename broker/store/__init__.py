"""Everything that knows the database or the spool's files. Frozen data comes out, never rows."""
