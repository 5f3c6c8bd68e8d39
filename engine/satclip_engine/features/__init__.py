"""Dense, text-aligned features of a scene: encoded once, kept on disk, asked many times."""
