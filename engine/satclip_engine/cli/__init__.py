"""The command line ``satclip``."""
