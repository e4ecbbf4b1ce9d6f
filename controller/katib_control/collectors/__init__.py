"""From lines, files and event files to observations: parsing is pure, following is thin."""
