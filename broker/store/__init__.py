"""Everything that knows the database's tables. Frozen data comes out, never rows."""
