"""The plugin's side of the loopback API: transport, typed calls and the event stream; no widgets."""
