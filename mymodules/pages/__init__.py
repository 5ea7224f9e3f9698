"""All that a browser gets: scripts, styles, markup, and the linker that puts them into one text."""
