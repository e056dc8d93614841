"""`broker top`: the System Overview as a terminal screen."""
