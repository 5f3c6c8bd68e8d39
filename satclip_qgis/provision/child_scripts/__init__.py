"""Small scripts that the engine's interpreter runs for the plugin: standard library only."""
