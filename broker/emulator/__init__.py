"""Printers and modalities that are programs: for the demo, the tests and site acceptance."""
