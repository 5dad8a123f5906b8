"""One hazard travels the whole loop through the public API alone; cut off anywhere, the story goes on where it was."""
