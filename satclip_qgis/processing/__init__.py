"""The Processing provider ``satclip``: thin algorithms over the engine's jobs."""
