"""Worker processes: everything heavy runs here, told over pipes, ended at any time without harm."""
