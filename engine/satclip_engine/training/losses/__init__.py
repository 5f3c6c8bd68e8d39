"""What training makes small: functions of vectors and tensors that know nothing of models."""
