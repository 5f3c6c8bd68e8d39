"""Training sets: image-text pairs made from layers, imported, checked and split by place."""
