"""One film as it lies on the sheet: places, gray levels, and the picture of it."""
