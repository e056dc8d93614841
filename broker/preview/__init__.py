"""A film as it will lie on the sheet, and the test film."""
