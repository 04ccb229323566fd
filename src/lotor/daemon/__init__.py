"""The program: assembles the engines for a configuration, keeps the sessions, and ends in an orderly way."""
