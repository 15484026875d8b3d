"""What the store says to people: for the commands that show it, and for the page."""
