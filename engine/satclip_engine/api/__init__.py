"""The loopback HTTP interface of the engine; imports nothing heavy, so that it answers at once."""
