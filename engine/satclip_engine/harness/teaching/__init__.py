"""How much a few samples help, and how far advice saves clicks: the study behind teaching by example."""
