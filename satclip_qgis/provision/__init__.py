"""Finding, installing, starting and stopping the engine; nothing happens at import."""
