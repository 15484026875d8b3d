"""Commands of people that write: carried out by the daemon where one runs, else by the command itself."""
